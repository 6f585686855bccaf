import { generateKeyPair } from "jose";
import type { MakeKeyPair } from "../sandbox/provider/keys.ts";

type KeyPair = Awaited<ReturnType<MakeKeyPair>>;

const made = new Map<string, KeyPair[]>();
const taken = new Map<string, number>();

/**
 * A key pair for a provider in a test. RSA keys are slow to make, so each test uses the pairs of the test before again.
 * Within one test, no two pairs are the same. Tests that run at the same time must not use it.
 */
export const keyPair: MakeKeyPair = async (alg) => {
  const number = taken.get(alg) ?? 0;
  taken.set(alg, number + 1);
  const pairs = made.get(alg) ?? [];
  made.set(alg, pairs);
  pairs[number] ??= await generateKeyPair(alg, { extractable: true });
  return pairs[number];
};

/** Makes all pairs available for the next test. */
export const returnKeyPairs = (): void => taken.clear();
