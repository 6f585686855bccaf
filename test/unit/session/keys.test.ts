import { afterEach, describe, expect, it, vi } from "vitest";
import { base64url, sha256 } from "../../../src/encoding.ts";
import {
  KEYS_COLD_COOLDOWN_MS,
  KEYS_COOLDOWN_MS,
  KEYS_FRESH_LEAST_MS,
  KEYS_FRESH_MOST_MS,
  KEYS_FRESH_MS,
  KEYS_KEPT_MS,
  SESSION_MEMORY_MS,
} from "../../../src/limits.ts";
import { createProvider, type SessionOptions } from "../../sandbox/provider/index.ts";
import { virtualTime } from "../../support/time.ts";
import {
  createVerifierWorld,
  GOOD,
  ISSUER,
  issuerEntry,
  JWKS,
  NOON,
  outcome,
  secretSource,
  simple,
  type VerifierWorld,
} from "../../support/verifier.ts";

/** Verifies a new session, which is in no memory. */
const ask = async (world: VerifierWorld, options: SessionOptions = {}) =>
  outcome(await world.verify(await world.provider.issue(options)));

virtualTime();

afterEach(() => {
  vi.restoreAllMocks();
});

describe("fresh keys", () => {
  it("are used without a fetch", async () => {
    const world = simple();
    for (let count = 0; count < 20; count += 1) expect(await ask(world)).toBe(GOOD);
    expect(world.fetched).toEqual([JWKS]);
  });

  it("are fetched again after an answer by one request, before they become stale", async () => {
    const world = simple();
    await ask(world);
    await world.finished();
    world.clock.now += KEYS_FRESH_MS * 0.9;
    const answer = Promise.withResolvers<Response>();
    const asked = Promise.withResolvers<void>();
    world.intercept = () => {
      asked.resolve();
      return answer.promise;
    };
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(world)));
    expect(new Set(answers)).toEqual(new Set([GOOD]));
    await asked.promise;
    expect(world.fetched).toEqual([JWKS, JWKS]);
    answer.resolve(Response.json(await world.provider.jwks()));
    await world.finished();
    expect(world.fetched).toHaveLength(2);
  });

  it("are fresh for their full time after they were fetched in the background", async () => {
    const world = simple();
    await ask(world);
    world.clock.now += KEYS_FRESH_MS * 0.9;
    await ask(world);
    await world.finished();
    expect(world.fetched).toHaveLength(2);
    world.clock.now += KEYS_FRESH_MS * 0.7;
    expect(await ask(world)).toBe(GOOD);
    await world.finished();
    expect(world.fetched).toHaveLength(2);
  });

  it.each<[string, number]>([
    ["max-age=15", KEYS_FRESH_LEAST_MS],
    ["public, max-age=900, must-revalidate", 900_000],
    ["max-age=21600", KEYS_FRESH_MOST_MS],
    ["max-age=99999999999", KEYS_FRESH_MOST_MS],
    ["s-maxage=60", KEYS_FRESH_MS],
    ["no-store", KEYS_FRESH_LEAST_MS],
    ["no-cache, max-age=900", KEYS_FRESH_LEAST_MS],
    ["max-age=banana", KEYS_FRESH_MS],
    ["", KEYS_FRESH_MS],
  ])("with Cache-Control %j are fresh for %i ms", async (cacheControl, ms) => {
    const world = simple({ cacheControl });
    await ask(world);
    await world.finished();
    // At this time the keys are fetched in the background, and are not yet stale.
    world.clock.now = NOON * 1000 + ms - 1;
    await ask(world);
    await world.finished();
    const before = world.fetched.length;
    expect(await ask(world)).toBe(GOOD);
    expect(world.fetched.length).toBe(before);

    const other = simple({ cacheControl });
    await ask(other);
    other.clock.now += ms;
    other.provider.fault = { kind: "status", status: 500 };
    expect(await ask(other)).toBe(GOOD);
    expect(other.fetched).toHaveLength(2);
  });

  it("are fresh for as much less time as they were in a cache (RFC 9111 §4.2)", async () => {
    const world = simple();
    const jwks = await world.provider.jwks();
    world.intercept = async () => Response.json(jwks, { headers: { "cache-control": "max-age=1800", age: "1200" } });
    await ask(world);
    world.clock.now += 600_000 - 1;
    await ask(world);
    await world.finished();
    world.clock.now += 1;
    await ask(world);
    expect(world.fetched.length).toBeLessThanOrEqual(2);
  });
});

