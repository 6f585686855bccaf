import type { Deps } from "./context.ts";
import { log } from "./telemetry/log.ts";

/** The real surroundings. Looked up at each call, so that nothing is captured while the isolate starts. */
export const platform: Deps = {
  fetch: (input, init) => fetch(input, init),
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: () => Math.random(),
  log,
  cache: () => caches.default,
};
