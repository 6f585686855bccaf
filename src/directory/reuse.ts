import type { Mapping } from "./directory.ts";
import type { HeldToken } from "./held.ts";

/**
 * Whether a session may be given the token it already has: minted in the app that still serves the user, not past its
 * end, and not before everything was revoked. Times in milliseconds since 1970.
 */
export function reusable(held: HeldToken, mapping: Mapping | undefined, app: string, now: number): boolean {
  if (held.app !== app) return false;
  if (held.expiresAt !== undefined && now >= held.expiresAt) return false;
  return held.mintedAt > (mapping?.tokensNotBefore ?? 0);
}
