import { decodeJwt } from "jose";
import type { ProviderFault } from "./faults.ts";
import type { LogoutTokenOptions, SessionOptions, SigningOptions } from "./sessions.ts";

/** The kinds of session that the demo page can ask for. The gateway accepts only `valid`. */
const KINDS: Record<string, SigningOptions> = {
  valid: {},
  expired: { expiresIn: -3600 },
  forged: { forged: true },
  "foreign-audience": { audience: "somebody-else" },
};

/**
 * The failures that the demo page can switch on. `down`: the provider issues no sessions and publishes no documents.
 * `unpublished`: the provider signs with new keys, and its documents cannot be fetched.
 */
const OUTAGES: Record<string, ProviderFault | undefined> = {
  none: undefined,
  down: { kind: "status", status: 503 },
  unpublished: { kind: "status", status: 503 },
};

// The demo page calls the provider by the other name of this machine (localhost or 127.0.0.1). For the browser that is
// another origin, as in production, so it sends a preflight.
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, PUT",
  "access-control-allow-headers": "content-type",
  "cache-control": "no-store",
};

interface Part {
  issue(options: SessionOptions): Promise<string>;
  issueLogoutToken(options: LogoutTokenOptions): Promise<string>;
  rotate(options?: { overlap?: boolean }): Promise<void>;
  fault: ProviderFault | undefined;
}

/** Sign-in, refresh and sign-out at the provider. A real provider has pages for them; here the demo page calls them. */
export function createLogins(provider: Part, backchannelLogoutUri: () => string | undefined) {
  /** The logins that have not ended, by `sid`. */
  const logins = new Map<string, SessionOptions & { subject: string }>();
  let outage = "none";

  const answer = (status: number, body: unknown) => Response.json(body, { status, headers: CORS });

  async function session(sid: string): Promise<Response> {
    const login = logins.get(sid);
    if (!login) return answer(401, { error: "login_required" });
    const session = await provider.issue({ ...login, sid });
    return answer(201, { session, claims: decodeJwt(session) });
  }

  /** Signs in. The body is `{subject, kind?, name?, …}`; each member but `subject` and `kind` becomes a claim. */
  async function signIn(body: Record<string, unknown>): Promise<Response> {
    const { subject, kind = "valid", ...claims } = body;
    const flaw = KINDS[String(kind)];
    if (typeof subject !== "string" || subject === "" || !flaw) {
      const hint = `subject (a string), kind: ${Object.keys(KINDS).join(" | ")}`;
      return answer(400, { error: "invalid_request", hint });
    }
    const sid = crypto.randomUUID();
    logins.set(sid, { ...flaw, subject, claims });
    return session(sid);
  }

  /**
   * Ends the login of this `sid`, or all logins of the subject, and sends a logout token to the gateway. The body is
   * `{subject, sid?}`. The answer is `{status}`, the gateway's status.
   */
  async function signOut({ subject: sub, sid }: Record<string, unknown>): Promise<Response> {
    const named = { ...(typeof sub === "string" && { sub }), ...(typeof sid === "string" && { sid }) };
    const address = backchannelLogoutUri();
    if (!address || Object.keys(named).length === 0) return answer(400, { error: "invalid_request" });
    for (const [key, login] of logins) {
      if (named.sid ? key === named.sid : login.subject === named.sub) logins.delete(key);
    }
    const token = await provider.issueLogoutToken(named);
    // Back-Channel Logout 1.0 §2.5: the request is a form with the token.
    const { ok, status, body } = await fetch(address, {
      method: "POST",
      body: new URLSearchParams({ logout_token: token }),
    });
    await body?.cancel();
    return answer(ok ? 200 : 502, { status });
  }

  async function fail({ outage: name }: Record<string, unknown>): Promise<Response> {
    if (typeof name !== "string" || !Object.hasOwn(OUTAGES, name)) {
      return answer(400, { error: "invalid_request", hint: `outage: ${Object.keys(OUTAGES).join(" | ")}` });
    }
    outage = name;
    provider.fault = OUTAGES[name];
    if (name === "unpublished") await provider.rotate({ overlap: false });
    return answer(200, { outage });
  }

  return async (request: Request, asked: string): Promise<Response | undefined> => {
    const [method, path = ""] = asked.split(" ");
    if (method === "OPTIONS") return new Response(null, { status: 204, headers: CORS });
    if (asked === "GET /_sim/outage") return answer(200, { outage });
    const known = ["POST /sessions", "POST /sessions/refresh", "POST /logout", "PUT /_sim/outage"];
    if (!known.includes(asked)) return undefined;
    const body = (await request.json()) as Record<string, unknown>;
    if (path === "/_sim/outage") return fail(body);
    if (outage === "down") return answer(503, { error: "temporarily_unavailable" });
    if (path === "/sessions/refresh") return session(String(body.sid));
    return path === "/logout" ? signOut(body) : signIn(body);
  };
}
