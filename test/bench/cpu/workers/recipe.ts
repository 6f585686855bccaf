import { createRemoteJWKSet, jwtVerify } from "jose";

/** A Worker as tutorials describe it: jose verifies the session, and CometChat mints a token. */
export interface Env {
  COMETCHAT: string;
  COMETCHAT_API_KEY: string;
  ISSUER: string;
  JWKS: string;
}

let keys: ReturnType<typeof createRemoteJWKSet> | undefined;

export async function subjectOf(request: Request, env: Env): Promise<string | undefined> {
  keys ??= createRemoteJWKSet(new URL(env.JWKS));
  const session = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
  const verified = await jwtVerify(session, keys, { issuer: env.ISSUER, audience: "chat" }).catch(() => undefined);
  return verified?.payload.sub;
}

export async function ask(env: Env, path: string, body: unknown): Promise<{ data: { authToken: string } }> {
  const response = await fetch(`${env.COMETCHAT}${path}`, {
    method: "POST",
    headers: { apikey: env.COMETCHAT_API_KEY, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.json();
}

export default {
  async fetch(request, env) {
    const uid = await subjectOf(request, env);
    if (!uid) return Response.json({ error: "unauthorized" }, { status: 401 });
    const { data } = await ask(env, `/users/${uid}/auth_tokens`, { force: true });
    return Response.json({ authToken: data.authToken, uid }, { status: 201 });
  },
} satisfies ExportedHandler<Env>;
