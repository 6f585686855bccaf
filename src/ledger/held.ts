import * as z from "zod/mini";
import type { Config } from "../config/types.ts";
import type { Deps } from "../context.ts";
import { base64url, fromBase64 } from "../encoding.ts";
import { HELD_REMEMBERED, KV_TTL_LEAST_SECONDS, MAPPING_MEMORY_MS } from "../limits.ts";
import { createMemory } from "../memory.ts";
import { number, text } from "../shape.ts";
import { within } from "../within.ts";
import { createSeal } from "./seal.ts";

const heldToken = z.object({
  token: text,
  app: text,
  /** Milliseconds since 1970. */
  mintedAt: number,
  expiresAt: z.optional(number),
});

/** The auth token that a session already has. */
export type HeldToken = Readonly<z.output<typeof heldToken>>;

/**
 * Whether a session may be given the token it already has: minted in the app that still serves the user, not past its
 * end, and not before everything was revoked. Times in milliseconds since 1970.
 */
export function reusable(held: HeldToken, app: string, tokensNotBefore: number | undefined, now: number): boolean {
  if (held.app !== app) return false;
  if (held.expiresAt !== undefined && now >= held.expiresAt) return false;
  return held.mintedAt > (tokensNotBefore ?? 0);
}

/**
 * Auth tokens held for their sessions, at `v1:t:<uid>:<session hash>`, encrypted; only with `reuse = "session"`.
 * One that cannot be read, opened or understood is a miss: the session is given a new one.
 */
export interface Held {
  readonly get: (uid: string, session: string) => Promise<HeldToken | undefined>;
  /** Remembers at once, writes when KV takes it. `seconds` until KV may drop it. Rejects when KV refuses. */
  readonly put: (uid: string, session: string, held: HeldToken, seconds: number) => Promise<void>;
  readonly forget: (uid: string, session: string) => Promise<void>;
  /** Forgets all of a user's, or those of which `dead` says so. */
  readonly forgetAll: (uid: string, dead?: (token: string) => boolean | Promise<boolean>) => Promise<void>;
}

/** Undefined where sessions are not given what they hold. `patience`: milliseconds after which a read counts as a miss. */
export function createHeld(kv: KVNamespace, config: Config, deps: Deps, patience: number): Held | undefined {
  if (config.tokens.reuse !== "session") return undefined;
  const seal = createSeal(config.encryptionKeys, "held");
  const memory = createMemory<HeldToken>(HELD_REMEMBERED, deps.now, MAPPING_MEMORY_MS);
  /** Counts what was forgotten: a read of KV that began before is not remembered. */
  let forgotten = 0;
  const prefixOf = (uid: string) => `v1:t:${uid}:`;

  async function open(key: string, sealed: string | null | undefined): Promise<HeldToken | undefined> {
    const bytes = sealed == null ? undefined : fromBase64(sealed);
    const text = bytes && (await seal.open(bytes, key));
    if (text === undefined) return undefined;
    const parsed = heldToken.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  }

  async function drop(key: string): Promise<void> {
    forgotten += 1;
    memory.delete(key);
    await kv.delete(key);
  }

  return {
    async get(uid, session) {
      const key = prefixOf(uid) + session;
      const remembered = memory.get(key);
      if (remembered) return remembered;
      const before = forgotten;
      try {
        const held = await open(key, await within(patience, kv.get(key)));
        if (held && before === forgotten) memory.set(key, held);
        return held;
      } catch {
        deps.log({ event: "held-miss", reason: "kv-fault" });
        return undefined;
      }
    },
    async put(uid, session, held, seconds) {
      const key = prefixOf(uid) + session;
      memory.set(key, held);
      const sealed = await seal.seal(JSON.stringify(held), key);
      await kv.put(key, base64url(sealed), { expirationTtl: Math.max(KV_TTL_LEAST_SECONDS, Math.floor(seconds)) });
    },
    forget: (uid, session) => drop(prefixOf(uid) + session),
    async forgetAll(uid, dead) {
      const gone = async (held: HeldToken | undefined) => dead === undefined || (held && (await dead(held.token)));
      // What this isolate remembers goes first: KV's list lags behind.
      for (const [key, held] of memory.entries()) {
        if (key.startsWith(prefixOf(uid)) && (await gone(held))) memory.delete(key);
      }
      let cursor: string | undefined;
      do {
        const page: KVNamespaceListResult<unknown> = await kv.list({ prefix: prefixOf(uid), cursor: cursor ?? null });
        for (const { name } of page.keys) {
          if (await gone(dead && (await open(name, await kv.get(name))))) await drop(name);
        }
        cursor = page.list_complete ? undefined : page.cursor;
      } while (cursor !== undefined);
    },
  };
}
