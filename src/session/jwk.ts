import { KID_CHARS, RSA_BITS, RSA_BITS_MOST, RSA_EXPONENT } from "../limits.ts";
import { isObject } from "../shape.ts";
import type { Algorithm } from "./algorithms.ts";
import { type AlgorithmFacts, algorithms } from "./algorithms.ts";
import type { Json } from "./compact.ts";

/** One verification key of one issuer. */
export interface Key {
  readonly kid: string | undefined;
  /** The text by which the same key is recognized after a refresh, so that it is not imported again. */
  readonly text: string;
  /** Whether the key may verify that algorithm: its type, its curve and its own `alg` must fit. */
  readonly fits: (alg: Algorithm) => boolean;
  /** The imported key, which is kept after the first use; undefined if it is not a valid and strong key. */
  readonly load: (alg: Algorithm) => Promise<CryptoKey | undefined>;
}

/** The public members that a verification needs. All other members of a published key are dropped. */
export interface PublicJwk {
  readonly kty: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
}

const MATERIAL = { RSA: ["n", "e"], EC: ["crv", "x", "y"], OKP: ["crv", "x"] } as const;

/**
 * Reads a public JWK; undefined if it is not one that may verify a session. The type `oct` is not in the table, since a
 * symmetric key from the network would be public (RFC 8725 §3.1).
 */
export function publicJwk(jwk: unknown): PublicJwk | undefined {
  if (!isObject(jwk)) return undefined;
  const { kty, kid, alg, use, key_ops: operations } = jwk;
  if (kty !== "RSA" && kty !== "EC" && kty !== "OKP") return undefined;
  if (kid !== undefined && (typeof kid !== "string" || kid.length > KID_CHARS)) return undefined;
  if (alg !== undefined && typeof alg !== "string") return undefined;
  // A key for encryption must not verify a signature (RFC 7517 §4.2, §4.3).
  if (use !== undefined && use !== "sig") return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) return undefined;
  // If the private part is published as well, everybody can sign with the key.
  if (jwk.d !== undefined) return undefined;
  const material = Object.fromEntries(MATERIAL[kty].map((member) => [member, jwk[member]]));
  if (!Object.values(material).every((value) => typeof value === "string")) return undefined;
  return { kty, ...(kid !== undefined && { kid }), ...(alg !== undefined && { alg }), ...material };
}

export function keyFromJwk(jwk: PublicJwk): Key {
  const fits = (alg: Algorithm) => {
    const { kty, crv } = algorithms[alg];
    return jwk.kty === kty && (crv === undefined || jwk.crv === crv) && sameAlgorithm(jwk.alg, alg);
  };
  const { kty, kid, alg: _, ...material } = jwk;
  return key(kid, JSON.stringify(jwk), fits, (alg) =>
    crypto.subtle.importKey("jwk", { kty, ...material }, algorithms[alg].subtle, false, ["verify"]),
  );
}

/** Reads a key of the configuration, PEM or JWK. It has no `kid`: it is used whatever `kid` the token names. */
export function keyFromText(text: string): Key | undefined {
  const pem = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(text)?.[1];
  try {
    if (pem !== undefined) return keyFromSpki(text, pem);
    const jwk = publicJwk(JSON.parse(text));
    return jwk && keyFromJwk(jwk);
  } catch {
    return undefined;
  }
}

function keyFromSpki(text: string, base64: string): Key | undefined {
  const der = Uint8Array.from(atob(base64.replace(/\s/g, "")), (character) => character.charCodeAt(0));
  // The type is checked here, since workerd imports a public key of any type as an Ed25519 key.
  const kty = ktyOf(der);
  return key(
    undefined,
    text,
    (alg) => algorithms[alg].kty === kty,
    (alg) => crypto.subtle.importKey("spki", der, algorithms[alg].subtle, false, ["verify"]),
  );
}

/** The key type that a SubjectPublicKeyInfo names: the first object identifier in it (RFC 5280 §4.1, RFC 8410 §3). */
function ktyOf(der: Uint8Array): AlgorithmFacts["kty"] | undefined {
  const hex = Array.from(der.subarray(0, 24), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const oid = /^30(?:[0-7].|81..|82....)30..06(?:09(2a864886f70d010101)|07(2a8648ce3d0201)|03(2b6570))/.exec(hex);
  return oid?.[1] ? "RSA" : oid?.[2] ? "EC" : oid?.[3] ? "OKP" : undefined;
}

/** An HMAC key: the bytes of the operator's secret. */
export function keyFromSecret(bytes: Uint8Array<ArrayBuffer>): Key {
  return key(
    undefined,
    "secret",
    (alg) => algorithms[alg].kty === "oct",
    (alg) => crypto.subtle.importKey("raw", bytes, algorithms[alg].subtle, false, ["verify"]),
  );
}

function key(
  kid: string | undefined,
  text: string,
  fits: Key["fits"],
  importFor: (alg: Algorithm) => Promise<CryptoKey>,
): Key {
  // It contains values and no promises, since a promise belongs to the request that made it.
  const imported = new Map<Algorithm, CryptoKey | undefined>();
  return {
    kid,
    text,
    fits,
    async load(alg) {
      if (!imported.has(alg)) imported.set(alg, fits(alg) ? await sound(() => importFor(alg)) : undefined);
      return imported.get(alg);
    },
  };
}

/** Imports a key; undefined if the runtime refuses it or it is too weak. */
async function sound(importKey: () => Promise<CryptoKey>): Promise<CryptoKey | undefined> {
  try {
    const imported = await importKey();
    return weak(imported.algorithm) ? undefined : imported;
  } catch {
    return undefined;
  }
}

/**
 * Whether an RSA key is too weak: fewer than 2048 bits (RFC 7518 §3.3), or an exponent that is even or 1 (with 1 the
 * signature is the message). Weak primes (ROCA) are not checked, since that would take too long.
 */
function weak(algorithm: Json | CryptoKey["algorithm"]): boolean {
  const { modulusLength, publicExponent } = algorithm as { modulusLength?: number; publicExponent?: Uint8Array };
  if (modulusLength === undefined) return false;
  const e = [...(publicExponent ?? [])].reduce((sum, byte) => sum * 256 + byte, 0);
  // The last byte alone says whether e is odd: the sum loses its low bits when e is very long.
  const odd = ((publicExponent?.at(-1) ?? 0) & 1) === 1;
  return modulusLength < RSA_BITS || modulusLength > RSA_BITS_MOST || !odd || e < RSA_EXPONENT;
}

/** A key without `alg` verifies what its family can; RFC 9864 gave EdDSA on Ed25519 a second name. */
function sameAlgorithm(own: string | undefined, alg: Algorithm): boolean {
  const name = (algorithm: string) => (algorithm === "Ed25519" ? "EdDSA" : algorithm);
  return own === undefined || name(own) === name(alg);
}
