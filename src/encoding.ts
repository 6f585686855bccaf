/** Bytes as text, `width` bits to a character, without padding. */
function encode(bytes: Uint8Array, alphabet: string, width: number): string {
  const last = (1 << width) - 1;
  let text = "";
  let bits = 0;
  let buffer = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= width) {
      bits -= width;
      text += alphabet[(buffer >>> bits) & last];
    }
    buffer &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(buffer << (width - bits)) & last] : text;
}

/** Lower-case base32 without padding (RFC 4648 §6, lower case). */
export const base32 = (bytes: Uint8Array): string => encode(bytes, "abcdefghijklmnopqrstuvwxyz234567", 5);

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** base64url without padding (RFC 4648 §5, RFC 7515 §2). */
export const base64url = (bytes: Uint8Array): string => encode(bytes, BASE64URL, 6);

const utf8 = new TextEncoder();

/** SHA-256 of bytes, or of a text's UTF-8. */
export async function sha256(value: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const bytes = typeof value === "string" ? utf8.encode(value) : value;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** The bytes in a text of `atob`. It is a loop, since `Uint8Array.from` with a function takes many times as long. */
export function bytesOf(binary: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/** Decodes base64 or base64url; undefined if the text is neither. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return bytesOf(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return undefined;
  }
}

/** The SHA-256 of a text in base64url. It is used in keys for texts that are too long or must not be readable. */
export const digestOf = async (value: string | Uint8Array<ArrayBuffer>): Promise<string> =>
  base64url(await sha256(value));
