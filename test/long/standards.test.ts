import { expect, it } from "vitest";
import { examples, forgery } from "../support/examples.ts";

// This test verifies 32,000 signatures over P-521.
it.each(examples.filter(({ alg }) => alg === "ES512"))(
  "the standard's own example $name ($alg) does not verify after any change of one character",
  { timeout: 300_000 },
  async (example) => {
    const { verifies, tried } = await forgery(example);
    expect(verifies).toBeUndefined();
    expect(tried).toBeGreaterThan(example.token.length * 64);
  },
);
