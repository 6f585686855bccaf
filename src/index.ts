import { tracing } from "cloudflare:workers";
import { createApp } from "./app.ts";
import { TokenLedger } from "./ledger/ledger.ts";
import { createIsolate } from "./ledger/parts.ts";
import { platform } from "./platform.ts";
import type { Span } from "./telemetry/timing.ts";

export { Home } from "./directory/home.ts";
export { Once } from "./session/once.ts";

const span: Span = (name, work) => tracing.enterSpan(name, work);
// The tracing module is used only here, since the commands run without it. Spans cost time, so they are made only if
// the request is traced.
const app = createApp({ ...platform, span: () => (tracing.getActiveSpan()?.isTraced ? span : undefined) });
const isolate = createIsolate(platform);

export class Ledger extends TokenLedger {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, isolate);
  }
}

export default {
  fetch: (request, env, ctx) => app.fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
