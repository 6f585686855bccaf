import { fail, type GatewayError } from "../errors.ts";
import { JTI_CHARS, LAST_SECOND, LOGOUT_AGE_SECONDS, SUBJECT_CHARS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { isObject } from "../shape.ts";
import type { Json } from "./compact.ts";
import type { Issuer } from "./issuer.ts";

type Checked<T> = Result<T, GatewayError>;

const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";

/**
 * The claim at a dotted path; only own properties count. A name that itself contains dots (`https://app.example/roles`)
 * is tried before the path is divided, the longest one first.
 */
export function claim(claims: unknown, path: string): unknown {
  if (typeof claims !== "object" || claims === null) return undefined;
  if (Object.hasOwn(claims, path)) return (claims as Json)[path];
  for (let dot = path.lastIndexOf("."); dot > 0; dot = path.lastIndexOf(".", dot - 1)) {
    const name = path.slice(0, dot);
    if (!Object.hasOwn(claims, name)) continue;
    const found = claim((claims as Json)[name], path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The issuer whose `issuer` equals the token's `iss` exactly (RFC 8725 §3.8). */
export function issuerOf(claims: Json, issuers: readonly Issuer[]): Checked<Issuer> {
  const issuer = issuers.find(({ issuer: name }) => name === claims.iss);
  return issuer ? ok(issuer) : fail("issuer-unknown");
}

/** NumericDate (RFC 7519 §2): finite, not negative, before the year 10000. */
function isDate(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= LAST_SECOND;
}

/** The `exp` claim. It is optional in RFC 7519 §4.1.4 and required here, since a session must expire. */
export function expiry(claims: Json): Checked<number> {
  return isDate(claims.exp) ? ok(claims.exp) : fail("exp-form");
}

export function notBefore(claims: Json, { clockTolerance }: Issuer, now: number): Checked<undefined> {
  const { nbf } = claims;
  if (nbf === undefined) return ok(undefined);
  if (!isDate(nbf)) return fail("nbf-form");
  return nbf <= now + clockTolerance ? ok(undefined) : fail("nbf-future");
}

export function issuedAt(claims: Json, { clockTolerance, maxAge }: Issuer, now: number): Checked<number | undefined> {
  const { iat } = claims;
  if (iat === undefined) return maxAge === undefined ? ok(undefined) : fail("iat-form");
  if (!isDate(iat)) return fail("iat-form");
  return iat <= now + clockTolerance ? ok(iat) : fail("iat-future");
}

/**
 * Checks that `aud` contains one of the configured audiences exactly (RFC 8725 §3.9). All its members must be strings.
 */
export function audience(claims: Json, issuer: Pick<Issuer, "audience" | "audienceRequired">): Checked<undefined> {
  const { aud } = claims;
  if (aud === undefined) return issuer.audienceRequired ? fail("audience-other") : ok(undefined);
  if (issuer.audience === undefined) return ok(undefined);
  const named: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!named.every((one) => typeof one === "string")) return fail("audience-other");
  return named.some((one) => issuer.audience?.includes(one)) ? ok(undefined) : fail("audience-other");
}

/**
 * Checks `azp` (OpenID Connect Core §2). An access token without it has the same under a provider's name: `client_id`
 * (RFC 9068 §2.2, Amazon Cognito), `cid` (Okta), `appid` (Microsoft Entra's tokens of version 1.0).
 */
export function authorizedParty(claims: Json, { authorizedParties }: Issuer): Checked<undefined> {
  if (authorizedParties === undefined) return ok(undefined);
  const party = [claims.azp, claims.client_id, claims.cid, claims.appid].find((value) => value !== undefined);
  return typeof party === "string" && authorizedParties.includes(party) ? ok(undefined) : fail("azp-other");
}

/**
 * Refuses a logout token. It has the same key and audience as a session, and differs only by its event (RFC 8725
 * §3.12).
 */
function noLogout(claims: Json): Checked<undefined> {
  const { events } = claims;
  return isObject(events) && Object.hasOwn(events, LOGOUT_EVENT) ? fail("logout-token") : ok(undefined);
}

/**
 * Refuses a session that is bound to a client's key (RFC 9449 §6, RFC 8705 §3.1). It is valid only with a proof of that
 * key, which the gateway cannot check. Without the proof, a stolen session would work as well.
 */
function noProof(claims: Json): Checked<undefined> {
  return Object.hasOwn(claims, "cnf") ? fail("proof-needed") : ok(undefined);
}

/**
 * Refuses a session of a Clerk user who has not completed the sign-in (a second factor, an organisation).
 * https://clerk.com/docs/guides/sessions/session-tokens
 */
function notPending(claims: Json, { treatPendingAsSignedOut }: Issuer): Checked<undefined> {
  return treatPendingAsSignedOut && claims.sts === "pending" ? fail("session-pending") : ok(undefined);
}

/** The subject: well-formed text without control characters, which could fake another text in a log. */
export function subject(claims: Json, { uid }: Issuer): Checked<string> {
  const value = claim(claims, uid.claim);
  return isText(value, SUBJECT_CHARS) ? ok(value) : fail("subject-form");
}

function isText(value: unknown, longest: number): value is string {
  if (typeof value !== "string" || value === "" || value.length > longest) return false;
  return value.isWellFormed() && !/\p{Cc}/u.test(value);
}

/** The id of a session: the configured claim, else `sid`, else `jti`. */
export function sessionId(claims: Json, { sessionIdClaim }: Issuer): string | undefined {
  const named = sessionIdClaim === undefined ? undefined : claim(claims, sessionIdClaim);
  return firstText(named, claims.sid, claims.jti);
}

/**
 * The session's name in the provider's logout tokens, which a refresh does not change: `sid`, else the configured
 * claim.
 */
export function sessionName(claims: Json, { sessionIdClaim }: Issuer): string | undefined {
  return firstText(claims.sid, sessionIdClaim === undefined ? undefined : claim(claims, sessionIdClaim));
}

const firstText = (...values: unknown[]) => values.find((value) => isText(value, SUBJECT_CHARS)) as string | undefined;

/**
 * Checks the expiry. It is the last check, so that "expired" means that the rest was valid. The second `exp` is too
 * late.
 */
export function unexpired(
  { exp, iat }: { readonly exp: number; readonly iat: number | undefined },
  { clockTolerance, maxAge }: Issuer,
  now: number,
): Checked<undefined> {
  if (now >= exp + clockTolerance) return fail("session-expired");
  if (maxAge !== undefined && iat !== undefined && now >= iat + maxAge + clockTolerance) return fail("session-expired");
  return ok(undefined);
}

export interface SessionClaims {
  readonly subject: string;
  readonly sessionId: string | undefined;
  readonly name: string | undefined;
  readonly expiresAt: number;
  readonly issuedAt: number | undefined;
}

/** Checks the claims of a session with a valid signature. `now`: seconds since 1970. */
export function checkSession(claims: Json, issuer: Issuer, now: number): Checked<SessionClaims> {
  const exp = expiry(claims);
  if (!exp.ok) return exp;
  const nbf = notBefore(claims, issuer, now);
  if (!nbf.ok) return nbf;
  const iat = issuedAt(claims, issuer, now);
  if (!iat.ok) return iat;
  const aud = audience(claims, issuer);
  if (!aud.ok) return aud;
  const azp = authorizedParty(claims, issuer);
  if (!azp.ok) return azp;
  const kind = noLogout(claims);
  if (!kind.ok) return kind;
  const proof = noProof(claims);
  if (!proof.ok) return proof;
  const active = notPending(claims, issuer);
  if (!active.ok) return active;
  const who = subject(claims, issuer);
  if (!who.ok) return who;
  const end = unexpired({ exp: exp.value, iat: iat.value }, issuer, now);
  if (!end.ok) return end;
  return ok({
    subject: who.value,
    sessionId: sessionId(claims, issuer),
    name: sessionName(claims, issuer),
    expiresAt: exp.value,
    issuedAt: iat.value,
  });
}

/**
 * The clients of an issuer: one of them must be in the `aud` of a logout token. Without any, logout tokens are refused.
 */
export const clientsOf = (issuer: Pick<Issuer, "audience" | "authorizedParties">): readonly string[] => [
  ...(issuer.audience ?? []),
  ...(issuer.authorizedParties ?? []),
];

export interface LogoutClaims {
  readonly subject: string | undefined;
  readonly sid: string | undefined;
  readonly jti: string;
  readonly issuedAt: number;
  readonly expiresAt: number | undefined;
}

/**
 * Checks the claims of a logout token with a valid signature (OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6),
 * except whether its `jti` was used before. `now`: seconds since 1970.
 */
export function checkLogout(claims: Json, issuer: Issuer, now: number): Checked<LogoutClaims> {
  const refused = fail("logout-token-refused");
  const { iat, exp, jti, sid, events } = claims;
  // §2.6 step 4. The `aud` of a logout token is the client's id, which may differ from the audience of the sessions.
  const ours = { audience: clientsOf(issuer), audienceRequired: true };
  if (ours.audience.length === 0) {
    return fail("logout-token-refused", { remedy: "Name the client's id in authorizedParties, or in audience." });
  }
  if (!audience(claims, ours).ok) return refused;
  if (!isDate(iat) || iat > now + issuer.clockTolerance) return refused;
  // `exp` is required since errata 1, but some providers leave it out.
  if (exp !== undefined && !(isDate(exp) && now < exp + issuer.clockTolerance)) return refused;
  // The age is limited in any case: a `jti` is remembered for a limited time, and must not be replayed after that.
  if (now >= iat + LOGOUT_AGE_SECONDS + issuer.clockTolerance) return refused;
  if (!notBefore(claims, issuer, now).ok) return refused;
  if (!isText(jti, JTI_CHARS)) return refused;
  if (!isObject(events) || !Object.hasOwn(events, LOGOUT_EVENT) || !isObject(events[LOGOUT_EVENT])) return refused;
  // A token with a nonce is an ID token.
  if (Object.hasOwn(claims, "nonce")) return refused;
  if (claims.sub !== undefined && !isText(claims.sub, SUBJECT_CHARS)) return refused;
  if (sid !== undefined && !isText(sid, SUBJECT_CHARS)) return refused;
  // If the configuration names another claim for the subject, `sub` is not used: it could be another user's subject.
  const who = subject(claims, issuer);
  if (!who.ok && sid === undefined) return refused;
  return ok({ subject: who.ok ? who.value : undefined, sid, jti, issuedAt: iat, expiresAt: exp });
}
