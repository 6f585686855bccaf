import { defineConfig } from "vitest/config";

/** `npm run test:long`: what takes minutes. One file at a time, since they measure. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 900_000,
    reporters: ["default", "../tally.ts"],
  },
});
