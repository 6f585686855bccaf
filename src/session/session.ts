import type { Issuer } from "../config/types.ts";

/** A caller whom an identity provider vouches for. */
export interface Session {
  readonly issuer: Issuer;
  readonly subject: string;
  /** `sessionIdClaim`, else `jti`, else base64url SHA-256 of the session. */
  readonly sessionId: string;
  /** Seconds since 1970. */
  readonly expiresAt: number;
  readonly issuedAt: number | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}
