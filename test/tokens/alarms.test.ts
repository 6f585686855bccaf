import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { createIsolate } from "../../src/ledger/parts.ts";
import { around } from "../support/around.ts";
import { alarmOf, createRecordingWorld, ledgerOf, restoreAfterEach, runAlarms } from "../support/ledger.ts";
import { bodyOf, type World } from "../support/world.ts";

restoreAfterEach();

const record = (uid: string, token: string, expiresAt: number | null, now: number) =>
  ledgerOf(uid).record(uid, { app: "main", token, session: token, name: null, mintedAt: now, expiresAt });

/** Makes the Durable Objects spread their work over random times, as when they are deployed. */
function spreadOverRandomTimes(world: World): void {
  const isolate = createIsolate({ ...world.deps, random: () => Math.random() });
  around.isolate = { deps: isolate.deps, partsOf: () => isolate.partsOf(world.env) };
}

describe("tokens of many users with the same end", () => {
  it("are revoked over five minutes after it, and never before", async () => {
    const world = createRecordingWorld();
    spreadOverRandomTimes(world);
    const now = Date.now();
    const end = now + 3_600_000;
    const users = Array.from({ length: 150 }, (_, number) => `user-${number}`);
    for (const uid of users) await record(uid, `${uid}_1`, end, now);
    const times = await Promise.all(users.map(alarmOf));
    const late = times.map((time) => Number(time) - end);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThanOrEqual(300_000);
    // On average, 15 of the 150 are in each of the ten half minutes.
    const halves = Array.from({ length: 10 }, (_, n) => late.filter((ms) => Math.floor(ms / 30_000) === n).length);
    expect(Math.max(...halves)).toBeLessThan(35);
    expect(Math.min(...halves)).toBeGreaterThan(0);
  });

  it("are revoked within a tenth of their ttl after it", async () => {
    const world = createRecordingWorld();
    spreadOverRandomTimes(world);
    const now = Date.now();
    for (let n = 0; n < 20; n += 1) {
      await record(`user-${n}`, `user-${n}_1`, now + 60_000, now);
      expect(Number(await alarmOf(`user-${n}`)) - now).toBeLessThanOrEqual(66_000);
    }
  });
});

describe("a user with more tokens than CometChat keeps", () => {
  it("causes no alarm if none of them has an end", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { reuse: "session" } } });
    await world.signIn({ subject: "alice" });
    const now = Date.now();
    for (let n = 0; n < 105; n += 1) await record("alice", world.simulator.mint("alice"), null, now + n);
    expect(await alarmOf("alice")).toBeNull();
  });
});

describe("CometChat after an hour's outage", () => {
  it("is not called for all users at the same time", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    spreadOverRandomTimes(world);
    const users = Array.from({ length: 12 }, (_, number) => `user-${number}`);
    let end = 0;
    for (const subject of users) end = Date.parse(String((await bodyOf(await world.signIn({ subject }))).expiresAt));
    world.simulator.faults.add({ match: "revoke", effect: { kind: "refuse" } });
    vi.useFakeTimers({ toFake: ["Date"], now: end });
    for (let time = 0; time < 3; time += 1) {
      for (const uid of users) {
        const at = await alarmOf(uid);
        vi.setSystemTime(Number(at));
        await runInDurableObject(ledgerOf(uid), (ledger) => (ledger as unknown as { alarm(): Promise<void> }).alarm());
      }
    }
    const times = (await Promise.all(users.map(alarmOf))).map(Number).sort((a, b) => a - b);
    expect(Number(times.at(-1)) - Number(times[0])).toBeGreaterThan(30_000);
    world.simulator.faults.clear();
    for (const uid of users) await runAlarms(uid);
    expect(users.flatMap((uid) => world.simulator.tokens(uid))).toEqual([]);
  });
});
