import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KEY_CANDIDATES, KEYS_COOLDOWN_MS, KEYS_KEPT_MS } from "../../../src/limits.ts";
import type { Algorithm } from "../../../src/session/algorithms.ts";
import { choose, hasNamed } from "../../../src/session/choice.ts";
import { type Key, keyFromJwk } from "../../../src/session/jwk.ts";
import type { Wanted } from "../../../src/session/keys.ts";

const EC = { kty: "EC", crv: "P-256", x: "x", y: "y" };
const RSA = { kty: "RSA", n: "n", e: "AQAB" };
const named = (jwk: typeof EC | typeof RSA, kid?: string): Key => keyFromJwk({ ...jwk, ...(kid && { kid }) });

/** The time of the keys' fetch, in milliseconds. */
const FETCHED = 1_000_000_000_000;
const published = (keys: readonly Key[], more: { asOf?: number; freshUntil?: number } = {}) => ({
  value: { keys },
  fetchedAt: FETCHED,
  asOf: FETCHED,
  freshUntil: FETCHED + 600_000,
  refreshAt: FETCHED + 500_000,
  ...more,
});
const wanted = (more: Partial<Wanted> = {}): Wanted => ({
  alg: "ES256",
  kid: "one",
  issuedAt: undefined,
  refused: [],
  ...more,
});
const at = (now: number) => ({ now, attemptedAt: FETCHED });

describe("the choice of a session's key", () => {
  const one = named(EC, "one");
  const other = named(EC, "other");
  const rsa = named(RSA, "rsa");
  const all = [rsa, other, one];

  it.each<[what: string, Partial<Wanted>, readonly Key[]]>([
    ["the key of its kid", { kid: "one" }, [one]],
    ["every key that fits its algorithm, if it has no kid", { kid: undefined }, [other, one]],
    ["no key, if the one of its kid does not fit its algorithm", { kid: "rsa" }, []],
    ["the key of its kid, although that was tried before", { kid: "one", refused: [one] }, [one]],
    ["every key that fits, although one was tried before", { kid: undefined, refused: [one] }, [other, one]],
  ])("is %s", (_, what, keys) => {
    expect(choose(published(all), wanted(what), at(FETCHED + 1))).toMatchObject({ keys });
  });

  it("is at most four of the keys with the same kid", () => {
    const many = Array.from({ length: 9 }, () => named(EC, "one"));
    expect(choose(published(many), wanted(), at(FETCHED + 1))).toMatchObject({ keys: many.slice(0, KEY_CANDIDATES) });
  });

  it.each([
    ["the keys were fetched when the session came", FETCHED, FETCHED / 1000, "unknown"],
    ["the session is newer than the keys", FETCHED + 1, FETCHED / 1000, "unfetched"],
    ["the session is older than the keys", FETCHED + 1, FETCHED / 1000 - 1, "unknown"],
    ["the session has no time", FETCHED + 1, undefined, "unknown"],
  ])("is the reason for a refusal, if no key has the kid and %s", (_, now, issuedAt, reason) => {
    expect(choose(published(all), wanted({ kid: "new", issuedAt }), at(now))).toBe(reason);
  });

  it("counts the age of keys from the Age of their answer, not from its arrival", () => {
    const old = published(all, { asOf: FETCHED - 3_600_000 });
    const session = wanted({ kid: "new", issuedAt: FETCHED / 1000 - 1800 });
    expect(choose(old, session, at(FETCHED))).toBe("unfetched");
  });

  it.each([
    ["fresh keys, until they are stale", FETCHED + 1, FETCHED, FETCHED + 600_000],
    [
      "stale keys, until they may be fetched again",
      FETCHED + 700_000,
      FETCHED + 690_000,
      FETCHED + 690_000 + KEYS_COOLDOWN_MS,
    ],
    [
      "keys that are almost a day old, until they are a day old",
      FETCHED + KEYS_KEPT_MS - 1,
      FETCHED + KEYS_KEPT_MS - 2,
      FETCHED + KEYS_KEPT_MS,
    ],
  ])("is valid for a while: %s", (_, now, attemptedAt, until) => {
    expect(choose(published(all), wanted(), { now, attemptedAt })).toMatchObject({ until });
  });

  it("fits kid and algorithm, has at most four keys, and is valid no longer than they are, for any keys", () => {
    const jwk = fc.record({
      kty: fc.constantFrom(EC, RSA),
      kid: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
    });
    const alg = fc.constantFrom<Algorithm>("ES256", "RS256", "ES384", "EdDSA", "HS256");
    fc.assert(
      fc.property(
        fc.array(jwk, { maxLength: 8 }),
        fc.record({
          alg,
          kid: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined }),
          issuedAt: fc.option(fc.integer({ min: FETCHED / 1000 - 10, max: FETCHED / 1000 + 10 }), { nil: undefined }),
        }),
        fc.integer({ min: FETCHED - 10_000, max: FETCHED + 2 * KEYS_KEPT_MS }),
        (jwks, asked, now) => {
          const keys = jwks.map(({ kty, kid }) => named(kty, kid));
          const want = { ...asked, refused: [] };
          const chosen = choose(published(keys), want, at(now));
          expect(typeof chosen === "string").toBe(!hasNamed(keys, want));
          if (typeof chosen === "string") return;
          expect(chosen.keys.length).toBeLessThanOrEqual(KEY_CANDIDATES);
          expect(
            chosen.keys.every((key) => key.fits(want.alg) && (want.kid === undefined || key.kid === want.kid)),
          ).toBe(true);
          expect(chosen.until).toBeLessThanOrEqual(FETCHED + KEYS_KEPT_MS);
        },
      ),
    );
  });
});
