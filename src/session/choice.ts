import { KEY_CANDIDATES, KEYS_COOLDOWN_MS, KEYS_KEPT_MS } from "../limits.ts";
import type { Cached } from "./cached.ts";
import type { Key } from "./jwk.ts";
import type { JwkSet } from "./jwks.ts";
import type { Found, Wanted } from "./keys.ts";

/** Whether one of the keys may have signed the token, judged by `kid`, else by its type. */
export const hasNamed = (
  keys: readonly Key[],
  { kid, alg, refused }: Pick<Wanted, "kid" | "alg" | "refused">,
): boolean => keys.some((key) => (kid === undefined ? key.fits(alg) && !refused.includes(key) : key.kid === kid));

/**
 * Chooses the few keys that may have signed a token, by its `kid` if it has one and by their type.
 *
 * If no key has that `kid`, there are two cases. Keys that were fetched after the token came show that it is forged, or
 * that its key was withdrawn: `unknown`. Otherwise, if the token's `iat` is later than the fetch, it may be signed with
 * a new key: `unfetched`, which must not become a 401, since that would sign the user out. (`iat` counts whole seconds.)
 */
export function choose(
  { value: { keys }, fetchedAt, asOf, freshUntil }: Cached<Pick<JwkSet, "keys">>,
  wanted: Wanted,
  { now, attemptedAt }: { readonly now: number; readonly attemptedAt: number },
): Found | "unknown" | "unfetched" {
  const { kid, alg, issuedAt } = wanted;
  if (!hasNamed(keys, wanted)) {
    const isLater = asOf < now && issuedAt !== undefined && issuedAt >= Math.floor(asOf / 1000);
    return isLater ? "unfetched" : "unknown";
  }
  const fitting = keys.filter((key) => (kid === undefined || key.kid === kid) && key.fits(alg));
  const until = now < freshUntil ? freshUntil : attemptedAt + KEYS_COOLDOWN_MS;
  return { keys: fitting.slice(0, KEY_CANDIDATES), until: Math.min(until, fetchedAt + KEYS_KEPT_MS) };
}
