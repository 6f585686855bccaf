import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { gateway } from "../../vitest.config.ts";

const IN_WORKERD = "test/long/standards.test.ts";

/**
 * `npm run test:long` runs the tests that take minutes. The files run one by one, since some measure time or memory.
 */
export default defineConfig({
  test: {
    root: resolve(import.meta.dirname, "../.."),
    reporters: ["default", "./test/support/tally.ts"],
    projects: [
      {
        plugins: [gateway()],
        test: { name: "workerd", include: [IN_WORKERD], setupFiles: ["./test/support/setup.ts"] },
      },
      {
        test: {
          name: "node",
          include: ["test/long/**/*.test.ts"],
          exclude: [IN_WORKERD],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 900_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
