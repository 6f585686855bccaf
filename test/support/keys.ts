import { generateKeyPair } from "jose";
import type { MakeKeyPair } from "../sandbox/provider/keys.ts";

type KeyPair = Awaited<ReturnType<MakeKeyPair>>;

const made = new Map<string, KeyPair[]>();
const taken = new Map<string, number>();

/**
 * A key pair for a provider in a test. RSA keys are slow to make, so each test is given the pairs of the one before. Two
 * pairs of one test are never the same. Not for tests that run at the same time.
 */
export const keyPair: MakeKeyPair = async (alg) => {
  const number = taken.get(alg) ?? 0;
  taken.set(alg, number + 1);
  const pairs = made.get(alg) ?? [];
  made.set(alg, pairs);
  pairs[number] ??= await generateKeyPair(alg, { extractable: true });
  return pairs[number];
};

/** From here on the pairs may be given out again. */
export const returnKeyPairs = (): void => taken.clear();
