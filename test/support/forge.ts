// Tokens are made by hand here, because libraries refuse to make most of the tokens that an attacker would send.

/** The content of a segment: bytes and text as they are, an object as JSON. */
export type Part = string | Uint8Array | object;

export interface Signer {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** The public key as the provider publishes it. */
  readonly jwk: JsonWebKey & { kid: string; alg?: string };
}

const HASH: Record<string, string> = { "256": "SHA-256", "384": "SHA-384", "512": "SHA-512" };
const CURVE: Record<string, string> = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };

const encoder = new TextEncoder();

export function b64(part: string | Uint8Array): string {
  const bytes = typeof part === "string" ? encoder.encode(part) : part;
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function unb64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
}

export const segment = (part: Part): string =>
  b64(typeof part === "string" || part instanceof Uint8Array ? part : JSON.stringify(part));

/** An asymmetric key pair. `bits` and `exponent` make weak RSA keys. */
export async function signer(alg: string, kid: string, { bits = 2048, exponent = [1, 0, 1] } = {}): Promise<Signer> {
  const hash = HASH[alg.slice(2)] ?? "";
  const params = alg.startsWith("ES")
    ? { name: "ECDSA", namedCurve: CURVE[alg] ?? "" }
    : alg.startsWith("Ed")
      ? { name: "Ed25519" }
      : {
          name: alg.startsWith("PS") ? "RSA-PSS" : "RSASSA-PKCS1-v1_5",
          hash,
          modulusLength: bits,
          publicExponent: Uint8Array.from(exponent),
        };
  const pair = (await crypto.subtle.generateKey(params as SubtleCryptoGenerateKeyAlgorithm, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const { kty, crv, x, y, n, e } = (await crypto.subtle.exportKey("jwk", pair.publicKey)) as JsonWebKey;
  const material = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value));
  return {
    alg,
    kid,
    privateKey: pair.privateKey,
    publicKey: pair.publicKey,
    jwk: { ...material, kid, alg, use: "sig" } as Signer["jwk"],
  };
}

async function signature(alg: string, key: CryptoKey, input: string): Promise<Uint8Array<ArrayBuffer>> {
  const hash = HASH[alg.slice(2)] ?? "";
  const params = alg.startsWith("ES")
    ? { name: "ECDSA", hash }
    : alg.startsWith("PS")
      ? { name: "RSA-PSS", saltLength: Number(alg.slice(2)) / 8 }
      : { name: key.algorithm.name };
  return new Uint8Array(await crypto.subtle.sign(params, key, encoder.encode(input)));
}

/** A token signed with this key. The header has the key's `alg` and `kid`, unless `header` replaces them. */
export async function sign(by: Signer, claims: Part, header: Part | undefined = {}): Promise<string> {
  const whole =
    typeof header === "string" || header instanceof Uint8Array ? header : { alg: by.alg, kid: by.kid, ...header };
  const input = `${segment(whole)}.${segment(claims)}`;
  return `${input}.${b64(await signature(by.alg, by.privateKey, input))}`;
}

/** A token signed with HMAC. `secret` may be any bytes. */
export async function hmac(secret: string | Uint8Array, claims: Part, header: object = {}): Promise<string> {
  const { alg = "HS256" } = header as { alg?: string };
  const bytes = Uint8Array.from(typeof secret === "string" ? encoder.encode(secret) : secret);
  const hash = HASH[alg.slice(2)] ?? "SHA-256";
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash }, false, ["sign"]);
  const input = `${segment({ alg, ...header })}.${segment(claims)}`;
  const mac = await crypto.subtle.sign("HMAC", key, encoder.encode(input));
  return `${input}.${b64(new Uint8Array(mac))}`;
}

/** The same token with these bytes as its signature. */
export function resigned(token: string, bytes: Uint8Array): string {
  return `${token.slice(0, token.lastIndexOf(".") + 1)}${b64(bytes)}`;
}

export function signatureOf(token: string): Uint8Array<ArrayBuffer> {
  return unb64(token.slice(token.lastIndexOf(".") + 1));
}

export function pemOf(label: string, der: ArrayBuffer): string {
  const lines = btoa(String.fromCharCode(...new Uint8Array(der))).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
