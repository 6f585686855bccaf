import { createApp } from "../../src/app.ts";
import { platform } from "../../src/platform.ts";
import { memoryKv, shaky, unlimited, unreliable } from "./storage.ts";

export { Home, Ledger, Once } from "../../src/index.ts";

/** The Worker as it is deployed, but with a KV and rate limits in memory, a share of whose operations fails. */
const app = createApp(platform);
// The gateway's memory belongs to one object `env`, so all requests have to get the same one.
let worse: Env | undefined;

export default {
  fetch(request, env, ctx) {
    const limit = shaky(unlimited);
    worse ??= { ...env, USERS: unreliable(memoryKv()), RATE_LIMIT_IP: limit, RATE_LIMIT_USER: limit };
    return app.fetch(request, worse, ctx);
  },
} satisfies ExportedHandler<Env>;
