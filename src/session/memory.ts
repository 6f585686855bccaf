import { SESSION_MEMORY_MS, SESSIONS_REMEMBERED } from "../limits.ts";
import { createMemory } from "../memory.ts";
import type { Key } from "./jwk.ts";
import type { Session } from "./session.ts";

interface Entry {
  readonly session: Session;
  readonly key: Key;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
}

export interface SessionMemory {
  /** The verified session of a token with this digest, and the key that verified it. */
  readonly get: (digest: string, now: number) => Entry | undefined;
  /** Stores a session for at most a minute, not past its `exp` or `until`. `now`, `until`: milliseconds since 1970. */
  readonly set: (digest: string, session: Session, key: Key, now: number, until: number) => void;
}

/**
 * Verified sessions by the SHA-256 of their text; the text itself is not stored. The same session with an altered but
 * valid signature (ECDSA's r, n − s) has another digest and is only verified again.
 */
export function createSessionMemory(now: () => number): SessionMemory {
  const sessions = createMemory<Entry>(SESSIONS_REMEMBERED, now);
  return {
    get(digest, now) {
      const entry = sessions.get(digest);
      if (!entry) return undefined;
      if (entry.from <= now && now < entry.until) return entry;
      sessions.delete(digest);
      return undefined;
    },
    set(digest, session, key, now, until) {
      const end = Math.min(until, now + SESSION_MEMORY_MS, session.expiresAt * 1000);
      if (end > now) sessions.set(digest, { session, key, from: now, until: end });
    },
  };
}