describe("a withdrawn key", () => {
  it("stops working at the latest when the keys become stale, also for sessions in memory", async () => {
    const world = simple();
    const session = await world.provider.issue();
    expect(outcome(await world.verify(session))).toBe(GOOD);
    await world.provider.rotate({ overlap: false });
    world.clock.now += KEYS_FRESH_MS - 1;
    expect(outcome(await world.verify(session, {}, world.context({ after: async () => {} })))).toBe(GOOD);
    world.clock.now += 1;
    expect(outcome(await world.verify(session))).toBe("key-unknown");
  });

  it("stops a session in memory as soon as this isolate has fetched the new keys", async () => {
    const world = simple();
    const session = await world.provider.issue();
    expect(outcome(await world.verify(session))).toBe(GOOD);
    await world.provider.rotate({ overlap: false });
    world.clock.now += KEYS_COOLDOWN_MS;
    expect(await ask(world)).toBe(GOOD);
    expect(outcome(await world.verify(session))).toBe("key-unknown");
  });

  it("works for at most a day while the provider is down", async () => {
    const world = simple();
    await ask(world);
    world.provider.fault = { kind: "refused" };
    world.clock.now += KEYS_KEPT_MS - 1;
    expect(await ask(world)).toBe(GOOD);
    world.clock.now += 1;
    expect(await ask(world)).toBe("keys-unavailable");
  });
});

describe("an unknown kid", () => {
  it("causes one fetch in each cool-down, however many tokens and kids there are", async () => {
    const world = simple();
    await ask(world);
    world.clock.now += KEYS_COOLDOWN_MS;
    const before = world.clock.now / 1000 - 60;
    const flood = Array.from({ length: 300 }, (_, n) => ask(world, { kid: `random-${n}`, issuedAt: before }));
    expect(new Set(await Promise.all(flood))).toEqual(new Set(["key-unknown"]));
    expect(world.fetched).toHaveLength(2);
    world.clock.now += KEYS_COOLDOWN_MS - 1;
    await Promise.all(Array.from({ length: 100 }, (_, n) => ask(world, { kid: `other-${n}` })));
    expect(world.fetched).toHaveLength(2);
  });

  it("causes one fetch in each cool-down, also while the provider fails", async () => {
    const world = simple();
    await ask(world);
    world.clock.now += KEYS_COOLDOWN_MS;
    world.provider.fault = { kind: "status", status: 500 };
    for (let count = 0; count < 50; count += 1) await ask(world, { kid: `random-${count}` });
    expect(world.fetched).toHaveLength(2);
    world.clock.now += KEYS_COOLDOWN_MS;
    for (let count = 0; count < 50; count += 1) await ask(world, { kid: `random-${count}` });
    expect(world.fetched).toHaveLength(3);
  });

  it("is accepted at once if its key is new and the cool-down is over", async () => {
    const world = simple();
    await ask(world);
    world.clock.now += KEYS_COOLDOWN_MS;
    await world.provider.rotate();
    expect(await ask(world)).toBe(GOOD);
  });

  it("is answered with the rest of the cool-down if its key is new, and accepted after that", async () => {
    const world = simple();
    await ask(world);
    world.clock.now += KEYS_COOLDOWN_MS;
    await ask(world, { kid: "flood" });
    world.clock.now += 10_001;
    await world.provider.rotate();
    const session = await world.provider.issue();
    const early = await world.verify(session);
    expect(early).toMatchObject({ error: { reason: "keys-cooling-down", retryAfter: 20 } });
    world.clock.now += 20_000;
    expect(outcome(await world.verify(session))).toBe(GOOD);
  });

  it("is refused if the token is older than the keys, or does not say its age", async () => {
    const world = simple();
    await ask(world);
    world.clock.now += 5_000;
    expect(await ask(world, { kid: "nobody", issuedAt: NOON - 1 })).toBe("key-unknown");
    expect(await ask(world, { kid: "nobody", claims: { iat: undefined } })).toBe("key-unknown");
    expect(await ask(world, { kid: "nobody", claims: { iat: "soon" } })).toBe("key-unknown");
    expect(await ask(world, { kid: "nobody", issuedAt: NOON + 1 })).toBe("keys-cooling-down");
    // `iat` is in whole seconds. A token from the second of the fetch may be newer than the keys.
    expect(await ask(world, { kid: "nobody", issuedAt: NOON })).toBe("keys-cooling-down");
  });

  it("is refused if keys that were fetched after the token was issued do not have it", async () => {
    const world = simple();
    await ask(world);
    world.clock.now += KEYS_COOLDOWN_MS;
    expect(await ask(world, { kid: "nobody" })).toBe("key-unknown");
  });

  it("is not called invalid if the keys could not be fetched again", async () => {
    const world = simple();
    await ask(world);
    world.clock.now += KEYS_COOLDOWN_MS;
    world.provider.fault = { kind: "status", status: 500 };
    expect(await ask(world, { kid: "nobody" })).toBe("keys-cooling-down");
  });
});

