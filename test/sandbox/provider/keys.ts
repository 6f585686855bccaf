import { exportJWK, generateKeyPair, type JWK } from "jose";

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** Makes an extractable key pair for an algorithm. */
export type MakeKeyPair = (alg: string) => Promise<KeyPair>;

const makeNew: MakeKeyPair = (alg) => generateKeyPair(alg, { extractable: true });

/** A signing key. `publicJwk` is what the provider publishes. */
interface SigningKey {
  alg: string;
  kid: string;
  privateKey: KeyPair["privateKey"];
  publicJwk: JWK;
}

async function signingKey(alg: string, kid: string, make: MakeKeyPair): Promise<SigningKey> {
  const { privateKey, publicKey } = await make(alg);
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

/**
 * The provider's keys. For each algorithm there is one that signs. After a rotation the previous key stays published,
 * so that sessions signed with it can still be verified. The class stores keys and not promises of keys, because in
 * workerd a promise belongs to the request that made it.
 */
export class KeyRing {
  readonly algorithms: readonly string[];
  readonly #make: MakeKeyPair;
  #generation = 1;
  #active: SigningKey[] | undefined;
  #retiring: SigningKey[] = [];
  #unpublished = new Map<string, SigningKey>();

  constructor(algorithms: readonly string[], make: MakeKeyPair = makeNew) {
    this.algorithms = algorithms;
    this.#make = make;
  }

  async active(): Promise<SigningKey[]> {
    if (!this.#active) {
      const made = await this.#generate();
      this.#active ??= made;
    }
    return this.#active;
  }

  async signer(alg: string): Promise<SigningKey> {
    const key = (await this.active()).find((candidate) => candidate.alg === alg);
    if (!key) throw new Error(`this provider signs ${this.algorithms.join(", ")}, not ${alg}`);
    return key;
  }

  /** A key that is never published. `forged` sessions are signed with it. */
  async forger(alg: string): Promise<SigningKey> {
    const known = this.#unpublished.get(alg);
    if (known) return known;
    const made = await signingKey(alg, "unpublished", this.#make);
    this.#unpublished.set(alg, made);
    return made;
  }

  async published(): Promise<JWK[]> {
    return [...(await this.active()), ...this.#retiring].map((key) => key.publicJwk);
  }

  /** From now on, new keys sign. With `overlap` the old keys stay published until the next rotation. */
  async rotate(overlap: boolean): Promise<void> {
    const old = await this.active();
    this.#generation += 1;
    this.#active = await this.#generate();
    this.#retiring = overlap ? old : [];
  }

  #generate(): Promise<SigningKey[]> {
    const generation = this.#generation;
    return Promise.all(this.algorithms.map((alg) => signingKey(alg, `${alg.toLowerCase()}-${generation}`, this.#make)));
  }
}
