import { defineConfig } from "vitest/config";
import { gateway } from "./vitest.config.ts";

/** `npm run test:long`: what takes its time whatever is done about it. `npm test` runs all else. */
export default defineConfig({
  test: {
    reporters: ["default", "./test/tally.ts"],
    projects: [
      {
        plugins: [gateway()],
        test: { name: "workerd", include: ["test/long/standards.test.ts"], setupFiles: ["./test/setup.ts"] },
      },
      {
        test: {
          name: "node",
          include: ["test/long/rotation.test.ts"],
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
