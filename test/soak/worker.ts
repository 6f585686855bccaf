import { createApp } from "../../src/app.ts";
import { platform } from "../../src/platform.ts";
import { shaky, unreliable } from "./storage.ts";

export { Ledger } from "../../src/ledger/ledger.ts";

/** The Worker as it is deployed, on storage and limits that fail now and then. */
const app = createApp(platform);
// What the gateway remembers hangs on the environment's identity.
const spoiled = new WeakMap<Env, Env>();

export default {
  fetch(request, env, ctx) {
    let worse = spoiled.get(env);
    if (!worse) {
      worse = {
        ...env,
        USERS: unreliable(env.USERS),
        RATE_LIMIT_IP: shaky(env.RATE_LIMIT_IP),
        RATE_LIMIT_USER: shaky(env.RATE_LIMIT_USER),
      };
      spoiled.set(env, worse);
    }
    return app.fetch(request, worse, ctx);
  },
} satisfies ExportedHandler<Env>;
