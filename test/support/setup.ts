import { reset } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, expect, inject } from "vitest";
import { endTest, quiet } from "./around.ts";
import { returnKeyPairs } from "./keys.ts";
import { leaks } from "./leaks.ts";
import { openapi } from "./openapi.ts";

const METHODS = ["debug", "error", "info", "log", "warn"] as const;
const original = Object.fromEntries(METHODS.map((method) => [method, console[method]]));

// Property tests try the same cases for the same seed. A failure prints how to repeat it.
const seed = inject("fuzz")?.seed;
fc.configureGlobal({
  ...(seed !== undefined && { seed }),
  reporter: (run) => {
    if (!run.failed) return;
    const repeat = `To try the same cases again: FUZZ_SEED=${run.seed} npx vitest run <file>`;
    throw new Error(`${fc.defaultReportMessage(run)}\n\n${repeat}`, { cause: run.errorInstance });
  },
});

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
  // Work that a Durable Object has not finished would call the CometChat of the next test.
  await quiet();
  endTest();
  // KV, Durable Objects and the counts of rate limits would be there in the next test.
  await reset();
  expect(leaks.found(), "no session, auth token or key in a log line or an answer").toEqual([]);
  expect(openapi.mismatches(), "each answer is as /openapi.json describes it").toEqual([]);
});
