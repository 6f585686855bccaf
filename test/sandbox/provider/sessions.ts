import { type JWTHeaderParameters, type JWTPayload, SignJWT } from "jose";
import type { KeyRing } from "./keys.ts";

/**
 * The options of every token that the provider signs. `claims` and `header` replace any claim and header parameter.
 * A value of `undefined` or `null` removes it.
 */
export interface SigningOptions {
  /** One of the provider's algorithms. The default is the first. */
  alg?: string;
  /** Replaces the key id of the signing key. `null` leaves it out. */
  kid?: string | null;
  /** Signs with a key that is not published, under the key id of the published one. */
  forged?: boolean;
  audience?: string | string[] | null;
  /** Seconds since 1970. The default is now. */
  issuedAt?: number;
  /** Seconds after `issuedAt`. A negative number makes a token that has expired. */
  expiresIn?: number;
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

export interface SessionOptions extends SigningOptions {
  subject?: string;
  /** The provider's session id, for the claim `sid`. */
  sid?: string;
}

export interface LogoutTokenOptions extends SigningOptions {
  sub?: string;
  sid?: string;
}

const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";

export interface Issuer {
  issuer: string;
  keys: KeyRing;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** Issues a session. By default it lasts an hour and has the audience `chat`. Each one has its own `jti`. */
export function issueSession(provider: Issuer, options: SessionOptions): Promise<string> {
  const { subject, sid } = options;
  const own = { sub: subject ?? "alice", sid };
  return sign(provider, options, { expiresIn: 3600, typ: "JWT" }, own);
}

/** Issues a logout token (Back-Channel Logout 1.0 §2.4). It has the event, `sub` or `sid` or both, and no nonce. */
export function issueLogoutToken(provider: Issuer, options: LogoutTokenOptions): Promise<string> {
  const own = { sub: options.sub, sid: options.sid, events: { [LOGOUT_EVENT]: {} } };
  return sign(provider, options, { expiresIn: 120, typ: "logout+jwt" }, own);
}

async function sign(
  { issuer, keys, now }: Issuer,
  options: SigningOptions,
  defaults: { expiresIn: number; typ: string },
  own: Record<string, unknown>,
): Promise<string> {
  const alg = options.alg ?? keys.algorithms[0] ?? "ES256";
  const published = await keys.signer(alg);
  const { privateKey } = options.forged ? await keys.forger(alg) : published;
  const issuedAt = options.issuedAt ?? Math.floor(now() / 1000);
  const claims = {
    iss: issuer,
    aud: options.audience === undefined ? "chat" : options.audience,
    iat: issuedAt,
    exp: issuedAt + (options.expiresIn ?? defaults.expiresIn),
    jti: crypto.randomUUID(),
    ...own,
    ...options.claims,
  };
  const kid = options.kid === undefined ? published.kid : options.kid;
  const header = { alg, typ: defaults.typ, kid, ...options.header };
  return new SignJWT(withoutBlanks(claims) as JWTPayload)
    .setProtectedHeader(withoutBlanks(header) as unknown as JWTHeaderParameters)
    .sign(privateKey);
}

function withoutBlanks(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null));
}