describe("a known kid", () => {
  it("causes no fetch, whatever is wrong with the token", async () => {
    const world = simple();
    await ask(world);
    world.clock.now += KEYS_COOLDOWN_MS;
    expect(await ask(world, { forged: true })).toBe("signature-wrong");
    expect(world.fetched).toHaveLength(1);
  });
});

describe("a cold isolate", () => {
  it("accepts fifty sessions at once with one fetch", async () => {
    const world = simple();
    const sessions = await Promise.all(Array.from({ length: 50 }, () => world.provider.issue()));
    const answers = await Promise.all(sessions.map((session) => world.verify(session)));
    expect(new Set(answers.map(outcome))).toEqual(new Set([GOOD]));
    expect(world.fetched).toHaveLength(1);
  });

  it("answers fifty sessions at once keys-unavailable with one fetch, while the provider is down", async () => {
    const world = simple();
    world.provider.fault = { kind: "status", status: 503 };
    const sessions = await Promise.all(Array.from({ length: 50 }, () => world.provider.issue()));
    const answers = await Promise.all(sessions.map((session) => world.verify(session)));
    expect(new Set(answers.map(outcome))).toEqual(new Set(["keys-unavailable"]));
    expect(world.fetched).toHaveLength(1);
  });

  it("does not wait for the fetch of a request that was ended", async () => {
    const world = simple({}, { requestTimeout: 1_000 });
    const asked = Promise.withResolvers<void>();
    let calls = 0;
    world.intercept = () => {
      calls += 1;
      asked.resolve();
      return calls === 1 ? new Promise(() => {}) : undefined;
    };
    const [session, context] = [await world.provider.issue(), world.context()];
    vi.spyOn(AbortSignal, "timeout").mockReturnValueOnce(new AbortController().signal);
    const lost = world.verify(session, {}, context);
    await asked.promise;
    const sessions = await Promise.all(Array.from({ length: 20 }, () => world.provider.issue()));
    const answers = await Promise.all(sessions.map((session) => world.verify(session)));
    expect(new Set(answers.map(outcome))).toEqual(new Set([GOOD]));
    expect(calls).toBe(2);
    // If it was not ended, it is answered with the keys that the others have fetched.
    expect(outcome(await lost)).toBe(GOOD);
  });

  it("fetches again after a shorter cool-down, while the provider is down", async () => {
    const world = simple();
    world.provider.fault = { kind: "refused" };
    expect(await world.verify(await world.provider.issue())).toMatchObject({
      error: { reason: "keys-unavailable", retryAfter: KEYS_COLD_COOLDOWN_MS / 1000 },
    });
    world.clock.now += KEYS_COLD_COOLDOWN_MS - 1;
    expect(await world.verify(await world.provider.issue())).toMatchObject({ error: { retryAfter: 1 } });
    expect(world.fetched).toHaveLength(1);
    world.provider.fault = undefined;
    world.clock.now += 1;
    expect(await ask(world)).toBe(GOOD);
  });

  it("fetches at once after the clock was set back", async () => {
    const world = simple();
    world.provider.fault = { kind: "refused" };
    await ask(world);
    world.provider.fault = undefined;
    world.clock.now -= 3_600_000;
    expect(await ask(world)).toBe(GOOD);
  });
});

