import { createApp } from "./app.ts";
import { platform } from "./platform.ts";

export { Ledger } from "./ledger/ledger.ts";

const app = createApp(platform);

export default {
  fetch: (request, env, ctx) => app.fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
