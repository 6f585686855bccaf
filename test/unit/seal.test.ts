import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSeal } from "../../src/ledger/seal.ts";

const key = (byte: number) => new Uint8Array(32).fill(byte);
const seal = createSeal([key(1)]);

describe("an encrypted token", () => {
  it("can be decrypted in its own place, for any text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), fc.string(), async (text, place) => {
        expect(await seal.open(await seal.seal(text, place), place)).toBe(text);
      }),
    );
  });

  it("cannot be decrypted in another place, or with another key", async () => {
    const sealed = await seal.seal("token", "alice");
    expect(await seal.open(sealed, "bob")).toBeUndefined();
    expect(await createSeal([key(2)]).open(sealed, "alice")).toBeUndefined();
    expect(await createSeal([]).open(sealed, "alice")).toBeUndefined();
  });

  it("can be decrypted with the old key while that is listed, and is encrypted with the new one", async () => {
    const sealed = await seal.seal("token", "here");
    const rotating = createSeal([key(2), key(1)]);
    expect(await rotating.open(sealed, "here")).toBe("token");
    expect(await createSeal([key(2)]).open(await rotating.seal("token", "here"), "here")).toBe("token");
  });

  it("cannot be decrypted after a byte was changed or cut off", async () => {
    const sealed = await seal.seal("token", "here");
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = sealed.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await seal.open(changed, "here")).toBeUndefined();
      expect(await seal.open(sealed.slice(0, at), "here")).toBeUndefined();
    }
  });

  it("is different each time", async () => {
    const [one, two] = await Promise.all([seal.seal("token", "here"), seal.seal("token", "here")]);
    expect(one).not.toEqual(two);
  });
});
