import { describe, expect, it } from "vitest";
import { KEYS_FRESH_MOST_MS, KEYS_STALE_WAIT_MS } from "../../src/limits.ts";
import { memoryKv } from "../support/stores.ts";
import { virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, type ProblemAnswer, type WorldOptions } from "../support/world.ts";

virtualTime();

describe("while a provider's JWKS hangs, a sign-in", () => {
  /** A gateway with a clock that can be moved, and its own KV. */
  function worldWithHangingKeys(env: Record<string, unknown>, { ...options }: WorldOptions = {}) {
    let moved = 0;
    const world = createWorld({
      ...options,
      env: { USERS: memoryKv(), ...env },
      deps: { now: () => Date.now() + moved },
      provider: { algorithms: ["ES256"], now: () => Date.now() + moved },
    });
    return {
      ...world,
      /** Makes the keys stale. They may still be used. */
      pass: () => {
        moved += KEYS_FRESH_MOST_MS;
      },
      /** A sign-in: its status, body, answer and milliseconds. */
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

  it("without keys is answered 503 keys-unavailable within its time, and CometChat is not called", async () => {
    const world = worldWithHangingKeys({ REQUEST_TIMEOUT_MS: 1_000 });
    const { status, body, response, ms } = await world.timed();
    expect([status, body.code]).toEqual([503, "keys-unavailable"]);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(ms).toBeLessThan(1_000);
    expect(world.simulator.journal.entries).toEqual([]);
    await world.finish();
  });

  it("with stale keys works within a timeout of one second", async () => {
    const world = worldWithHangingKeys({ REQUEST_TIMEOUT_MS: 1_000 });
    expect((await world.signIn({ subject: "alice" })).status).toBe(201);
    world.pass();
    const { status, ms } = await world.timed();
    expect(status).toBe(201);
    expect(ms).toBeLessThan(1_000);
    await world.finish();
  });

  it("with stale keys works after half a second with the default timeout", async () => {
    const world = worldWithHangingKeys({});
    expect((await world.signIn({ subject: "alice" })).status).toBe(201);
    world.pass();
    const { status, ms } = await world.timed();
    expect(status).toBe(201);
    expect(ms).toBe(KEYS_STALE_WAIT_MS);
    await world.finish();
  });
});
