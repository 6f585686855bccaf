import { JWKS_KEYS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { isObject } from "../shape.ts";
import type { Kind } from "./cached.ts";
import type { Fault } from "./document.ts";
import { type Key, keyFromJwk, type PublicJwk, publicJwk } from "./jwk.ts";

/** A JWK set (RFC 7517 §5). */
export interface JwkSet {
  /** The usable keys as they were published. */
  readonly jwks: readonly PublicJwk[];
  readonly keys: readonly Key[];
}

/**
 * A JWK set as a cached document. A key that was there before stays the same object, so that it is not imported again.
 */
export const jwkSet: Kind<JwkSet> = {
  parse(body, before) {
    const jwks = usable(body);
    if (!jwks.ok) return jwks;
    const earlier = new Map(before?.keys.map((key) => [key.text, key]));
    return ok({ jwks: jwks.value, keys: jwks.value.map((jwk) => earlier.get(JSON.stringify(jwk)) ?? keyFromJwk(jwk)) });
  },
  bodyOf: ({ jwks }) => ({ keys: jwks }),
  timesOf: (answer) => answer,
};

/**
 * Bad keys among good ones are skipped, as §5 asks. A set without a usable key is a fault of the provider, not a
 * withdrawal of all its keys: the last good set stays.
 */
function usable(body: unknown): Result<readonly PublicJwk[], Fault> {
  if (!isObject(body) || !Array.isArray(body.keys)) return err("no-usable-key");
  if (body.keys.length > JWKS_KEYS) return err("too-many-keys");
  const jwks = body.keys.map(publicJwk).filter((jwk) => jwk !== undefined);
  return jwks.length > 0 ? ok(jwks) : err("no-usable-key");
}
