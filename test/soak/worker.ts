import { createApp } from "../../src/app.ts";
import { platform } from "../../src/platform.ts";
import { memoryKv, shaky, unlimited, unreliable } from "./storage.ts";

export { Home, Ledger, Once } from "../../src/index.ts";

/** The Worker as it is deployed, on storage and limits that fail now and then; workerd alone has neither. */
const app = createApp(platform);
// What the gateway remembers hangs on the environment's identity.
let worse: Env | undefined;

export default {
  fetch(request, env, ctx) {
    const limit = shaky(unlimited);
    worse ??= { ...env, USERS: unreliable(memoryKv()), RATE_LIMIT_IP: limit, RATE_LIMIT_USER: limit };
    return app.fetch(request, worse, ctx);
  },
} satisfies ExportedHandler<Env>;
