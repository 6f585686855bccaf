import { KEYS_FRESH_MOST_MS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { isObject } from "../shape.ts";
import { wrongUrl } from "../urls.ts";
import type { Kind } from "./cached.ts";
import type { Fault } from "./document.ts";

/** The address of an issuer's metadata (OpenID Connect Discovery 1.0 §4). */
export function discoveryAddress(issuer: string): string {
  return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

/** An issuer's metadata as a cached document. The used part is the address of its keys. */
export const metadataOf = (issuer: string): Kind<string> => ({
  parse: (body) => jwksAddress(body, issuer),
  bodyOf: (address) => ({ issuer, jwks_uri: address }),
  // The provider's own lifetime is not used: if the keys are no longer at this address, the metadata is fetched again
  // at once.
  timesOf: () => ({ freshFor: KEYS_FRESH_MOST_MS, age: 0 }),
});

/**
 * The JWKS address in an issuer's metadata.
 * The document must name the issuer it was asked for (§4.3): otherwise one tenant could hand in another's keys.
 */
function jwksAddress(body: unknown, issuer: string): Result<string, Fault> {
  if (!isObject(body) || body.issuer !== issuer) return err("issuer-differs");
  const { jwks_uri: address } = body;
  if (typeof address !== "string" || wrongUrl(address)) return err("jwks-address");
  // A remote provider must not name an address on this machine.
  if (isPlain(address) && !isPlain(issuer)) return err("jwks-address");
  return ok(address);
}

/** Plain http is allowed on the loopback alone. */
const isPlain = (address: string) => new URL(address).protocol === "http:";
