import { DurableObject } from "cloudflare:workers";
import { createApp } from "./app.ts";
import { log } from "./telemetry/log.ts";

const app = createApp({
  fetch: (input, init) => fetch(input, init),
  now: () => Date.now(),
  random: () => Math.random(),
  log,
  cache: () => caches.default,
});

export default {
  fetch: (request, env, ctx) => app.fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;

export class Ledger extends DurableObject<Env> {}
