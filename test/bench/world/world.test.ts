import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { installClock } from "../../support/clock.ts";
import { type Chance, createChance, percentile } from "./chance.ts";
import { ACCESS, COMETCHAT, KV, OHIO_ROUND_TRIP, ROUND_TRIP, SAME_CITY } from "./facts.ts";
import { charge } from "./growth.ts";
import { PRICES } from "./prices.ts";
import { signIns } from "./signins.ts";

/** Each duration is its median, and nothing happens by chance. */
const calm: Chance = { random: () => 0.5, draw: ({ p50 }) => p50, happens: () => false };
const nearby = 3 * (ACCESS.p50 + SAME_CITY);

describe("the simulation of the speed page", () => {
  let clock: ReturnType<typeof installClock>;
  beforeEach(() => {
    clock = installClock(Date.UTC(2026, 10, 25, 12));
  });
  afterEach(() => clock.restore());

  test("in London, a token from the gateway takes three round trips in the city and one call, and at first a read of KV", async () => {
    const { met, cost } = await signIns("fresh", "eu", ["London"], 3, clock, calm);
    const known = nearby + ROUND_TRIP.eu.London + COMETCHAT.p50;
    // The first sign-in also fetches the identity provider's keys.
    const [first = 0, ...others] = met.get("London")?.first ?? [];
    expect(first).toBeGreaterThan(known + KV.cold.p50);
    for (const ms of others) expect(ms).toBeCloseTo(known + KV.cold.p50, 2);
    for (const ms of met.get("London")?.later ?? []) expect(ms).toBeCloseTo(known, 2);
    expect(cost.first.cometchat).toBe(2);
    expect(cost.later.cometchat).toBe(1);
  });

  test("in London, a token from a server in Ohio takes three round trips to Ohio and one call, and at first two calls", async () => {
    const { met, cost } = await signIns("server", "eu", ["London"], 2, clock, calm);
    const reached = 3 * (ACCESS.p50 + ROUND_TRIP.us.London);
    const call = OHIO_ROUND_TRIP.eu + COMETCHAT.p50;
    for (const ms of met.get("London")?.first ?? []) expect(ms).toBeCloseTo(reached + 2 * call, 2);
    for (const ms of met.get("London")?.later ?? []) expect(ms).toBeCloseTo(reached + call, 2);
    expect([cost.first.cometchat, cost.later.cometchat]).toEqual([2, 1]);
  });

  test("KV that does not answer in time does not delay a known user", async () => {
    const slow: Chance = { ...calm, draw: (spread) => (spread === KV.cold ? 10_000 : spread.p50) };
    const { met } = await signIns("fresh", "eu", ["London"], 2, clock, slow);
    for (const ms of met.get("London")?.later ?? []) {
      expect(ms).toBeCloseTo(nearby + ROUND_TRIP.eu.London + COMETCHAT.p50, 2);
    }
  });

  test("time stands still while something is computed, on another thread too", async () => {
    const begun = clock.now();
    const passed = await clock.run(async () => {
      const timer = clock.sleep(1);
      await crypto.subtle.digest("SHA-256", new Uint8Array(10_000_000));
      const meanwhile = clock.now() - begun;
      await timer;
      return meanwhile;
    });
    expect(passed).toBe(0);
    expect(clock.now() - begun).toBe(1);
  });

  test("waiting for an event that cannot come ends with an error", async () => {
    await expect(clock.run(() => new Promise(() => {}))).rejects.toThrow("stuck");
  });
});

test("random durations have the given median and 99th percentile", () => {
  const { draw } = createChance(7);
  const values = Array.from({ length: 50_000 }, () => draw({ p50: 50, p99: 250 }));
  expect(percentile(values, 0.5) / 50).toBeCloseTo(1, 1);
  expect(percentile(values, 0.99) / 250).toBeCloseTo(1, 1);
});

// https://developers.cloudflare.com/workers/platform/pricing/ › Example 1
test("15 million requests of 7 ms cost what Cloudflare's own example says", () => {
  expect(charge(15e6, PRICES.requests)).toBeCloseTo(1.5, 6);
  expect(charge(15e6 * 7, PRICES.cpuMs)).toBeCloseTo(1.5, 6);
  expect(charge(9e6, PRICES.requests)).toBe(0);
});
