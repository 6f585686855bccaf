import { afterEach, describe, expect, it, vi } from "vitest";
import { deadline } from "../../../src/context.ts";
import {
  KEYS_COLD_COOLDOWN_MS,
  KEYS_COOLDOWN_MS,
  KEYS_FRESH_LEAST_MS,
  KEYS_FRESH_MOST_MS,
  KEYS_FRESH_MS,
  KEYS_KEPT_MS,
  KEYS_STALE_WAIT_MS,
} from "../../../src/limits.ts";
import type { SessionOptions } from "../../sandbox/provider/index.ts";
import { virtualTime } from "../../support/time.ts";
import {
  createVerifierWorld,
  GOOD,
  ISSUER,
  JWKS,
  NOON,
  outcome,
  simple,
  type VerifierWorld,
} from "../../support/verifier.ts";

const HOUR = 3_600_000;

/** A deadline without a timer. workerd allows ten thousand timers, and these tests make many requests. */
const NO_TIMER = deadline(8_000, () => 0);

const present = async (world: VerifierWorld, session: string) =>
  outcome(await world.verify(session, {}, world.context({ deadline: NO_TIMER })));

/** Verifies a new session, which is in no memory. */
const ask = async (world: VerifierWorld, options: SessionOptions = {}) =>
  present(world, await world.provider.issue(options));

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a JWKS from a cache", () => {
  const aged = (world: VerifierWorld, hours: () => number, control = "max-age=3600") => {
    world.intercept = async () =>
      Response.json(await world.provider.jwks(), {
        headers: { age: `${hours() * 3600}`, ...(control && { "cache-control": control }) },
      });
  };
  const ages = [23, 24, 25, 7 * 24].flatMap((hours) => [
    [hours, "max-age=3600"] as const,
    [hours, ""] as const,
    [hours, "max-age=604800"] as const,
  ]);

  it.each(ages)(
    "that is %i hours old (Cache-Control: %s) verifies sessions, and is not fetched more often than a fresh one",
    async (hours, control) => {
      const world = simple();
      aged(world, () => hours, control);
      const half = KEYS_COOLDOWN_MS / 2;
      // This is longer than the shortest time and the default time for which keys are fresh.
      const steps = (2 * KEYS_FRESH_MS) / half;
      for (let step = 0; step < steps; step += 1) {
        const before = world.fetched.length;
        const answers = await Promise.all([ask(world), ask(world), ask(world)]);
        await world.finished();
        expect(new Set(answers)).toEqual(new Set([GOOD]));
        expect(world.fetched.length - before).toBeLessThanOrEqual(1);
        world.clock.now += half;
      }
      // The keys are fresh for the shortest time at least, and may be fetched in the last third of it.
      expect(world.fetched.length).toBeLessThanOrEqual(Math.ceil((steps * half) / (0.7 * KEYS_FRESH_LEAST_MS)));
    },
  );

  it.each(ages)(
    "that is %i hours old (Cache-Control: %s) is used for a day from its fetch while the provider is down",
    async (hours, control) => {
      for (const known of ["memory", "copies"]) {
        const world = simple();
        aged(world, () => hours, control);
        expect(await ask(world)).toBe(GOOD);
        await world.finished();
        world.intercept = async () => new Response(null, { status: 502 });
        if (known === "memory") for (const store of [world.kv, world.cache]) store.values.clear();
        for (const after of [HOUR, 12 * HOUR, KEYS_KEPT_MS - 1]) {
          world.clock.now = NOON * 1000 + after;
          // Another isolate has the keys from the copies.
          if (known === "copies") world.restart();
          expect([after, await ask(world)]).toEqual([after, GOOD]);
        }
        world.clock.now = NOON * 1000 + KEYS_KEPT_MS;
        if (known === "copies") world.restart();
        expect(await ask(world)).toBe("keys-unavailable");
      }
    },
  );

  /** An isolate with keys from the provider. From now on, a cache answers with an older document. */
  async function overtaken(): Promise<VerifierWorld> {
    const world = simple();
    expect(await ask(world)).toBe(GOOD);
    await world.finished();
    aged(world, () => 24 + Math.floor((world.clock.now - NOON * 1000) / HOUR));
    return world;
  }

  it("that is older than the keys in memory refuses no session, and causes no fetch for each request", async () => {
    const world = await overtaken();
    for (let step = 0; step < 60; step += 1) {
      world.clock.now += KEYS_COOLDOWN_MS;
      const before = world.fetched.length;
      // One after the other, since requests at the same time share a fetch.
      for (let count = 0; count < 3; count += 1) expect(await ask(world)).toBe(GOOD);
      await world.finished();
      expect(world.fetched.length - before).toBeLessThanOrEqual(1);
    }
  });

  it("that is older than the keys in memory replaces them after a day", async () => {
    const world = await overtaken();
    for (const after of [KEYS_KEPT_MS - 1_000, KEYS_KEPT_MS - 1, KEYS_KEPT_MS, KEYS_KEPT_MS + HOUR]) {
      world.clock.now = NOON * 1000 + after;
      expect([after, await ask(world)]).toEqual([after, GOOD]);
      await world.finished();
    }
  });
});

