import { reset } from "cloudflare:test";
import { afterEach, beforeEach, expect } from "vitest";
import { described } from "./described.ts";
import { witness } from "./witness.ts";

const METHODS = ["debug", "error", "info", "log", "warn"] as const;
const own = Object.fromEntries(METHODS.map((method) => [method, console[method]]));

// The witness hears the console in every test. The gateway's own log lines are not printed.
beforeEach(() => {
  for (const method of METHODS) {
    console[method] = (...values: unknown[]) => {
      const text = values.map((value) => (value instanceof Error ? `${value.stack}` : String(value))).join(" ");
      witness.hear(text);
      if (!text.startsWith('{"event":')) own[method]?.(...values);
    };
  }
});

afterEach(async () => {
  Object.assign(console, own);
  // Without this, KV, Durable Objects and rate-limit counters would outlive the test.
  await reset();
  expect(witness.leaks(), "no session, auth token or key in a log line or an answer").toEqual([]);
  expect(described.complaints(), "each answer as /openapi.json describes it").toEqual([]);
});
