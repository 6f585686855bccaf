import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

// Each run has another seed for its property tests, and prints it. To repeat a run: FUZZ_SEED=1234 npm test
const fuzz = { seed: Number(process.env.FUZZ_SEED ?? Date.now() & 0x7fffffff), cases: 300 };

export const gateway = () =>
  cloudflareTest({
    main: "./test/support/worker.ts",
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      // The configuration of the Durable Objects (see test/support/world.ts). It replaces a developer's own .dev.vars.
      bindings: {
        COMETCHAT_APPS: {
          main: { appId: "275300000000000a", region: "us" },
          us: { appId: "2753000000000us", region: "us" },
          eu: { appId: "2753000000000eu", region: "eu" },
          in: { appId: "2753000000000in", region: "in" },
        },
        PLACEMENT: { default: "main" },
        SESSION_ISSUERS: [{ issuer: "https://idp.example", audience: ["chat"] }],
        ALLOWED_ORIGINS: ["https://app.example.com"],
        COMETCHAT_API_KEY: "0123456789abcdef0123456789abcdef01234567",
        BACKEND_SECRET: "",
        TOKEN_ENCRYPTION_KEY: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        TOKENS: { maxPerSession: 5, reuse: "session" },
      },
      // No test reaches a network. A request that no simulator answers fails.
      outboundService: () => new Response("blocked", { status: 599 }),
    },
  });

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/tally.ts"],
    projects: [
      {
        plugins: [gateway()],
        test: {
          // Two runtimes, whose files share what it costs to start one.
          name: "workerd",
          maxWorkers: 2,
          include: ["test/{unit,integration,tokens,attacks,fuzz}/**/*.test.ts"],
          isolate: false,
          provide: { fuzz },
          // The machines that run this are slow and shared; a test that hangs still ends.
          testTimeout: 30_000,
          setupFiles: ["./test/support/setup.ts"],
        },
      },
      {
        test: {
          name: "node",
          // After the others: these start browsers and servers.
          sequence: { groupOrder: 1 },
          maxWorkers: 2,
          include: ["test/{browser,providers,bench}/**/*.test.ts"],
          // If browsers run beside each other on a busy machine, two tests of the tour sometimes fail: the sign-out everywhere
          // whose other device has no session any more, and the rate limit, whose minute may end during the test.
          retry: 1,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // What is waited for comes later on a busy machine.
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        test: {
          // Wrangler is loaded once for all files.
          name: "commands",
          sequence: { groupOrder: 1 },
          maxWorkers: 2,
          isolate: false,
          include: ["test/{commands,docs}/**/*.test.ts"],
          testTimeout: 60_000,
        },
      },
    ],
  },
});
