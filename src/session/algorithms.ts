export interface AlgorithmFacts {
  readonly kty: "oct" | "RSA" | "EC" | "OKP";
  readonly crv: string | undefined;
  readonly subtle: HmacImport | HashedImport | CurveImport | { readonly name: string };
  /** The parameters for `crypto.subtle.verify`. The key, which is imported for this algorithm only, has the others. */
  readonly verify: { readonly name: string; readonly hash?: Hash; readonly saltLength?: number };
  /** The length of a signature; undefined if it is that of the RSA modulus. */
  readonly signatureBytes: number | undefined;
}

type Hash = "SHA-256" | "SHA-384" | "SHA-512";
interface HmacImport {
  readonly name: "HMAC";
  readonly hash: Hash;
}
interface HashedImport {
  readonly name: "RSASSA-PKCS1-v1_5" | "RSA-PSS";
  readonly hash: Hash;
}
interface CurveImport {
  readonly name: "ECDSA";
  readonly namedCurve: string;
}

const hmac = (hash: Hash, signatureBytes: number): AlgorithmFacts => ({
  kty: "oct",
  crv: undefined,
  subtle: { name: "HMAC", hash },
  verify: { name: "HMAC" },
  signatureBytes,
});
const rsa = (name: HashedImport["name"], hash: Hash): AlgorithmFacts => ({
  kty: "RSA",
  crv: undefined,
  subtle: { name, hash },
  // RFC 7518 §3.5: the salt is as long as the hash. RSASSA-PKCS1-v1_5 has none and ignores it.
  verify: { name, saltLength: Number(hash.slice(4)) / 8 },
  signatureBytes: undefined,
});
const ecdsa = (crv: string, hash: Hash, signatureBytes: number): AlgorithmFacts => ({
  kty: "EC",
  crv,
  subtle: { name: "ECDSA", namedCurve: crv },
  verify: { name: "ECDSA", hash },
  signatureBytes,
});
const ed25519: AlgorithmFacts = {
  kty: "OKP",
  crv: "Ed25519",
  subtle: { name: "Ed25519" },
  verify: { name: "Ed25519" },
  signatureBytes: 64,
};

/** The JWS algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). This is the only list of them. */
export const algorithms = {
  HS256: hmac("SHA-256", 32),
  HS384: hmac("SHA-384", 48),
  HS512: hmac("SHA-512", 64),
  RS256: rsa("RSASSA-PKCS1-v1_5", "SHA-256"),
  RS384: rsa("RSASSA-PKCS1-v1_5", "SHA-384"),
  RS512: rsa("RSASSA-PKCS1-v1_5", "SHA-512"),
  PS256: rsa("RSA-PSS", "SHA-256"),
  PS384: rsa("RSA-PSS", "SHA-384"),
  PS512: rsa("RSA-PSS", "SHA-512"),
  ES256: ecdsa("P-256", "SHA-256", 64),
  ES384: ecdsa("P-384", "SHA-384", 96),
  ES512: ecdsa("P-521", "SHA-512", 132),
  EdDSA: ed25519,
  Ed25519: ed25519,
} as const satisfies Record<string, AlgorithmFacts>;

export type Algorithm = keyof typeof algorithms;

export const ALGORITHMS = Object.keys(algorithms) as Algorithm[];