describe("the copies of keys in KV and the Cache API", () => {
  const name = async (address: string) => `v1:k:${base64url(await sha256(address))}`;

  it("have the last good keys and the time of their fetch, named by the digest of the JWKS address", async () => {
    const world = simple();
    await ask(world);
    await world.finished();
    expect([...world.kv.values.keys()]).toEqual([await name(JWKS)]);
    const stored = JSON.parse(world.kv.values.get(await name(JWKS)) ?? "");
    expect(stored).toMatchObject({ fetchedAt: NOON * 1000, document: { keys: [{ kid: "es256-1" }] } });
    expect(JSON.stringify(stored)).not.toContain('"d"');
  });

  it.each(["cache", "kv"] as const)("are used by another isolate without a fetch: %s", async (store) => {
    const world = simple();
    await ask(world);
    await world.finished();
    (store === "cache" ? world.kv : world.cache).values.clear();
    world.restart();
    expect(await ask(world)).toBe(GOOD);
    expect(world.fetched).toHaveLength(1);
  });

  it("have the discovery document too", async () => {
    const world = createVerifierWorld();
    await ask(world);
    await world.finished();
    world.restart();
    world.intercept = async () => new Response(null, { status: 500 });
    expect(await ask(world)).toBe(GOOD);
    expect(world.fetched).toHaveLength(2);
  });

  it("are used when they are stale only after a fetch has failed", async () => {
    const world = createVerifierWorld();
    await ask(world);
    await world.finished();
    world.clock.now += KEYS_KEPT_MS - 1000;
    world.restart();
    world.intercept = async () => new Response(null, { status: 500 });
    expect(await ask(world)).toBe(GOOD);
    expect(world.fetched).toHaveLength(3);
  });

  it("are not used after a day", async () => {
    const world = simple();
    await ask(world);
    await world.finished();
    world.clock.now += KEYS_KEPT_MS;
    world.restart();
    world.provider.fault = { kind: "refused" };
    expect(await ask(world)).toBe("keys-unavailable");
  });

  it("are used instead of a fetch if another isolate has written them during the cool-down", async () => {
    const world = simple();
    await ask(world);
    await world.finished();
    const first = world.verifier;
    world.clock.now += KEYS_COOLDOWN_MS;
    await world.provider.rotate();
    world.restart();
    expect(await ask(world)).toBe(GOOD);
    await world.finished();
    const fetches = world.fetched.length;
    world.verifier = first;
    expect(await ask(world)).toBe(GOOD);
    expect(world.fetched.length).toBe(fetches);
  });

  it.each<[string, string]>([
    ["no JSON", "keys"],
    ["null", "null"],
    ["a list", "[]"],
    ["no times", '{"document":{"keys":[]}}'],
    ["times as text", `{"fetchedAt":"${NOON}000","freshUntil":"${NOON}999","document":{"keys":[]}}`],
    ["from the future", `{"fetchedAt":${NOON + 3600}000,"freshUntil":${NOON + 7200}000,"document":{"keys":["KEY"]}}`],
    ["of yesterday", `{"fetchedAt":${NOON - 90_000}000,"freshUntil":${NOON + 7200}000,"document":{"keys":["KEY"]}}`],
    ["no keys", `{"fetchedAt":${NOON}000,"freshUntil":${NOON + 60}000,"document":{"keys":[]}}`],
    ["a secret", `{"fetchedAt":${NOON}000,"freshUntil":${NOON + 60}000,"document":{"keys":[{"kty":"oct","k":"AA"}]}}`],
    [
      "fresh for ever",
      `{"fetchedAt":1,"freshUntil":9e15,"document":{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}}`,
    ],
  ])("are ignored if they are wrong: %s", async (_, template) => {
    const world = simple();
    // This is another provider's key. With it, the session would be refused.
    const [key] = (await createProvider({ issuer: ISSUER, algorithms: ["ES256"] }).jwks()).keys;
    const text = template.replace('"KEY"', JSON.stringify(key));
    for (const store of [world.kv, world.cache]) {
      for (const key of [await name(JWKS), `https://keys.invalid/${encodeURIComponent(await name(JWKS))}`]) {
        store.values.set(key, text);
      }
    }
    expect(await ask(world)).toBe(GOOD);
    expect(world.fetched).toEqual([JWKS]);
  });

  it.each(["throws", "hangs"] as const)("are not needed: a session is accepted while each store %s", async (broken) => {
    const world = simple();
    world.kv.broken = broken;
    world.cache.broken = broken;
    expect(await ask(world)).toBe(GOOD);
    if (broken === "throws") {
      await world.finished();
      expect(world.logs).toContainEqual({ event: "keys-copy-not-written", cache: false, kv: false });
    }
  });

  it("are not needed: a runtime without the Cache API is no failure", async () => {
    const world = createVerifierWorld({ cache: false });
    expect(await ask(world)).toBe(GOOD);
    await world.finished();
    expect(world.logs).toEqual([]);
  });
});

