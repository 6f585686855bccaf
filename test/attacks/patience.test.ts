import { describe, expect, it } from "vitest";
import { KEYS_FRESH_MOST_MS, KEYS_STALE_WAIT_MS } from "../../src/limits.ts";
import { memoryKv } from "../support/stores.ts";
import { virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, type ProblemAnswer, type WorldOptions } from "../support/world.ts";

virtualTime();

/**
 * A provider whose JWKS hangs must leave a request the time to mint, whatever its time is.
 */
describe("a JWKS that hangs", () => {
  /** A gateway with a clock that can be moved, and keys that nobody else has. */
  function hanging(env: Record<string, unknown>, { ...options }: WorldOptions = {}) {
    let moved = 0;
    const world = createWorld({
      ...options,
      env: { USERS: memoryKv(), ...env },
      deps: { now: () => Date.now() + moved },
      provider: { algorithms: ["ES256"], now: () => Date.now() + moved },
    });
    return {
      ...world,
      /** The keys are stale from here on, and may still be used. */
      pass: () => {
        moved += KEYS_FRESH_MOST_MS;
      },
      /** Status, what was answered, and in how many milliseconds. */
      timed: async () => {
        world.provider.fault = { kind: "hang", on: "jwks" };
        const Authorization = `Bearer ${await world.provider.issue({ subject: "alice" })}`;
        const start = Date.now();
        const response = await world.ask("/v1/token", { method: "POST", headers: { Authorization } });
        const ms = Date.now() - start;
        return { status: response.status, body: await bodyOf<Partial<ProblemAnswer>>(response), response, ms };
      },
    };
  }

  it("cold, with a second for all: 503 keys-unavailable within it, and nothing is minted", async () => {
    const world = hanging({ REQUEST_TIMEOUT_MS: 1_000 });
    const { status, body, response, ms } = await world.timed();
    expect([status, body.code]).toEqual([503, "keys-unavailable"]);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(ms).toBeLessThan(1_000);
    expect(world.simulator.journal.entries).toEqual([]);
    await world.finish();
  });

  it("with stale keys and a second for all: 201", async () => {
    const world = hanging({ REQUEST_TIMEOUT_MS: 1_000 });
    expect((await world.signIn({ subject: "alice" })).status).toBe(201);
    world.pass();
    const { status, ms } = await world.timed();
    expect(status).toBe(201);
    expect(ms).toBeLessThan(1_000);
    await world.finish();
  });

  it("with stale keys and the usual time: 201 after about half a second", async () => {
    const world = hanging({});
    expect((await world.signIn({ subject: "alice" })).status).toBe(201);
    world.pass();
    const { status, ms } = await world.timed();
    expect(status).toBe(201);
    expect(ms).toBe(KEYS_STALE_WAIT_MS);
    await world.finish();
  });
});
