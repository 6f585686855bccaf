import { fromBase64 } from "../encoding.ts";
import { WEBHOOK_TOLERANCE_SECONDS } from "../limits.ts";

/**
 * Standard Webhooks 1.0, symmetric signatures: HMAC-SHA256 over `id.timestamp.body`.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 *
 * It uses WebCrypto instead of the `standardwebhooks` package, which contains a slower hash function in JavaScript (3
 * KB more), accepts only `webhook-*` headers although Clerk sends `svix-*` headers, and cannot be given a clock.
 */
export interface Signed {
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Reads the headers, before the body is read. Undefined if no body could make them valid. `now`: milliseconds since
 * 1970.
 */
export function readSignature(headers: Headers, now: number): Signed | undefined {
  const header = (name: string) => headers.get(`webhook-${name}`) ?? headers.get(`svix-${name}`) ?? "";
  const id = header("id");
  const timestamp = header("timestamp");
  // The signed text is `id.timestamp.body`. With a full stop in the id, two different messages could have the same
  // text.
  if (!/^[^.\s]{1,256}$/.test(id) || !/^\d{1,12}$/.test(timestamp)) return undefined;
  if (Math.abs(now / 1000 - Number(timestamp)) > WEBHOOK_TOLERANCE_SECONDS) return undefined;
  // `v1,<base64> v1,<base64>`; Supabase Auth adds a comma between them. Other versions are asymmetric and not
  // supported.
  const signatures = header("signature")
    .split(" ")
    .map((one) => /^v1,([A-Za-z0-9+/]{43}=),?$/.exec(one)?.[1])
    .map((text) => text && fromBase64(text))
    .filter((bytes) => bytes instanceof Uint8Array);
  return signatures.length > 0 ? { id, timestamp, signatures } : undefined;
}

/** Whether one of the signatures is valid under one of the keys. All pairs are compared, in constant time. */
export async function isSigned(
  { id, timestamp, signatures }: Signed,
  body: Uint8Array,
  keys: readonly Uint8Array<ArrayBuffer>[],
): Promise<boolean> {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const content = new Uint8Array(head.length + body.length);
  content.set(head);
  content.set(body, head.length);
  let right = false;
  for (const key of keys) {
    const hmac = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const expected = await crypto.subtle.sign("HMAC", hmac, content);
    for (const signature of signatures) {
      const same = crypto.subtle.timingSafeEqual(signature, expected);
      right ||= same;
    }
  }
  return right;
}
