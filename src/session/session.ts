import { sessionDigest } from "../kv.ts";
import type { Issuer } from "./issuer.ts";

/** A verified session of an identity provider's user. */
export interface Session {
  readonly issuer: Issuer;
  readonly subject: string;
  /** The session's id: `sessionIdClaim`, else `sid`, else `jti`, else the base64url SHA-256 of header and payload. */
  readonly sessionId: string;
  /** The provider's name for the session, which a refresh does not change: `sid`, else `sessionIdClaim`. */
  readonly name: string | undefined;
  /** Seconds since 1970. */
  readonly expiresAt: number;
  readonly issuedAt: number | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The digests by which the session's id and name are stored. */
export async function digestsOf({
  issuer: { issuer },
  sessionId,
  name,
}: Pick<Session, "issuer" | "sessionId" | "name">): Promise<{
  readonly session: string;
  readonly name: string | null;
}> {
  const session = await sessionDigest(issuer, sessionId);
  if (name === undefined) return { session, name: null };
  return { session, name: name === sessionId ? session : await sessionDigest(issuer, name) };
}
