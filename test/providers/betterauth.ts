import { randomBytes } from "node:crypto";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { jwt } from "better-auth/plugins";
import { listen } from "../sandbox/server.ts";
import { Jar } from "./jar.ts";

export interface BetterAuth {
  readonly issuer: string;
  /** Makes the keys expire, as after the plugin's rotation interval. The next token is signed with a new key. */
  rotate(): void;
  /** Signs a user up, and fetches the user's JWT. */
  signUp(name: string): Promise<{ token: string; jar: Jar }>;
  token(jar: Jar): Promise<string>;
  close(): Promise<void>;
}

/** `better-auth` with its JWT plugin on loopback, configured as in its documentation. */
export async function startBetterAuth(): Promise<BetterAuth> {
  let handler = async (_: Request): Promise<Response> => new Response(null, { status: 503 });
  const listener = await listen((request) => handler(request), 0);
  const issuer = `http://127.0.0.1:${listener.port}`;
  const tables: Record<string, Record<string, unknown>[]> = {
    user: [],
    session: [],
    account: [],
    verification: [],
    jwks: [],
  };
  const auth = betterAuth({
    baseURL: issuer,
    secret: randomBytes(32).toString("base64url"),
    database: memoryAdapter(tables),
    emailAndPassword: { enabled: true },
    plugins: [jwt()],
    logger: { disabled: true },
  });
  handler = auth.handler;

  async function token(jar: Jar): Promise<string> {
    const response = await jar.fetch(`${issuer}/api/auth/token`);
    if (!response.ok) throw new Error(`no token: ${response.status}`);
    return ((await response.json()) as { token: string }).token;
  }

  return {
    issuer,
    rotate() {
      for (const key of tables.jwks ?? []) key.expiresAt = new Date(Date.now() - 1000);
    },
    token,
    async signUp(name) {
      const jar = new Jar();
      const response = await jar.fetch(`${issuer}/api/auth/sign-up/email`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Origin: issuer },
        body: JSON.stringify({
          name,
          email: `${name.toLowerCase()}@example.com`,
          password: randomBytes(12).toString("hex"),
        }),
      });
      if (!response.ok) throw new Error(`not signed up: ${response.status}`);
      return { jar, token: await token(jar) };
    },
    close: listener.close,
  };
}