describe("a rotation of keys without kids", () => {
  const NAMELESS = { kid: null };
  function nameless(algorithms = ["ES256"]): VerifierWorld {
    const world = simple({ algorithms });
    world.intercept = async () => {
      const { keys } = await world.provider.jwks();
      return Response.json({ keys: keys.map(({ kid: _, ...jwk }) => jwk) });
    };
    return world;
  }

  it("makes new sessions wait for the cool-down, without calling them invalid, and then accepts them", async () => {
    const world = nameless();
    expect(await ask(world, NAMELESS)).toBe(GOOD);
    world.clock.now += 1_000;
    await world.provider.rotate({ overlap: false });
    const session = await world.provider.issue(NAMELESS);
    for (const passed of [0, 10_000, KEYS_COOLDOWN_MS - 2_000]) {
      world.clock.now = NOON * 1000 + 1_000 + passed;
      const early = await world.verify(session);
      expect(early).toMatchObject({ ok: false, error: { reason: "keys-cooling-down" } });
      expect(early.ok ? 0 : early.error.retryAfter).toBe((KEYS_COOLDOWN_MS - 1_000 - passed) / 1000);
    }
    expect(world.fetched).toHaveLength(1);
    world.clock.now = NOON * 1000 + KEYS_COOLDOWN_MS;
    expect(await present(world, session)).toBe(GOOD);
    expect(await ask(world, NAMELESS)).toBe(GOOD);
    expect(world.fetched).toHaveLength(2);
  });

  it("accepts sessions of both keys while both are published", async () => {
    const world = nameless();
    const old = await world.provider.issue(NAMELESS);
    expect(await present(world, old)).toBe(GOOD);
    world.clock.now += KEYS_COOLDOWN_MS;
    await world.provider.rotate();
    expect(await ask(world, NAMELESS)).toBe(GOOD);
    expect(await present(world, old)).toBe(GOOD);
  });

  // A key of another type does not fit the token, so it is never tried.
  it.each([
    ["two types", ["ES256", "RS256"]],
    ["three types", ["ES256", "RS256", "EdDSA"]],
  ])("makes new sessions wait for the cool-down among keys of %s", async (_, algorithms) => {
    const world = nameless(algorithms);
    expect(await ask(world, NAMELESS)).toBe(GOOD);
    world.clock.now += 1_000;
    await world.provider.rotate({ overlap: false });
    const session = await world.provider.issue(NAMELESS);
    expect(await present(world, session)).toBe("keys-cooling-down");
    world.clock.now += KEYS_COOLDOWN_MS - 1_000;
    expect(await present(world, session)).toBe(GOOD);
    expect(world.fetched).toHaveLength(2);
  });

  it("makes new sessions wait while the provider is down, and accepts them afterwards", async () => {
    const world = nameless();
    expect(await ask(world, NAMELESS)).toBe(GOOD);
    const right = world.intercept;
    world.clock.now += KEYS_COOLDOWN_MS;
    await world.provider.rotate({ overlap: false });
    world.intercept = async () => new Response(null, { status: 500 });
    const session = await world.provider.issue(NAMELESS);
    expect(await present(world, session)).toBe("keys-cooling-down");
    world.intercept = right;
    world.clock.now += KEYS_COOLDOWN_MS;
    expect(await present(world, session)).toBe(GOOD);
  });

  it("does not let forged tokens cause more than one fetch in each cool-down", async () => {
    const world = nameless();
    expect(await ask(world, NAMELESS)).toBe(GOOD);
    const forged = { ...NAMELESS, forged: true };
    for (let round = 1; round <= 3; round += 1) {
      world.clock.now += KEYS_COOLDOWN_MS;
      const flood = await Promise.all(Array.from({ length: 50 }, () => ask(world, forged)));
      expect(new Set(flood)).toEqual(new Set(["signature-wrong"]));
      expect(world.fetched).toHaveLength(1 + round);
      world.clock.now += 5_000;
      // A token that is older than the keys is refused at once, and valid sessions are accepted.
      const old = { ...forged, issuedAt: world.clock.now / 1000 - 60 };
      expect(await Promise.all(Array.from({ length: 20 }, () => ask(world, old)))).toEqual(
        Array(20).fill("signature-wrong"),
      );
      expect(await ask(world, NAMELESS)).toBe(GOOD);
      expect(world.fetched).toHaveLength(1 + round);
      world.clock.now -= 5_000;
    }
  });
});

