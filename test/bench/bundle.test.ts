import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { bundle } from "../runtime/bundle.ts";

/** The most KiB after gzip. `wrangler deploy` counts in the same way. */
const BUDGET = 48;

test(`the uploaded Worker has at most ${BUDGET} KiB`, async () => {
  const directory = await mkdtemp(join(tmpdir(), "bundle-"));
  try {
    const { compressed } = await bundle(resolve(import.meta.dirname, "../../wrangler.toml"), directory);
    expect(compressed).toBeGreaterThan(10);
    expect(compressed).toBeLessThanOrEqual(BUDGET);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
