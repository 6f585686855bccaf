import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBreaker } from "../../../src/cometchat/breaker.ts";
import { BREAKER_FAILURES, BREAKER_OPEN_MS, BREAKER_PROBE_MS } from "../../../src/limits.ts";
import { app, createClientWorld, json, refusal, script } from "../../support/client.ts";
import { virtualTime } from "../../support/time.ts";

function breaker() {
  let now = 1_000;
  const made = createBreaker(() => now);
  const permit = () => made.permit();
  const call = (outcome: "good" | "bad"): boolean => {
    const permitted = permit();
    if ("wait" in permitted) return false;
    permitted.report(outcome === "good");
    return true;
  };
  const open = () => {
    for (let n = 0; n < BREAKER_FAILURES; n++) call("bad");
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { ...made, permit, call, open, pass };
}

describe("the circuit breaker", () => {
  test("opens after several failures in a row, between which no call succeeded", () => {
    const { call, admits } = breaker();
    for (let n = 1; n < BREAKER_FAILURES; n++) call("bad");
    expect(admits()).toBe(true);
    call("good");
    for (let n = 1; n < BREAKER_FAILURES; n++) call("bad");
    expect(admits()).toBe(true);
    call("bad");
    expect(admits()).toBe(false);
  });

  test("reports once that it opens and once that it closes, not each failure", () => {
    let now = 1_000;
    const reported: string[] = [];
    const { permit } = createBreaker(
      () => now,
      (state) => reported.push(state),
    );
    const call = (outcome: "good" | "bad") => {
      const permitted = permit();
      if ("report" in permitted) permitted.report(outcome === "good");
    };
    for (let n = 0; n < BREAKER_FAILURES + 3; n++) call("bad");
    now += BREAKER_OPEN_MS;
    call("bad");
    expect(reported).toEqual(["open"]);
    now += BREAKER_OPEN_MS;
    call("good");
    call("good");
    expect(reported).toEqual(["open", "closed"]);
  });

  test("says how long it stays open, and permits one probe after that time", () => {
    const { permit, open, pass } = breaker();
    open();
    expect(permit()).toEqual({ wait: BREAKER_OPEN_MS });
    pass(BREAKER_OPEN_MS - 1);
    expect(permit()).toEqual({ wait: 1 });
    pass(1);
    expect(permit()).toHaveProperty("report");
    expect(permit()).toEqual({ wait: BREAKER_PROBE_MS });
  });

  test("answers whether it would permit a call: not while it is open, and not during a probe", () => {
    const { admits, permit, open, pass } = breaker();
    open();
    pass(BREAKER_OPEN_MS - 1);
    expect(admits()).toBe(false);
    pass(1);
    expect(admits()).toBe(true);
    permit();
    expect(admits()).toBe(false);
    pass(BREAKER_PROBE_MS);
    expect(admits()).toBe(true);
  });

  test("closes after a probe that succeeds, and stays open after one that fails", () => {
    const { call, open, pass, admits, permit } = breaker();
    open();
    pass(BREAKER_OPEN_MS);
    call("bad");
    expect(permit()).toEqual({ wait: BREAKER_OPEN_MS });
    pass(BREAKER_OPEN_MS);
    call("good");
    expect(admits()).toBe(true);
    // It opens again only after as many failures as the first time.
    call("bad");
    expect(admits()).toBe(true);
  });

  test("permits the next probe after a while if the last one never reported", () => {
    const { permit, call, open, pass, admits } = breaker();
    open();
    pass(BREAKER_OPEN_MS);
    expect(permit()).toHaveProperty("report");
    pass(BREAKER_PROBE_MS);
    expect(call("good")).toBe(true);
    expect(admits()).toBe(true);
  });

  test("stays open no longer if an earlier call fails late, and closes if an earlier call succeeds late", () => {
    const { permit, open, pass, admits } = breaker();
    const [early, late] = [permit(), permit()];
    open();
    pass(3_000);
    if ("report" in early) early.report(false);
    expect(permit()).toEqual({ wait: BREAKER_OPEN_MS - 3_000 });
    if ("report" in late) late.report(true);
    expect(admits()).toBe(true);
  });

  test("closes after one call that succeeds after the longest wait, whatever happened before", () => {
    const step = fc.oneof(
      fc.constantFrom("good" as const, "bad" as const),
      fc.constant("vanishes" as const),
      fc.integer({ min: 0, max: 20_000 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { permit, call, pass, admits } = breaker();
        for (const step of steps) {
          if (typeof step === "number") pass(step);
          else if (step === "vanishes") permit();
          else call(step);
        }
        pass(Math.max(BREAKER_OPEN_MS, BREAKER_PROBE_MS));
        expect(call("good")).toBe(true);
        expect(admits()).toBe(true);
      }),
    );
  });
});

describe("an app of CometChat whose calls fail again and again", () => {
  virtualTime();

  const token = "alice_1";
  const good = json(200, { data: { uid: "alice", authToken: token } });
  const down = new TypeError("connection refused");

  test("is not called for a while, in which callers are answered at once with the time to wait", async () => {
    const { chat, asked, advance, request } = createClientWorld(script(down));
    for (let n = 0; n < 3; n++) {
      expect(await chat.mint("alice", request())).toMatchObject({ error: { reason: "upstream-unreachable" } });
    }
    expect(asked.length).toBe(BREAKER_FAILURES);
    expect(chat.hasRoom()).toBe(false);
    expect(await chat.mint("alice", request())).toEqual({
      ok: false,
      error: { reason: "upstream-open", retryAfter: 5 },
    });
    advance(3_000);
    expect(await chat.mint("alice", request())).toMatchObject({ error: { reason: "upstream-open", retryAfter: 2 } });
    expect(asked.length).toBe(BREAKER_FAILURES);
  });

  test("is called once after that time, and always after its first answer", async () => {
    let up = false;
    const { chat, asked, advance, request } = createClientWorld(async () => {
      if (!up) throw down;
      return good.clone();
    });
    for (let n = 0; n < 3; n++) await chat.mint("alice", request());
    advance(BREAKER_OPEN_MS);
    const before = asked.length;
    expect((await chat.mint("alice", request())).ok).toBe(false);
    expect(asked.length).toBe(before + 1);
    up = true;
    advance(BREAKER_OPEN_MS);
    const answers = await Promise.all([1, 2, 3, 4].map(() => chat.mint("alice", request())));
    // One call is the probe. The others are answered at once.
    expect(answers.filter(({ ok }) => ok).length).toBe(1);
    expect(await chat.mint("alice", request())).toEqual({ ok: true, value: token });
    expect(chat.hasRoom()).toBe(true);
  });

  test("does not affect another app", async () => {
    const broken = createClientWorld(script(down));
    const other = createClientWorld(script(good), { on: { ...app, name: "other", appId: "app2" } });
    for (let n = 0; n < 4; n++) await broken.chat.mint("alice", broken.request());
    expect(await other.chat.mint("alice", other.request())).toMatchObject({ ok: true });
  });

  test.each([
    ["of a wrong key", refusal(403, "AUTH_ERR_NO_ACCESS")],
    ["of a missing user", refusal(404, "ERR_UID_NOT_FOUND")],
    ["of a uid that exists", refusal(400, "ERR_UID_ALREADY_EXISTS")],
    ["of the plan's limit", refusal(402, "ERR_PLAN_QUOTA_RESTRICTION")],
  ])("is called again and again if its calls fail because %s", async (_, answer) => {
    const { chat, asked, request } = createClientWorld(script(answer));
    for (let n = 0; n < 20; n++) await chat.mint("alice", request());
    expect(asked.length).toBe(20);
    expect(chat.hasRoom()).toBe(true);
  });
});
