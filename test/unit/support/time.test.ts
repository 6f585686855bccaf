import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { sessionDigest } from "../../../src/kv.ts";
import { createRecordingWorld, ledgerOf, restoreAfterEach } from "../../support/ledger.ts";
import { sleep, virtualTime } from "../../support/time.ts";
import { ISSUER } from "../../support/world.ts";

restoreAfterEach();

const real = { setTimeout, now: Date.now, timeout: AbortSignal.timeout };

/** A store that answers in real time. */
class Slow {
  get(): Promise<string> {
    return new Promise((resolve) => real.setTimeout(() => resolve("answer"), 50));
  }
}
const slow = new Slow();

describe("virtual time", () => {
  virtualTime(slow);

  it("lets a day pass at once, and not more time than the test waits for", async () => {
    const begun = Date.now();
    await sleep(86_400_000);
    expect(Date.now() - begun).toBe(86_400_000);
  });

  it("ends timers in the order of their time, not of their start", async () => {
    const begun = Date.now();
    const ended: number[] = [];
    await Promise.all([300, 100, 200, 100].map((ms) => sleep(ms).then(() => ended.push(Date.now() - begun))));
    expect(ended).toEqual([100, 100, 200, 300]);
  });

  it("stands still during a real call, so that a deadline does not pass", async () => {
    const begun = Date.now();
    for (const ask of [() => slow.get(), () => env.USERS.get("alice"), () => env.HOME.getByName("alice").home()]) {
      expect(await Promise.race([ask(), sleep(1).then(() => "late")])).not.toBe("late");
      expect(Date.now()).toBe(begun);
      await sleep(0);
    }
  });

  it("passes while a ledger waits, and ends the ledger's timers too", async () => {
    const world = createRecordingWorld({ simulator: { latency: 300 } });
    await world.signIn({ subject: "alice", sid: "phone" });
    const session = `session ${await sessionDigest(ISSUER, "phone")}` as const;
    world.simulator.faults.add({ match: "revoke", times: 1, effect: { kind: "hang" } });
    const begun = Date.now();
    const ended = await ledgerOf("alice").end("alice", session, { at: begun, budget: 86_400_000 });
    expect(ended).toEqual({ ok: true, value: true });
    // The first attempt ends after four seconds without an answer. The second one is answered after 300 ms.
    expect(Date.now() - begun).toBe(4_300);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("aborts a signal at its time, and does not run a timer that was cleared", async () => {
    const begun = Date.now();
    const woken: string[] = [];
    clearTimeout(setTimeout(() => woken.push("cleared"), 50));
    const signal = AbortSignal.timeout(100);
    await sleep(99);
    expect(signal.aborted).toBe(false);
    await sleep(1);
    await sleep(0);
    expect([signal.aborted, signal.reason?.name, Date.now() - begun]).toEqual([true, "TimeoutError", 100]);
    expect(woken).toEqual([]);
  });
});

it("the time is real after tests with virtual time", () => {
  expect(setTimeout).toBe(real.setTimeout);
  expect(Date.now).toBe(real.now);
  expect(AbortSignal.timeout).toBe(real.timeout);
});
