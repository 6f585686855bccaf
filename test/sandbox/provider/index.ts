import type { JWK } from "jose";
import { type DocumentName, type ProviderFault, spoil } from "./faults.ts";
import { KeyRing, type MakeKeyPair } from "./keys.ts";
import { createLogins } from "./logins.ts";
import { issueLogoutToken, issueSession, type LogoutTokenOptions, type SessionOptions } from "./sessions.ts";

export type { LogoutTokenOptions, ProviderFault, SessionOptions };

export interface ProviderOptions {
  /** The `iss` of its sessions, and the start of its documents' addresses, such as `http://127.0.0.1:8788/idp`. */
  issuer: string;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** The provider has one key for each algorithm. By default it signs with the first. */
  algorithms?: readonly string[];
  /** The `Cache-Control` of its documents. By default they have none. */
  cacheControl?: string;
  /**
   * Returns the address that logout tokens are sent to (Back-Channel Logout 1.0 §2.2). It is called for each logout.
   */
  backchannelLogoutUri?: () => string | undefined;
  /** Makes the keys. By default each key is new. */
  keyPair?: MakeKeyPair;
}

export interface Provider {
  readonly issuer: string;
  /** The addresses of its documents. */
  readonly jwksUrl: string;
  readonly discoveryUrl: string;
  /** Answers the requests under the issuer's address. All others get 404. */
  fetch(request: Request): Promise<Response>;
  issue(options?: SessionOptions): Promise<string>;
  issueLogoutToken(options?: LogoutTokenOptions): Promise<string>;
  /** From now on, new keys sign. The old keys stay published until the next rotation, unless `overlap` is false. */
  rotate(options?: { overlap?: boolean }): Promise<void>;
  jwks(): Promise<{ keys: JWK[] }>;
  /** Keys that are published after the provider's own. Tests put keys here that a gateway must not use. */
  readonly extraKeys: JWK[];
  /** The number of requests for each document. Those that a fault answered count too. */
  readonly requests: Record<DocumentName, number>;
  fault: ProviderFault | undefined;
}

/** An identity provider with real keys and real sessions. It needs only web APIs, so it runs in workerd and in Node. */
export function createProvider(options: ProviderOptions): Provider {
  const { issuer, now = Date.now, algorithms = ["ES256", "RS256"], cacheControl } = options;
  const keys = new KeyRing(algorithms, options.keyPair);
  const root = new URL(issuer).pathname.replace(/\/$/, "");
  const base = `${new URL(issuer).origin}${root}`;
  const signer = { issuer, keys, now };

  const provider: Provider = {
    issuer,
    jwksUrl: `${base}/jwks`,
    discoveryUrl: `${base}/.well-known/openid-configuration`,
    extraKeys: [],
    requests: { discovery: 0, jwks: 0 },
    fault: undefined,
    issue: (session = {}) => issueSession(signer, session),
    issueLogoutToken: (logout = {}) => issueLogoutToken(signer, logout),
    rotate: ({ overlap = true } = {}) => keys.rotate(overlap),
    jwks: async () => ({ keys: [...(await keys.published()), ...provider.extraKeys] }),
    fetch: route,
  };
  const logins = createLogins(provider, () => options.backchannelLogoutUri?.());

  async function route(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const asked = pathname.startsWith(`${root}/`) ? `${request.method} ${pathname.slice(root.length)}` : "";
    switch (asked) {
      case "GET /.well-known/openid-configuration":
        return publish(request, "discovery", discovery());
      case "GET /jwks":
        return publish(request, "jwks", await provider.jwks());
      default:
        return (asked && (await logins(request, asked))) || Response.json({ error: "not_found" }, { status: 404 });
    }
  }

  function discovery(): Record<string, unknown> {
    return {
      issuer,
      authorization_endpoint: `${base}/authorize`,
      jwks_uri: provider.jwksUrl,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: algorithms,
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    };
  }

  async function publish(request: Request, name: DocumentName, body: Record<string, unknown>): Promise<Response> {
    const answer = (text: string) =>
      new Response(text, {
        headers: { "content-type": "application/json", ...(cacheControl && { "cache-control": cacheControl }) },
      });
    const url = new URL(request.url);
    const elsewhere = `${url.origin}${url.pathname}?moved`;
    provider.requests[name] += 1;
    const { fault } = provider;
    const hit = fault && (fault.on ?? name) === name && url.search !== "?moved";
    return hit ? spoil(fault, { request, body, elsewhere, answer }) : answer(JSON.stringify(body));
  }

  return provider;
}
