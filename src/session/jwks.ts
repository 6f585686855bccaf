import { JWKS_KEYS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { isObject } from "../shape.ts";
import type { Fault } from "./document.ts";
import { type PublicJwk, publicJwk } from "./jwk.ts";

/**
 * The usable keys of a JWK set (RFC 7517 §5); bad keys among good ones are skipped, as §5 asks.
 * A set without a usable key is a fault of the provider, not a withdrawal of all its keys: the last good set stays.
 */
export function parseJwks(body: unknown): Result<readonly PublicJwk[], Fault> {
  if (!isObject(body) || !Array.isArray(body.keys)) return err("no-usable-key");
  if (body.keys.length > JWKS_KEYS) return err("too-many-keys");
  const usable = body.keys.map(publicJwk).filter((jwk) => jwk !== undefined);
  return usable.length > 0 ? ok(usable) : err("no-usable-key");
}
