import { tracing } from "cloudflare:workers";
import { createApp } from "./app.ts";
import { TokenLedger } from "./ledger/ledger.ts";
import { createIsolate } from "./ledger/parts.ts";
import { platform } from "./platform.ts";
import type { Span } from "./telemetry/timing.ts";

export { Home } from "./directory/home.ts";
export { Once } from "./session/once.ts";

const span: Span = (name, work) => tracing.enterSpan(name, work);
// Only here, since the commands run where there is no such module. A span takes its time even where nobody traces.
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
