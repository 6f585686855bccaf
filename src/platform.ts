import type { Deps } from "./context.ts";
import { log } from "./telemetry/log.ts";

/** The real platform. The global functions are looked up at each call, not while the isolate starts. */
export const platform: Deps = {
  fetch: (input, init) => fetch(input, init),
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: () => Math.random(),
  log,
  cache: () => caches.default,
};