describe("a JWKS or discovery document", () => {
  it("is fetched without following redirects, and not from a cache", async () => {
    const world = simple();
    const inits: RequestInit[] = [];
    world.intercept = (_, init) => void inits.push(init);
    await ask(world);
    expect(inits).toMatchObject([{ redirect: "manual", cache: "no-store", headers: { accept: "application/json" } }]);
  });

  it("may have wrong keys, which are ignored", async () => {
    const world = simple();
    world.provider.extraKeys.push(
      null as never,
      "key" as never,
      [] as never,
      {},
      { kty: "oct", k: "AAAA" },
      { kty: "RSA" },
      { kty: "EC", crv: "P-256", x: 1 as never, y: "AA" },
      { kty: "OKP", crv: "X25519", x: "AA" },
      { kty: "EC", crv: "P-256", kid: 7 as never, x: "AA", y: "AA" },
      { kty: "AKP", alg: "ML-DSA-44" },
    );
    expect(await ask(world)).toBe(GOOD);
  });

  it.each([
    [99, GOOD],
    [100, "keys-unavailable"],
  ])("may have 100 keys: with %i more than the right one the outcome is %s", async (count, expected) => {
    const world = simple();
    const [key] = (await world.provider.jwks()).keys;
    for (let index = 0; index < count; index += 1) world.provider.extraKeys.push({ ...key, kid: `other-${index}` });
    expect(await ask(world)).toBe(expected);
  });

  it.each<[string, unknown]>([
    ["another issuer", { issuer: "https://evil.example", jwks_uri: JWKS }],
    ["its issuer and a slash", { issuer: `${ISSUER}/`, jwks_uri: JWKS }],
    ["no issuer", { jwks_uri: JWKS }],
    ["no jwks_uri", { issuer: ISSUER }],
    ["a plain http jwks_uri", { issuer: ISSUER, jwks_uri: "http://auth.example/jwks" }],
    ["a jwks_uri on this machine", { issuer: ISSUER, jwks_uri: "http://127.0.0.1:8788/jwks" }],
    ["credentials in jwks_uri", { issuer: ISSUER, jwks_uri: "https://a:b@auth.example/jwks" }],
    ["a jwks_uri of another scheme", { issuer: ISSUER, jwks_uri: "data:application/json,{}" }],
    ["a relative jwks_uri", { issuer: ISSUER, jwks_uri: "/jwks" }],
    ["a list", [{ issuer: ISSUER, jwks_uri: JWKS }]],
    ["null", null],
  ])("is refused (OIDC Discovery §4.3): a discovery document with %s", async (_, body) => {
    const world = createVerifierWorld();
    world.intercept = (address) => (address === JWKS ? undefined : Promise.resolve(Response.json(body)));
    expect(await ask(world)).toBe("keys-unavailable");
    expect(world.fetched).toEqual([world.provider.discoveryUrl]);
    const [ready] = await world.verifier.ready(world.context());
    expect(ready).toMatchObject({
      issuer: ISSUER,
      ok: false,
      reason: expect.stringMatching(/issuer-differs|jwks-address/),
    });
  });

  it("is fetched at different times: discovery less often than the keys", async () => {
    const world = createVerifierWorld();
    for (let count = 0; count < 4; count += 1) {
      expect(await ask(world)).toBe(GOOD);
      await world.finished();
      world.clock.now += KEYS_FRESH_MS;
    }
    expect(world.provider.requests).toEqual({ discovery: 1, jwks: 4 });
    world.clock.now += KEYS_FRESH_MOST_MS;
    expect(await ask(world)).toBe(GOOD);
    expect(world.provider.requests).toEqual({ discovery: 2, jwks: 5 });
  });

  it("is found again through discovery if the keys have moved", async () => {
    const world = createVerifierWorld();
    await ask(world);
    const jwks = await world.provider.jwks();
    const moved = `${ISSUER}/moved`;
    world.intercept = (address) => {
      if (address === moved) return Promise.resolve(Response.json(jwks));
      if (address === JWKS) return Promise.resolve(new Response(null, { status: 404 }));
      return Promise.resolve(Response.json({ issuer: ISSUER, jwks_uri: moved }));
    };
    world.cache.values.clear();
    world.kv.values.clear();
    world.clock.now += KEYS_FRESH_MS;
    expect(await ask(world)).toBe(GOOD);
    world.fetched.length = 0;
    world.clock.now += KEYS_COOLDOWN_MS;
    expect(await ask(world)).toBe(GOOD);
    expect(world.fetched).toEqual([world.provider.discoveryUrl, moved]);
  });

  it("does not replace a newer one if it arrives late", async () => {
    const world = simple();
    await ask(world);
    const old = await world.provider.jwks();
    world.clock.now += KEYS_FRESH_MS;
    const late = Promise.withResolvers<Response>();
    const asked = Promise.withResolvers<void>();
    world.intercept = () => {
      asked.resolve();
      return late.promise;
    };
    const waiting = ask(world);
    await asked.promise;
    // This is longer than a fetch may take, so another request fetches too.
    world.clock.now += KEYS_COOLDOWN_MS;
    world.intercept = undefined;
    await world.provider.rotate({ overlap: false });
    expect(await ask(world)).toBe(GOOD);
    late.resolve(Response.json(old));
    await waiting;
    expect(await ask(world)).toBe(GOOD);
  });

  it("is fetched with one slash if the issuer ends in one (OIDC Discovery §4)", async () => {
    const issuer = "https://tenant.example/";
    const world = createVerifierWorld({
      issuers: [issuerEntry({ issuer })],
      providers: [createProvider({ issuer, now: () => NOON * 1000 })],
    });
    expect(await ask(world)).toBe(GOOD);
    expect(world.fetched[0]).toBe("https://tenant.example/.well-known/openid-configuration");
  });
});

