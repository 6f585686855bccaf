import { bytesOf } from "../encoding.ts";

/**
 * Canonical base64url (RFC 4648 §5): no padding, no white space, and unused bits zero (§3.5). The runtime's own decoder
 * is not so strict, so that one token could be written in many ways.
 */
const CANONICAL = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/;

/** The bytes of canonical base64url, or undefined for anything else. */
export function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!CANONICAL.test(text)) return undefined;
  return bytesOf(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
}
