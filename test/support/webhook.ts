/** A signing secret of webhooks, in base64. A configuration may have `whsec_` before it. */
export const WEBHOOK_KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/**
 * Signs an event as Standard Webhooks 1.0 does; the header has `v1,` before this. `content`: id, timestamp and body, with
 * dots between them. `key`: in base64.
 */
export async function signEvent(content: string, key = WEBHOOK_KEY): Promise<string> {
  const bytes = Uint8Array.from(atob(key), (char) => char.charCodeAt(0));
  const imported = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", imported, new TextEncoder().encode(content));
  return btoa(String.fromCharCode(...new Uint8Array(signature)));
}

/** The headers of an event with this body. `sentAt`: milliseconds since 1970. */
export async function eventHeaders(
  body: string,
  { sentAt, id = "msg_1", key = WEBHOOK_KEY }: { sentAt: number; id?: string; key?: string },
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(sentAt / 1000));
  return {
    "Content-Type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${await signEvent(`${id}.${timestamp}.${body}`, key)}`,
  };
}