describe("the readiness of issuers", () => {
  it("names the issuer whose keys cannot be fetched, and why", async () => {
    const down = "https://down.example";
    const world = createVerifierWorld({
      issuers: [
        issuerEntry(),
        issuerEntry({ issuer: down }),
        issuerEntry({ issuer: "inside", keys: secretSource("x".repeat(32)), algorithms: ["HS256"] }),
      ],
      providers: [{ issuer: ISSUER }],
    });
    expect(await world.verifier.ready(world.context())).toEqual([
      { issuer: ISSUER, ok: true },
      { issuer: down, ok: false, reason: "unreachable" },
      { issuer: "inside", ok: true },
    ]);
  });

  it("causes one fetch in each cool-down, however often it is read", async () => {
    const world = simple();
    world.provider.fault = { kind: "status", status: 500 };
    for (let count = 0; count < 100; count += 1) await world.verifier.ready(world.context());
    expect(world.fetched).toHaveLength(1);
    await Promise.all(Array.from({ length: 100 }, () => world.verifier.ready(world.context())));
    expect(world.fetched).toHaveLength(1);
  });

  it("is false if no key fits an algorithm of the issuer's entry", async () => {
    const world = createVerifierWorld({ issuers: [issuerEntry({ algorithms: ["PS512"] })] });
    const keys = [{ kty: "EC", crv: "P-256", x: "AA", y: "AA" }];
    world.intercept = (address) => (address === JWKS ? Promise.resolve(Response.json({ keys })) : undefined);
    expect(await world.verifier.ready(world.context())).toEqual([
      { issuer: ISSUER, ok: false, reason: "no-usable-key" },
    ]);
  });
});

describe("keys from the configuration", () => {
  it("are used without any I/O", async () => {
    const source = createProvider({ issuer: ISSUER, now: () => NOON * 1000, algorithms: ["ES256"] });
    const [key] = (await source.jwks()).keys;
    const world = createVerifierWorld({
      issuers: [issuerEntry({ keys: { from: "public", text: JSON.stringify(key) } })],
      providers: [source],
    });
    expect(await ask(world)).toBe(GOOD);
    expect(await ask(world, { kid: "another name" })).toBe(GOOD);
    expect(await ask(world, { forged: true })).toBe("signature-wrong");
    await world.finished();
    expect([world.fetched, world.kv.reads, world.kv.values.size]).toEqual([[], 0, 0]);
  });

  it("make the configuration wrong, not the session, if they are no keys", async () => {
    const world = createVerifierWorld({ issuers: [issuerEntry({ keys: { from: "public", text: "no key" } })] });
    expect(await ask(world)).toBe("config-invalid");
    expect(await world.verifier.ready(world.context())).toEqual([
      { issuer: ISSUER, ok: false, reason: "key-unusable" },
    ]);
  });
});

