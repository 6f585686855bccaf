import { describe, expect, it } from "vitest";
import { KEYS_COOLDOWN_MS, KEYS_FRESH_MOST_MS, KEYS_KEPT_MS } from "../../src/limits.ts";
import type { ProviderFault } from "../sandbox/provider/index.ts";
import { virtualTime } from "../support/time.ts";
import { createVerifierWorld, outcome, type VerifierWorld } from "../support/verifier.ts";

virtualTime();

/**
 * The answer to a valid session while the identity provider fails, by the keys that this isolate has:
 * `cold` none; `warm` fresh keys; `stale` keys that are no longer fresh; `old` keys of more than a day ago;
 * `new key` fresh keys, and a session that is signed with a newer key.
 *
 * `yes`: accepted. `503`: keys-unavailable with Retry-After. It is never a 401, because a client signs its user out
 * after one.
 */
const STATES = ["cold", "warm", "stale", "old", "new key"] as const;
type State = (typeof STATES)[number];
type Answer = "yes" | "503";

const MATRIX: readonly [string, ProviderFault, Record<State, Answer>][] = [
  ["refused", { kind: "refused" }, row("503 yes yes 503 503")],
  ["timeout", { kind: "hang" }, row("503 yes yes 503 503")],
  ["slow drip", { kind: "drip", bytes: 4, everyMs: 100 }, row("503 yes yes 503 503")],
  ["5xx", { kind: "status", status: 503 }, row("503 yes yes 503 503")],
  ["404", { kind: "status", status: 404 }, row("503 yes yes 503 503")],
  ["redirect", { kind: "redirect" }, row("503 yes yes 503 503")],
  [
    "redirect to a metadata address",
    { kind: "redirect", location: "http://169.254.169.254/" },
    row("503 yes yes 503 503"),
  ],
  ["HTML", { kind: "html" }, row("503 yes yes 503 503")],
  ["truncated", { kind: "truncated" }, row("503 yes yes 503 503")],
  ["10 MB", { kind: "huge", bytes: 10 * 1024 * 1024 }, row("503 yes yes 503 503")],
  ["empty body", { kind: "empty" }, row("503 yes yes 503 503")],
  ["empty set", { kind: "empty-set" }, row("503 yes yes 503 503")],
  ["10,000 keys", { kind: "many-keys", count: 10_000 }, row("503 yes yes 503 503")],
  // The JWKS address is known for an hour, so a new key causes no discovery, and the JWKS itself is right.
  ["wrong issuer", { kind: "wrong-issuer" }, row("503 yes yes 503 yes")],
];

function row(answers: string): Record<State, Answer> {
  const list = answers.split(" ") as Answer[];
  return Object.fromEntries(STATES.map((state, index) => [state, list[index]])) as Record<State, Answer>;
}

const cells = MATRIX.flatMap(([name, fault, expected]) =>
  STATES.map((state) => [name, state, expected[state], fault] as const),
);

/** A verifier in that state, and a valid session. */
async function prepare(state: State): Promise<[VerifierWorld, string]> {
  // A request that hangs is aborted sooner than by default.
  const world = createVerifierWorld({ requestTimeout: 2_000 });
  if (state !== "cold") {
    await world.verify(await world.provider.issue());
    await world.finished();
  }
  if (state === "stale") world.clock.now += KEYS_FRESH_MOST_MS;
  if (state === "old") world.clock.now += KEYS_KEPT_MS;
  if (state === "new key") {
    world.clock.now += KEYS_COOLDOWN_MS;
    await world.provider.rotate();
  }
  return [world, await world.provider.issue()];
}

