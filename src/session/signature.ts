import type { Algorithm } from "./algorithms.ts";
import { algorithms } from "./algorithms.ts";
import type { Compact } from "./compact.ts";
import type { Key } from "./jwk.ts";

/**
 * Whether the key signed the token with that algorithm (RFC 7515 §5.2). A key that cannot be imported has signed
 * nothing.
 *
 * WebCrypto checks the signature. A JOSE library would add only what is done before: the algorithm comes from the
 * configuration, the key was imported for that algorithm only, and the token's form was checked more strictly than by
 * libraries.
 */
export async function signedBy(
  { signed, signature }: Pick<Compact, "signed" | "signature">,
  alg: Algorithm,
  key: Key,
): Promise<boolean> {
  const imported = await key.load(alg);
  if (!imported) return false;
  const { verify, signatureBytes } = algorithms[alg];
  const { modulusLength = 0 } = imported.algorithm as { modulusLength?: number };
  // The length is checked first (RFC 7518 §3.4, RFC 8017 §8.2.2; CVE-2022-21449: a verifier that did not check the form).
  if (signature.length !== (signatureBytes ?? Math.ceil(modulusLength / 8))) return false;
  try {
    return await crypto.subtle.verify(verify, imported, signature, signed);
  } catch {
    return false;
  }
}
