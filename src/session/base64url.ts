import { bytesOf } from "../encoding.ts";

/**
 * Whole groups of four, then what a last byte or two leave over: the alphabet of RFC 4648 §5 without padding or white
 * space, and unused bits zero (§3.5). The runtime's own decoder takes all of these, so one token had many texts.
 */
const CANONICAL = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/;

/** The bytes of canonical base64url, or undefined for anything else. */
export function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!CANONICAL.test(text)) return undefined;
  return bytesOf(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
}
