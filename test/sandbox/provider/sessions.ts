import { type JWTHeaderParameters, type JWTPayload, SignJWT } from "jose";
import type { KeyRing } from "./keys.ts";

/** What every token of the provider can be told; `claims` and `header` have the last word, `undefined` removes. */
export interface SigningOptions {
  /** One of the provider's algorithms; the first by default. */
  alg?: string;
  /** Another key name than the signing key's; `null` leaves it out. */
  kid?: string | null;
  /** Signed with a key that is not published, under the published key's name. */
  forged?: boolean;
  audience?: string | string[] | null;
  /** Seconds since 1970; now by default. */
  issuedAt?: number;
  /** Seconds after `issuedAt`; negative for one that has expired already. */
  expiresIn?: number;
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

export interface SessionOptions extends SigningOptions {
  subject?: string;
  /** The provider's own session id: the `sid` claim. */
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

/** A session: an hour long, for the audience `chat`, with a `jti` of its own. */
export function issueSession(provider: Issuer, options: SessionOptions): Promise<string> {
  const { subject, sid } = options;
  const own = { sub: subject ?? "alice", sid };
  return sign(provider, options, { expiresIn: 3600, typ: "JWT" }, own);
}

/** A logout token by OpenID Connect Back-Channel Logout 1.0 §2.4: no nonce, an event, `sub` or `sid` or both. */
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
