import { KEY_CANDIDATES, KEYS_COOLDOWN_MS, KEYS_KEPT_MS } from "../limits.ts";
import type { Cached } from "./cached.ts";
import type { Key } from "./jwk.ts";
import type { JwkSet } from "./jwks.ts";
import type { Found, Wanted } from "./keys.ts";

/** Whether a key is there that may be the wanted one: by its name, else by its form. */
export const hasNamed = (
  keys: readonly Key[],
  { kid, alg, refused }: Pick<Wanted, "kid" | "alg" | "refused">,
): boolean => keys.some((key) => (kid === undefined ? key.fits(alg) && !refused.includes(key) : key.kid === kid));

/**
 * The keys that may have signed a token: by its `kid` where it has one, by their form, and never many.
 *
 * Where there is none of that name: keys fetched after the token came do not have it, so it is a forgery, or withdrawn
 * (`unknown`). Otherwise the token may be signed with a newer key, if it says that it is newer (`iat` counts whole
 * seconds): `newer`, since a 401 would sign a good user out.
 */
export function choose(
  { value: { keys }, fetchedAt, asOf, freshUntil }: Cached<Pick<JwkSet, "keys">>,
  wanted: Wanted,
  { now, attemptedAt }: { readonly now: number; readonly attemptedAt: number },
): Found | "unknown" | "newer" {
  const { kid, alg, issuedAt } = wanted;
  if (!hasNamed(keys, wanted)) {
    const isNewer = asOf < now && issuedAt !== undefined && issuedAt >= Math.floor(asOf / 1000);
    return isNewer ? "newer" : "unknown";
  }
  const fitting = keys.filter((key) => (kid === undefined || key.kid === kid) && key.fits(alg));
  const until = now < freshUntil ? freshUntil : attemptedAt + KEYS_COOLDOWN_MS;
  return { keys: fitting.slice(0, KEY_CANDIDATES), until: Math.min(until, fetchedAt + KEYS_KEPT_MS) };
}
