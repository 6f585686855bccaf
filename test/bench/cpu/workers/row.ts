import { DurableObject } from "cloudflare:workers";

/** A Durable Object for each user, with one row in SQLite. */
export class Rows extends DurableObject<Env> {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    state.storage.sql.exec("CREATE TABLE IF NOT EXISTS tokens (id INTEGER PRIMARY KEY, token TEXT NOT NULL)");
    state.storage.sql.exec("INSERT OR REPLACE INTO tokens VALUES (1, 'alice_17956080000123456789abcdef0123456789')");
  }

  take(): string {
    return this.ctx.storage.sql.exec<{ token: string }>("SELECT token FROM tokens WHERE id = 1").one().token;
  }

  record(token: string): void {
    this.ctx.storage.sql.exec("INSERT INTO tokens (token) VALUES (?)", token);
  }
}

export interface Env {
  ROWS: DurableObjectNamespace<Rows>;
  COMETCHAT: string;
  COMETCHAT_API_KEY: string;
}

/** A Worker that reads one row of a Durable Object by RPC. A token that is reused cannot cost less. */
export default {
  async fetch(request, env) {
    const uid = request.headers.get("x-user") ?? "alice";
    return Response.json({ authToken: await env.ROWS.getByName(uid).take(), uid });
  },
} satisfies ExportedHandler<Env>;
