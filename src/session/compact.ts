import { fail, type GatewayError } from "../errors.ts";
import { KID_CHARS, SESSION_BYTES } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { isObject } from "../shape.ts";
import { decode } from "./base64url.ts";

export type Json = Readonly<Record<string, unknown>>;

/** A compact JWS, taken apart but not yet verified. */
export interface Compact {
  readonly header: Json;
  readonly kid: string | undefined;
  readonly typ: string | undefined;
  readonly claims: Json;
  /** The ASCII bytes that were signed (RFC 7515 §5.1). */
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer>;
}

// A byte order mark is refused, not removed: JSON has none, and one text must not have two readings.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Checks the form of a session strictly, before anything is verified, since the runtime's decoders are lenient. Of
 * duplicate members the last one counts, as in every JSON parser of this platform; only the issuer could have written
 * them.
 */
export function inspect(token: string): Result<Compact, GatewayError> {
  // The size is checked first, which limits the work of splitting and decoding.
  if (token.length > SESSION_BYTES) return fail("token-too-large");
  const [first, second, third, ...more] = token.split(".");
  // RFC 7519 §7.2: two periods exactly. An empty signature is well-formed (§6.1, "unsecured") and refused later.
  if (!first || !second || third === undefined || more.length > 0) return fail("token-segments");
  const [headerBytes, payloadBytes, signature] = [decode(first), decode(second), decode(third)];
  if (!headerBytes || !payloadBytes || !signature) return fail("token-base64url");
  const header = parse(headerBytes);
  if (!header) return fail("token-header");
  const claims = parse(payloadBytes);
  if (!claims) return fail("token-payload");
  const { kid, typ } = header;
  if (!isOptionalString(kid) || !isOptionalString(typ)) return fail("token-header");
  if (kid !== undefined && kid.length > KID_CHARS) return fail("token-header");
  const signed = Uint8Array.from(new TextEncoder().encode(`${first}.${second}`));
  return ok({ header, kid, typ, claims, signed, signature });
}

/** A JSON object in valid UTF-8 (RFC 8725 §3.7). */
function parse(bytes: Uint8Array): Json | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}