describe("a JWKS that has moved", () => {
  const MOVED = `${ISSUER}/moved`;

  /** The old address is 404; copies of the old keys and of the old discovery document are in Cache and KV. */
  async function moved() {
    const world = createVerifierWorld();
    expect(await ask(world)).toBe(GOOD);
    await world.finished();
    expect([world.kv.values.size, world.cache.values.size]).toEqual([2, 2]);
    const first = await world.provider.jwks();
    world.intercept = async (address) => {
      if (address === MOVED) return Response.json(await world.provider.jwks());
      if (address === JWKS) return new Response(null, { status: 404 });
      return Response.json({ issuer: ISSUER, jwks_uri: MOVED });
    };
    return { world, first };
  }

  it.each(["this isolate", "another one"])("is found after one or two cool-downs, in %s", async (where) => {
    const { world } = await moved();
    const old = await world.provider.issue();
    await world.provider.rotate();
    world.clock.now += 1_000;
    const session = await world.provider.issue();
    if (where === "another one") world.restart();
    let actual = "";
    let waited = 0;
    for (; actual !== GOOD && waited <= 3 * KEYS_COOLDOWN_MS; waited += KEYS_COOLDOWN_MS) {
      actual = await present(world, session);
      // No session is called invalid until it is found.
      expect(["keys-cooling-down", GOOD]).toContain(actual);
      expect(await present(world, old)).toBe(GOOD);
      await world.finished();
      world.clock.now += KEYS_COOLDOWN_MS;
    }
    expect(actual).toBe(GOOD);
    // There are three attempts: at once, after one cool-down, and after two.
    expect(waited).toBeLessThanOrEqual(3 * KEYS_COOLDOWN_MS);
    expect(world.fetched.at(-1)).toBe(MOVED);
    // The copies have the new address, so a cold isolate does not have to find it.
    world.restart();
    expect(await ask(world)).toBe(GOOD);
    expect(world.fetched.filter((address) => address === JWKS).length).toBeLessThanOrEqual(2);
  });

  it("refuses no session while the keys are still the same", async () => {
    const { world } = await moved();
    for (let step = 0; step < 30; step += 1) {
      world.clock.now += KEYS_FRESH_MS / 2;
      expect(await ask(world)).toBe(GOOD);
      await world.finished();
    }
    expect(world.fetched.at(-1)).toBe(MOVED);
  });

  it("is found by a cold isolate whose copies are too old to be used", async () => {
    const { world } = await moved();
    world.clock.now += KEYS_KEPT_MS;
    await world.provider.rotate({ overlap: false });
    world.restart();
    let answer = await ask(world);
    if (answer !== GOOD) {
      world.clock.now += KEYS_COLD_COOLDOWN_MS;
      answer = await ask(world);
    }
    expect(answer).toBe(GOOD);
  });
});

