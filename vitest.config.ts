import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: ["default", "./test/tally.ts"],
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: { COMETCHAT_API_KEY: "0123456789abcdef0123456789abcdef01234567" },
              // No test reaches a network: what no simulator answers fails loudly.
              outboundService: () => new Response("blocked", { status: 599 }),
            },
          }),
        ],
        test: {
          name: "workerd",
          include: ["test/{unit,integration,attacks}/**/*.test.ts"],
          isolate: false,
        },
      },
      {
        test: {
          name: "node",
          include: ["test/{browser,cli}/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
