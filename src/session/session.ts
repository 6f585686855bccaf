import { sessionDigest } from "../kv.ts";
import type { Issuer } from "./issuer.ts";

/** A caller whom an identity provider vouches for. */
export interface Session {
  readonly issuer: Issuer;
  readonly subject: string;
  /** What tells it from others: `sessionIdClaim`, else `sid`, else `jti`, else base64url SHA-256 of what was signed. */
  readonly sessionId: string;
  /** What its provider calls it, which a refresh does not change: `sid`, else `sessionIdClaim`. */
  readonly name: string | undefined;
  /** Seconds since 1970. */
  readonly expiresAt: number;
  readonly issuedAt: number | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The same two as they are kept. */
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
