import { reset } from "cloudflare:test";
import { afterEach, beforeEach, expect } from "vitest";
import { quiet } from "./around.ts";
import { returnKeyPairs } from "./keys.ts";
import { leaks } from "./leaks.ts";
import { openapi } from "./openapi.ts";

const METHODS = ["debug", "error", "info", "log", "warn"] as const;
const original = Object.fromEntries(METHODS.map((method) => [method, console[method]]));

beforeEach(returnKeyPairs);

// What is written to the console in a test is searched for secrets. The gateway's own log lines are not printed.
beforeEach(() => {
  for (const method of METHODS) {
    console[method] = (...values: unknown[]) => {
      const text = values.map((value) => (value instanceof Error ? `${value.stack}` : String(value))).join(" ");
      leaks.addText(text);
      if (!text.startsWith('{"event":')) original[method]?.(...values);
    };
  }
});

afterEach(async () => {
  Object.assign(console, original);
  // Without this, KV, Durable Objects and rate-limit counters would outlive the test.
  // What an object still did would reach the next test's CometChat.
  await quiet();
  await reset();
  expect(leaks.found(), "no session, auth token or key in a log line or an answer").toEqual([]);
  expect(openapi.mismatches(), "each answer is as /openapi.json describes it").toEqual([]);
});
