import { decodeJwt, type JWK } from "jose";
import { type DocumentName, type ProviderFault, spoil } from "./faults.ts";
import { KeyRing } from "./keys.ts";
import {
  issueLogoutToken,
  issueSession,
  type LogoutTokenOptions,
  type SessionOptions,
  type SigningOptions,
} from "./sessions.ts";

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

/** What the demo page can ask for: one session that works, and one for each way that it does not. */
const KINDS: Record<string, SigningOptions> = {
  valid: {},
  expired: { expiresIn: -3600 },
  forged: { forged: true },
  "foreign-audience": { audience: "somebody-else" },
};

// The demo page may be on the other name of this machine, so that the browser asks first, as it would in production.
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "POST",
  "access-control-allow-headers": "content-type",
};

/** An identity provider with real keys and real sessions, on web APIs alone. */
export function createProvider(options: ProviderOptions): Provider {
  const { issuer, now = Date.now, algorithms = ["ES256", "RS256"], cacheControl } = options;
  const keys = new KeyRing(algorithms);
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

  async function route(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const asked = pathname.startsWith(`${root}/`) ? `${request.method} ${pathname.slice(root.length)}` : "";
    switch (asked) {
      case "GET /.well-known/openid-configuration":
        return publish(request, "discovery", discovery());
      case "GET /jwks":
        return publish(request, "jwks", await provider.jwks());
      case "OPTIONS /sessions":
      case "OPTIONS /logout":
        return new Response(null, { status: 204, headers: CORS });
      case "POST /sessions":
        return createSession(request);
      case "POST /logout":
        return endSession(request);
      default:
        return Response.json({ error: "not_found" }, { status: 404 });
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

  /** `{subject, name?, avatar?, …, kind?}`: what is neither becomes a claim. */
  async function createSession(request: Request): Promise<Response> {
    const { subject, kind = "valid", ...profile } = (await request.json()) as Record<string, unknown>;
    const flaw = KINDS[String(kind)];
    if (typeof subject !== "string" || subject === "" || !flaw) {
      return Response.json(
        { error: "invalid_request", hint: `subject (a string), kind: ${Object.keys(KINDS).join(" | ")}` },
        { status: 400, headers: CORS },
      );
    }
    const session = await provider.issue({ ...flaw, subject, sid: crypto.randomUUID(), claims: profile });
    return Response.json({ session, claims: decodeJwt(session) }, { status: 201, headers: CORS });
  }

  /** `{subject, sid?}`: the session ends here, and the relying party is told. `{status}`: what it answered. */
  async function endSession(request: Request): Promise<Response> {
    const { subject: sub, sid } = (await request.json()) as Record<string, string | undefined>;
    const address = options.backchannelLogoutUri?.();
    if (!address || !(sub || sid)) {
      return Response.json({ error: "invalid_request" }, { status: 400, headers: CORS });
    }
    const token = await provider.issueLogoutToken({ ...(sub && { sub }), ...(sid && { sid }) });
    // Back-Channel Logout 1.0 §2.5: a form with the one token.
    const answer = await fetch(address, { method: "POST", body: new URLSearchParams({ logout_token: token }) });
    await answer.body?.cancel();
    return Response.json({ status: answer.status }, { status: answer.ok ? 200 : 502, headers: CORS });
  }

  return provider;
}
