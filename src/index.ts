import { createApp } from "./app.ts";
import { platform } from "./platform.ts";

export { Home } from "./directory/home.ts";
export { Ledger } from "./ledger/ledger.ts";
export { Once } from "./session/once.ts";

const app = createApp(platform);

export default {
  fetch: (request, env, ctx) => app.fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
