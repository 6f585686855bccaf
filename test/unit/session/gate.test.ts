import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  asked,
  begun,
  ended,
  type Gate,
  IDLE,
  isBusy,
  mayBegin,
  reopened,
  restOf,
  shared,
} from "../../../src/session/gate.ts";

const RULES = { cooldown: 30_000, most: 4_000 };

describe("the gate for fetches of a provider's keys", () => {
  it("permits the first fetch at once, and no second one at the same time", () => {
    expect(mayBegin(IDLE, 0, RULES)).toBe(true);
    const fetching = begun(IDLE, 0);
    expect(isBusy(fetching, 4_000, RULES.most)).toBe(true);
    expect(mayBegin(fetching, 4_000, RULES)).toBe(false);
  });

  it("permits another fetch if one has not ended in its time", () => {
    expect(mayBegin(begun(IDLE, 0), 4_001, RULES)).toBe(true);
  });

  it.each([
    [0, 30_000, false],
    [1, 29_999, false],
    [29_999, 1, false],
    [30_000, 0, true],
    // The clock was set back.
    [-1, 0, true],
    [-3_600_000, 0, true],
  ])("permits the next attempt after the cool-down: %i ms after an attempt, in %i ms", (since, rest, may) => {
    const gate = asked(IDLE, 1_000_000);
    expect([restOf(gate, 1_000_000 + since, RULES.cooldown), mayBegin(gate, 1_000_000 + since, RULES)]).toEqual([
      rest,
      may,
    ]);
  });

  it("counts another isolate's fetch like one of its own, unless its own was later", () => {
    expect(shared(asked(IDLE, 10), 20).attemptedAt).toBe(20);
    expect(shared(asked(IDLE, 20), 10).attemptedAt).toBe(20);
  });

  it("permits a fetch at once after the last attempt is taken back", () => {
    expect(mayBegin(reopened(asked(IDLE, 0)), 1, RULES)).toBe(true);
  });

  it("is not opened by the late end of a fetch while another one is under way", () => {
    const first = begun(IDLE, 0);
    const second = begun(first, 5_000);
    expect(ended(second, first.pending)).toBe(second);
    expect(isBusy(ended(second, second.pending), 5_000, RULES.most)).toBe(false);
  });

  it("never permits two fetches at once or two attempts in one cool-down, after any sequence of steps", () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 40_000 }), does: fc.constantFrom("ask", "end", "share") });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let gate: Gate = IDLE;
        let now = 1_000_000;
        let under: { mark: Gate["pending"]; since: number } | undefined;
        let last = Number.NEGATIVE_INFINITY;
        for (const { wait, does } of steps) {
          now += wait;
          if (does === "share") gate = shared(gate, now - wait / 2);
          if (does === "end" && under) {
            gate = ended(gate, under.mark);
            under = undefined;
          }
          if (does !== "ask" || !mayBegin(gate, now, RULES)) continue;
          expect(under === undefined || now - under.since > RULES.most).toBe(true);
          expect(now - last).toBeGreaterThanOrEqual(RULES.cooldown);
          gate = asked(begun(gate, now), now);
          under = { mark: gate.pending, since: now };
          last = now;
        }
      }),
    );
  });

  it("closes for at most the cool-down, and never for a negative time", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.nat(), (at, now, cooldown) => {
        const rest = restOf(asked(IDLE, at), now, cooldown);
        expect(rest >= 0 && rest <= cooldown).toBe(true);
      }),
    );
  });
});
