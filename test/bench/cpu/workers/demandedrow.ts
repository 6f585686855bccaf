import { answer, callerOf, type Env } from "./demanded.ts";
import type { Env as RowEnv } from "./row.ts";

export { Rows } from "./row.ts";

/**
 * The Worker of demanded.ts for a token that is reused: it reads a row of a Durable Object and does not call CometChat.
 */
export default {
  async fetch(request, env) {
    const uid = await callerOf(request, env);
    const timer = setTimeout(() => undefined, 500);
    const token = await env.ROWS.getByName(uid).take();
    clearTimeout(timer);
    return answer(200, uid, token, env);
  },
} satisfies ExportedHandler<Env & RowEnv>;