describe("a session in memory", () => {
  const verifications = () => vi.spyOn(crypto.subtle, "verify");

  it("is not verified again for a minute", async () => {
    const world = simple();
    const session = await world.provider.issue();
    const spy = verifications();
    for (let count = 0; count < 5; count += 1) expect(outcome(await world.verify(session))).toBe(GOOD);
    world.clock.now += SESSION_MEMORY_MS - 1;
    expect(outcome(await world.verify(session))).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(1);
    world.clock.now += 1;
    expect(outcome(await world.verify(session))).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(2);
  });

  it("is not used after its exp, and is refused as soon as it has expired", async () => {
    const world = simple();
    const session = await world.provider.issue({ expiresIn: 10 });
    const spy = verifications();
    expect(outcome(await world.verify(session))).toBe(GOOD);
    world.clock.now += 9_999;
    expect(outcome(await world.verify(session))).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(1);
    // Within the tolerance it is valid, but verified each time.
    world.clock.now += 1;
    expect(outcome(await world.verify(session))).toBe(GOOD);
    expect(outcome(await world.verify(session))).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(3);
    world.clock.now += 30_000;
    expect(outcome(await world.verify(session))).toBe("session-expired");
  });

  it("is not used after the issuer's maxAge", async () => {
    const world = createVerifierWorld({ issuers: [issuerEntry({ maxAge: 20, clockTolerance: 0 })] });
    const session = await world.provider.issue();
    expect(outcome(await world.verify(session))).toBe(GOOD);
    world.clock.now += 19_999;
    expect(outcome(await world.verify(session))).toBe(GOOD);
    world.clock.now += 1;
    expect(outcome(await world.verify(session))).toBe("session-expired");
  });

  it("is not used after the clock was set back", async () => {
    const world = simple();
    const session = await world.provider.issue();
    await world.verify(session);
    world.clock.now -= 3_600_000;
    expect(outcome(await world.verify(session))).toBe("iat-future");
  });

  it("is never confused with another: each has its own subject", async () => {
    const world = simple();
    const sessions = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => [await world.provider.issue({ subject: `user-${n}` }), n] as const),
    );
    for (let round = 0; round < 2; round += 1) {
      for (const [session, n] of sessions) expect(outcome(await world.verify(session))).toBe(`session of user-${n}`);
    }
  });

  it("is refused in the cookie of another issuer", async () => {
    const other = issuerEntry({ issuer: "https://other.example", cookie: "other" });
    const world = createVerifierWorld({ issuers: [issuerEntry({ cookie: "session" }), other] });
    const session = await world.provider.issue();
    expect(outcome(await world.verify(session))).toBe(GOOD);
    expect(outcome(await world.verify(session, { from: "cookie", issuers: [other] }))).toBe("issuer-unknown");
    expect(outcome(await world.verify(session, { from: "cookie", issuers: [world.issuers[0] ?? other] }))).toBe(GOOD);
  });

  it("is never an invalid one", async () => {
    const world = simple();
    const session = await world.provider.issue({ issuedAt: NOON + 60 });
    expect(outcome(await world.verify(session))).toBe("iat-future");
    world.clock.now += 60_000;
    expect(outcome(await world.verify(session))).toBe(GOOD);
  });
});

describe("the id of a session", () => {
  it("is the configured claim, jti, or else the digest of the signed text", async () => {
    const world = createVerifierWorld({ issuers: [issuerEntry({ sessionIdClaim: "sid" })] });
    const idOf = async (options: SessionOptions) => {
      const session = await world.provider.issue(options);
      const result = await world.verify(session);
      return [session, result.ok ? result.value.sessionId : result.error.reason] as const;
    };
    expect((await idOf({ sid: "device-1", claims: { jti: "token-1" } }))[1]).toBe("device-1");
    expect((await idOf({ claims: { jti: "token-1" } }))[1]).toBe("token-1");
    const [session, id] = await idOf({ claims: { jti: undefined, sid: 7 } });
    expect(id).toBe(base64url(await sha256(session.split(".").slice(0, 2).join("."))));
  });
});
