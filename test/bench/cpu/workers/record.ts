import type { Env } from "./row.ts";

export { Rows } from "./row.ts";

/** A Worker that forwards one fetch, and writes one row of a Durable Object after the answer. */
export default {
  async fetch(request, env, ctx) {
    const uid = request.headers.get("x-user") ?? "alice";
    const response = await fetch(`${env.COMETCHAT}/users/${uid}/auth_tokens`, {
      method: "POST",
      headers: { apikey: env.COMETCHAT_API_KEY, "content-type": "application/json" },
      body: '{"force":true}',
    });
    ctx.waitUntil(env.ROWS.getByName(uid).record(crypto.randomUUID()));
    return response;
  },
} satisfies ExportedHandler<Env>;
