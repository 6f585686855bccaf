import { compactVerify } from "jose/jws/compact/verify";
import type { Algorithm } from "../config/types.ts";
import { algorithms } from "./algorithms.ts";
import type { Key } from "./jwk.ts";

/** Whether that key signed that token with that algorithm; a key that is not sound signed nothing. */
export async function signed(token: string, alg: Algorithm, signatureBytes: number, key: Key): Promise<boolean> {
  const imported = await key.load(alg);
  if (!imported) return false;
  const { modulusLength = 0 } = imported.algorithm as { modulusLength?: number };
  // RFC 7518 §3.4, RFC 8017 §8.2.2: the length first (CVE-2022-21449 was a verifier that took what came).
  if (signatureBytes !== (algorithms[alg].signatureBytes ?? Math.ceil(modulusLength / 8))) return false;
  try {
    await compactVerify(token, imported, { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}