describe("while a fetch of the keys hangs, a session", () => {
  virtualTime();

  /** The JWKS hangs until the test is over. */
  function hanging(world: VerifierWorld): () => Promise<void> {
    let end = (_: Response) => {};
    const never = new Promise<Response>((resolve) => {
      end = resolve;
    });
    world.intercept = () => never.then((response) => response.clone());
    return async () => {
      end(new Response(null, { status: 503 }));
      await world.finished();
    };
  }
  const timed = async (world: VerifierWorld, ms: number): Promise<[string, number, number]> => {
    const session = await world.provider.issue();
    const limit = deadline(ms, Date.now);
    const start = Date.now();
    const result = await world.verify(session, {}, world.context({ deadline: limit }));
    return [outcome(result), Date.now() - start, limit.left()];
  };

  it("waits for about half a second if there are stale keys", async () => {
    const world = simple();
    expect(await ask(world)).toBe(GOOD);
    await world.finished();
    world.clock.now += KEYS_FRESH_MOST_MS;
    const over = hanging(world);
    const [answer, ms] = await timed(world, 8_000);
    expect(answer).toBe(GOOD);
    expect(ms).toBe(KEYS_STALE_WAIT_MS);
    // The next session does not wait.
    const [next, soon] = await timed(world, 8_000);
    expect(next).toBe(GOOD);
    expect(soon).toBe(0);
    await over();
  });

  it("is answered within the request's time if there are no keys", async () => {
    const world = simple();
    const over = hanging(world);
    const [answer, ms, left] = await timed(world, 1_000);
    expect(answer).toBe("keys-unavailable");
    expect(ms).toBeGreaterThanOrEqual(500);
    expect(left).toBeGreaterThan(0);
    await over();
  });
});

describe("a fetch of keys that fails", () => {
  it.each([
    ["refused", { kind: "refused" }, "unreachable"],
    ["500", { kind: "status", status: 500 }, "status"],
    ["a redirect", { kind: "redirect" }, "redirect"],
    ["HTML", { kind: "html" }, "not-json"],
    ["an empty set", { kind: "empty-set" }, "no-usable-key"],
    ["too many keys", { kind: "many-keys", count: 200 }, "too-many-keys"],
    ["too large", { kind: "huge" }, "too-large"],
  ] as const)("is logged once, with the failure and whether old keys are used: %s", async (_, providerFault, fault) => {
    const world = simple();
    expect(await ask(world)).toBe(GOOD);
    await world.finished();
    expect(world.logs).toEqual([]);
    world.provider.fault = providerFault;
    world.clock.now += KEYS_FRESH_MS;
    expect(await ask(world)).toBe(GOOD);
    expect(world.logs).toEqual([{ event: "keys-fetch-failed", issuer: ISSUER, fault, kept: true }]);
    // One line for each attempt, not for each request.
    for (let count = 0; count < 5; count += 1) await ask(world);
    expect(world.logs).toHaveLength(1);
    world.clock.now += KEYS_COOLDOWN_MS;
    expect(await ask(world)).toBe(GOOD);
    expect(world.logs).toHaveLength(2);

    const cold = simple();
    cold.provider.fault = providerFault;
    expect(await ask(cold)).toBe("keys-unavailable");
    expect(cold.logs).toEqual([{ event: "keys-fetch-failed", issuer: ISSUER, fault, kept: false }]);
  });

  it("leaves the old keys valid for at most a day, also for sessions in memory", async () => {
    const world = simple();
    const session = await world.provider.issue({ expiresIn: 3 * 86_400 });
    expect(await present(world, session)).toBe(GOOD);
    world.provider.fault = { kind: "refused" };
    const end = NOON * 1000 + KEYS_KEPT_MS;
    // The session is verified just before the end, and then is in memory.
    world.clock.now = end - 1_000;
    expect(await present(world, session)).toBe(GOOD);
    const spy = vi.spyOn(crypto.subtle, "verify");
    world.clock.now = end - 1;
    expect(await present(world, session)).toBe(GOOD);
    expect(spy).not.toHaveBeenCalled();
    world.clock.now = end;
    expect(await present(world, session)).toBe("keys-unavailable");
  });
});
