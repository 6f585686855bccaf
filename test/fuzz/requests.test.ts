import fc from "fast-check";
import { beforeAll, describe, inject, it } from "vitest";
import { signer } from "../support/forge.ts";
import { createOutside, type Outside } from "./outside.ts";
import { requestProperties } from "./requests.ts";

const { seed, cases } = inject("fuzz");

let keys: Outside["keys"];
beforeAll(async () => {
  const [es, stranger] = await Promise.all([signer("ES256", "es"), signer("ES256", "es")]);
  keys = { es, stranger };
});

describe(`the gateway, called from outside (seed ${seed}):`, { timeout: 120_000 }, () => {
  it.each(requestProperties)("$name", async ({ name, property }) => {
    console.log(`fuzz: seed ${seed}, ${cases} cases: ${name}`);
    await fc.assert(property(createOutside(keys)), { seed, numRuns: cases });
  });
});