describe("while an identity provider fails, a session", () => {
  it.for(cells)("is never called invalid: %s, with a memory that is %s: %s", async ([, state, expected, fault]) => {
    const [world, session] = await prepare(state);
    world.provider.fault = fault;
    const before = world.fetched.length;
    const result = await world.verify(session);
    if (expected === "yes") expect(outcome(result)).toBe("session of alice");
    else {
      expect(result).toMatchObject({ ok: false, error: { reason: expect.stringMatching(/^keys-/) } });
      expect(result.ok ? 0 : result.error.retryAfter).toBeGreaterThanOrEqual(1);
    }
    const asked = world.fetched.length - before;
    // One attempt is a fetch of the discovery document and, if that was right, one of the JWKS.
    expect(asked).toBeLessThanOrEqual(2);
    if (state === "warm") expect(asked).toBe(0);
    expect(world.fetched.every((address) => address.startsWith("https://auth.example/"))).toBe(true);

    // A second session gets the same answer and causes no fetch.
    const second = await world.verify(await world.provider.issue());
    expect(second.ok).toBe(expected === "yes");
    expect(world.fetched.length - before).toBe(asked);
  });

  it.for(cells.filter(([, state]) => state === "cold"))(
    "is verified with the copy of the keys in KV: %s",
    async ([, , , fault]) => {
      const [world] = await prepare("stale");
      world.cache.values.clear();
      world.restart();
      world.provider.fault = fault;
      expect(outcome(await world.verify(await world.provider.issue()))).toBe("session of alice");
    },
  );

  it.for(cells.filter(([, state]) => state === "stale"))(
    "is verified with the provider's new keys when the failure is over: %s",
    async ([, , , fault]) => {
      const [world, session] = await prepare("stale");
      world.provider.fault = fault;
      await world.verify(session);
      world.provider.fault = undefined;
      await world.provider.rotate({ overlap: false });
      world.clock.now += KEYS_COOLDOWN_MS;
      expect(outcome(await world.verify(await world.provider.issue()))).toBe("session of alice");
      expect(outcome(await world.verify(session))).toBe("key-unknown");
    },
  );
});

describe("while an identity provider and the stores are down, a session", () => {
  const failing = ["throws", "hangs"] as const;
  it.each(failing.flatMap((kv) => failing.map((cache) => [kv, cache] as const)))(
    "is verified with fresh or stale keys in memory, and answered 503 by a cold isolate: KV %s, the Cache API %s",
    async (kv, cache) => {
      for (const state of ["warm", "stale", "cold"] as const) {
        const [world, session] = await prepare(state);
        world.kv.broken = kv;
        world.cache.broken = cache;
        world.provider.fault = { kind: "refused" };
        const answer = outcome(await world.verify(session));
        expect([state, answer]).toEqual([state, state === "cold" ? "keys-unavailable" : "session of alice"]);
      }
    },
  );

  it.each(["kv", "cache"] as const)("is verified with the copy in the other store: %s fails", async (broken) => {
    const [world] = await prepare("warm");
    world[broken].broken = "hangs";
    world.restart();
    world.provider.fault = { kind: "refused" };
    expect(outcome(await world.verify(await world.provider.issue()))).toBe("session of alice");
  });
});

describe("a flood of tokens", () => {
  it("causes one fetch and refuses no valid session: a thousand forged tokens with a thousand kids", async () => {
    const [world] = await prepare("warm");
    world.clock.now += KEYS_COOLDOWN_MS;
    const before = world.fetched.length;
    const work = Array.from({ length: 1000 }, async (_, n) => {
      const token = await world.provider.issue(n % 10 === 0 ? {} : { kid: `forged-${n}`, forged: true });
      return [n % 10 === 0, outcome(await world.verify(token))] as const;
    });
    for (const [good, answer] of await Promise.all(work)) {
      if (good) expect(answer).toBe("session of alice");
      else expect(answer).toMatch(/^key-unknown|keys-cooling-down$/);
    }
    expect(world.fetched.length - before).toBe(1);
  });

  it("causes no fetch: tokens of a wrong form or another issuer, also in a cold isolate", async () => {
    const world = createVerifierWorld();
    const good = await world.provider.issue();
    const [header, payload, signature] = good.split(".");
    const garbage = [
      "",
      ".",
      "..",
      "a.b.c",
      `${header}.${payload}`,
      `${header}.e30.${signature}`,
      `e30.${payload}.${signature}`,
    ];
    for (const token of [...garbage, "x".repeat(10_000), `${good}=`, ` ${good}`, good.replace(".", "")]) {
      expect((await world.verify(token)).ok).toBe(false);
    }
    const stranger = await world.provider.issue({ claims: { iss: "https://stranger.example" } });
    expect(outcome(await world.verify(stranger))).toBe("issuer-unknown");
    expect(world.fetched).toEqual([]);
    expect(world.kv.reads).toBe(0);
  });
});
