import type { JWK } from "jose";
import { type DocumentName, type ProviderFault, spoil } from "./faults.ts";
import { KeyRing, type MakeKeyPair } from "./keys.ts";
import { createLogins } from "./logins.ts";
import { issueLogoutToken, issueSession, type LogoutTokenOptions, type SessionOptions } from "./sessions.ts";

export type { LogoutTokenOptions, ProviderFault, SessionOptions };

export interface ProviderOptions {
  /** The `iss` of its sessions, and the address that its documents are under: `https://auth.example`, `http://127.0.0.1:8788/idp`. */
  issuer: string;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** It has one key for each; the first signs by default. */
  algorithms?: readonly string[];
  /** What `Cache-Control` its documents carry. */
  cacheControl?: string;
  /** Where it tells that a session has ended (Back-Channel Logout 1.0 §2.2); asked each time. */
  backchannelLogoutUri?: () => string | undefined;
  /** Where its keys come from. By default each is a new one. */
  keyPair?: MakeKeyPair;
}

export interface Provider {
  readonly issuer: string;
  /** The addresses of its documents. */
  readonly jwksUrl: string;
  readonly discoveryUrl: string;
  /** Answers what is asked under the issuer's address; 404 for everything else. */
  fetch(request: Request): Promise<Response>;
  issue(options?: SessionOptions): Promise<string>;
  issueLogoutToken(options?: LogoutTokenOptions): Promise<string>;
  /** New keys sign. The old ones stay published until the next rotation, unless `overlap` is false. */
  rotate(options?: { overlap?: boolean }): Promise<void>;
  jwks(): Promise<{ keys: JWK[] }>;
  /** Published after the provider's own keys: for keys that a gateway should not use. */
  readonly extraKeys: JWK[];
  /** How often each document was asked for, failed answers included. */
  readonly requests: Record<DocumentName, number>;
  fault: ProviderFault | undefined;
}

/** An identity provider with real keys and real sessions, on web APIs alone. */
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
