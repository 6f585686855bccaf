import type { Algorithm } from "./algorithms.ts";
import { algorithms } from "./algorithms.ts";
import type { Compact } from "./compact.ts";
import type { Key } from "./jwk.ts";

/**
 * Whether that key signed that token with that algorithm (RFC 7515 §5.2); a key that is not sound signed nothing.
 *
 * WebCrypto does the mathematics. What a JOSE library would add lies before this line: the algorithm comes from the
 * configuration, the key was imported for it alone, the form of the token was looked at more strictly than libraries do.
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
  // RFC 7518 §3.4, RFC 8017 §8.2.2: the length first (CVE-2022-21449 was a verifier that took what came).
  if (signature.length !== (signatureBytes ?? Math.ceil(modulusLength / 8))) return false;
  try {
    return await crypto.subtle.verify(verify, imported, signature, signed);
  } catch {
    return false;
  }
}
