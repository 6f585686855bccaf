import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";
import { Jar } from "./jar.ts";

const CLIENT = "chat-web";
const SECRET = randomBytes(24).toString("base64url");
/** The resource that access tokens are for. */
const RESOURCE = "https://chat.example";

export interface Oidc {
  readonly issuer: string;
  readonly audience: readonly string[];
  /** Opens the server, which needs the gateway's address for its client. */
  open(gateway: URL): Promise<void>;
  /** Rotates the keys. The old ones stay published. */
  rotate(): Promise<void>;
  /** Signs a user in as a browser does: login page, consent page, code, tokens. */
  signIn(subject: string): Promise<{ jar: Jar; idToken: string; accessToken: string }>;
  /** Signs out at the provider, and resolves when the provider has sent its logout token to the gateway. */
  signOut(jar: Jar): Promise<void>;
  close(): Promise<void>;
}

/** `oidc-provider` (a certified OpenID provider) on loopback, with its own login pages and back-channel logout. */
export async function startOidc(): Promise<Oidc> {
  let handler: RequestListener = (_, response) => response.writeHead(503).end();
  const server = createServer((request, response) => handler(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cookieKeys = [randomBytes(24).toString("base64url")];
  const waiting: { done: () => void; failed: (error: Error) => void }[] = [];
  let keys: object[] = [];
  let gateway: URL | undefined;

  async function restart(): Promise<void> {
    const made = await Promise.all(["ES256", "RS256"].map(makeKey));
    // The provider signs with the first key that fits.
    keys = [...made, ...keys.slice(0, 2)];
    const provider = new Provider(issuer, {
      jwks: { keys },
      cookies: { keys: cookieKeys },
      clients: [
        {
          client_id: CLIENT,
          client_secret: SECRET,
          redirect_uris: [`${issuer}/callback`],
          id_token_signed_response_alg: "ES256",
          backchannel_logout_uri: new URL("/v1/backchannel-logout", gateway).href,
          backchannel_logout_session_required: true,
        },
      ],
      claims: { openid: ["sub"], profile: ["name", "picture"] },
      // The ID token has the claims of the profile, as with most providers.
      conformIdTokenClaims: false,
      findAccount: (_: unknown, id: string) => ({
        accountId: id,
        claims: () => ({ sub: id, name: `${id} of oidc-provider`, picture: "https://example.com/picture.png" }),
      }),
      features: {
        backchannelLogout: { enabled: true },
        devInteractions: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            scope: "",
            audience: RESOURCE,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: "RS256" } },
          }),
        },
      },
      // By default, oidc-provider does not call this machine, where the gateway is.
      fetch: (address: string, { dispatcher: _, ...init }: RequestInit & { dispatcher?: unknown }) =>
        fetch(address, init),
    });
    provider.on("backchannel.success", () => waiting.shift()?.done());
    provider.on("backchannel.error", (_, error: Error) => waiting.shift()?.failed(error));
    handler = provider.callback();
  }

  return {
    issuer,
    audience: [CLIENT, RESOURCE],
    open: (url) => {
      gateway = url;
      return restart();
    },
    rotate: restart,

    async signIn(subject) {
      const jar = new Jar();
      const verifier = randomBytes(32).toString("base64url");
      const asked = new URLSearchParams({
        client_id: CLIENT,
        response_type: "code",
        redirect_uri: `${issuer}/callback`,
        scope: "openid profile",
        resource: RESOURCE,
        code_challenge: createHash("sha256").update(verifier).digest("base64url"),
        code_challenge_method: "S256",
      });
      let at = `${issuer}/auth?${asked}`;
      let answer = await jar.fetch(at);
      while (!at.startsWith(`${issuer}/callback`)) {
        if (answer.status === 200) {
          // This is the login page, and then the consent page.
          const prompt = /name="prompt" value="(\w+)"/.exec(await answer.text())?.[1] ?? "";
          answer = await jar.post(at, { prompt, login: subject, password: "any" });
        } else {
          at = Jar.next(answer, at);
          if (!at.startsWith(`${issuer}/callback`)) answer = await jar.fetch(at);
        }
      }
      const code = new URL(at).searchParams.get("code") ?? "";
      const exchanged = await fetch(`${issuer}/token`, {
        method: "POST",
        headers: { Authorization: `Basic ${Buffer.from(`${CLIENT}:${SECRET}`).toString("base64")}` },
        body: new URLSearchParams({
          grant_type: "authorization_code",
          code,
          code_verifier: verifier,
          redirect_uri: `${issuer}/callback`,
          resource: RESOURCE,
        }),
      });
      const tokens = (await exchanged.json()) as { id_token: string; access_token: string };
      if (!exchanged.ok) throw new Error(`no tokens: ${JSON.stringify(tokens)}`);
      return { jar, idToken: tokens.id_token, accessToken: tokens.access_token };
    },

    async signOut(jar) {
      const delivered = new Promise<void>((done, failed) => waiting.push({ done, failed }));
      const page = await (await jar.fetch(`${issuer}/session/end`)).text();
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? "";
      await jar.post(`${issuer}/session/end/confirm`, { xsrf, logout: "yes" });
      await delivered;
    },

    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function makeKey(alg: string): Promise<object> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), alg, use: "sig", kid: randomBytes(8).toString("hex") };
}
