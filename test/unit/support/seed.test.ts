import fc from "fast-check";
import { describe, expect, inject, it } from "vitest";

const { seed } = inject("fuzz");

describe("a property test that fails", () => {
  it("says with which seed it can be repeated", async () => {
    const repeat = `FUZZ_SEED=${seed} npx vitest run`;
    expect(() => fc.assert(fc.property(fc.nat(), (number) => number < 0))).toThrow(repeat);
    await expect(fc.assert(fc.asyncProperty(fc.nat(), async (number) => number < 0))).rejects.toThrow(repeat);
  });

  it("tries the same cases again with the same seed", () => {
    const casesOf = () => {
      const cases: number[] = [];
      fc.assert(fc.property(fc.nat(), (number) => void cases.push(number)));
      return cases;
    };
    expect(casesOf()).toEqual(casesOf());
  });
});
