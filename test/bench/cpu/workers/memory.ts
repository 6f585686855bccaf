import { createApp } from "../../../../src/app.ts";
import { platform } from "../../../../src/platform.ts";

export * from "../../../../src/index.ts";

/**
 * The gateway, with stores and a CometChat in memory that answer at once. `/users?from=0&count=1000` signs in so many
 * users, each with a session of its own. In this way an isolate serves a million users in a minute or two.
 */
const SECRET = "0123456789abcdef0123456789abcdef";
const ISSUER = "https://idp.example";
const NOW = 1_795_608_000_000;

const app = createApp({
  ...platform,
  async fetch(input) {
    const uid = new URL(input).pathname.split("/")[3];
    const text = JSON.stringify({ data: { uid, authToken: `${uid}_0123456789abcdef`, createdAt: NOW / 1000 } });
    return new Response(text, { headers: { "content-length": String(text.length) } });
  },
  log: (line) => void JSON.stringify(line),
});

const unlimited = { limit: async () => ({ success: true }) };
// KV has a mapping for every user, so no user is created.
const known = { app: "main", profile: "", createdAt: NOW, syncedAt: NOW };
const around = {
  ALLOWED_ORIGINS: ["https://app.example.com"],
  COMETCHAT_APPS: { main: { appId: "2753000000000000", region: "us" } },
  SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], algorithms: ["HS256"], secret: "HMAC_KEY" }],
  PROVISIONING: { sync: false },
  HMAC_KEY: SECRET,
  COMETCHAT_API_KEY: "0123456789abcdef0123456789abcdef01234567",
  RATE_LIMIT_IP: unlimited,
  RATE_LIMIT_USER: unlimited,
  USERS: { get: async () => known, put: async () => undefined },
};
/** The gateway's environment. It has the bindings of the Durable Objects, which no request of this benchmark calls. */
let place: Env | undefined;

const text = new TextEncoder();
const base64url = (bytes: Uint8Array) => bytes.toBase64({ alphabet: "base64url", omitPadding: true });
const part = (value: unknown) => base64url(text.encode(JSON.stringify(value)));
const HEADER = part({ alg: "HS256", typ: "JWT" });

async function sessionOf(subject: string, key: CryptoKey): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const signed = `${HEADER}.${part({ iss: ISSUER, aud: "chat", sub: subject, iat: now, exp: now + 3600 })}`;
  return `${signed}.${base64url(new Uint8Array(await crypto.subtle.sign("HMAC", key, text.encode(signed))))}`;
}

export default {
  async fetch(request, env, ctx) {
    place ??= { ...env, ...around } as unknown as Env;
    const { searchParams } = new URL(request.url);
    const from = Number(searchParams.get("from"));
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", text.encode(SECRET), algorithm, false, ["sign"]);
    for (let index = from; index < from + Number(searchParams.get("count")); index += 1) {
      const headers = { authorization: `Bearer ${await sessionOf(`user-${index}`, key)}` };
      const asked = new Request("https://gateway.example/v1/token", { method: "POST", headers });
      const answer = await app.fetch(asked, place, ctx);
      if (answer.status !== 201) return answer;
    }
    return Response.json({ status: "ok" });
  },
} satisfies ExportedHandler<Env>;
