/** Encryption of tokens at rest. */
export interface Seal {
  /**
   * Encrypts a text: version (1 byte), nonce (12), AES-256-GCM ciphertext with its tag. `place`: the row in which it is
   * stored; it can be decrypted with the same `place` only.
   */
  readonly seal: (text: string, place: string) => Promise<Uint8Array<ArrayBuffer>>;
  /** Decrypts it; undefined if it was changed or moved to another row, or if its key is no longer configured. */
  readonly open: (sealed: Uint8Array<ArrayBuffer>, place: string) => Promise<string | undefined>;
}

const VERSION = 1;
const NONCE_BYTES = 12;

/**
 * @param keys 32 random bytes each. The first encrypts and all of them decrypt, so that a key can be rotated
 */
export function createSeal(keys: readonly Uint8Array<ArrayBuffer>[]): Seal {
  const derived: CryptoKey[] = [];

  async function keyAt(index: number): Promise<CryptoKey | undefined> {
    const material = keys[index];
    if (!material) return undefined;
    derived[index] ??= await derive(material);
    return derived[index];
  }

  return {
    async seal(text, place) {
      const key = await keyAt(0);
      if (!key) throw new Error("nothing to seal with");
      const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      const additionalData = new TextEncoder().encode(place);
      const sealed = await crypto.subtle.encrypt(
        { name: "AES-GCM", iv, additionalData },
        key,
        new TextEncoder().encode(text),
      );
      return new Uint8Array([VERSION, ...iv, ...new Uint8Array(sealed)]);
    },
    async open(sealed, place) {
      if (sealed[0] !== VERSION) return undefined;
      const iv = sealed.subarray(1, 1 + NONCE_BYTES);
      const additionalData = new TextEncoder().encode(place);
      for (let index = 0; index < keys.length; index += 1) {
        const key = await keyAt(index);
        if (!key) continue;
        try {
          const algorithm = { name: "AES-GCM", iv, additionalData };
          return new TextDecoder().decode(
            await crypto.subtle.decrypt(algorithm, key, sealed.subarray(1 + NONCE_BYTES)),
          );
        } catch {
          // It was encrypted with another key; the next one is tried.
        }
      }
      return undefined;
    },
  };
}

async function derive(material: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const root = await crypto.subtle.importKey("raw", material, "HKDF", false, ["deriveKey"]);
  // HKDF (RFC 5869) derives a key that is used for this purpose only.
  const info = new TextEncoder().encode("cometchat-edge-gateway ledger v1");
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info },
    root,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}
