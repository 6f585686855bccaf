import type { Caller } from "../caller.ts";
import type { Config } from "../config/types.ts";
import type { Context, Deps } from "../context.ts";
import type { Directory } from "../directory/directory.ts";
import { sessionKey } from "../kv.ts";
import type { Ledgers } from "../ledger/access.ts";
import type { Minted } from "../ledger/ledger.ts";
import {
  COPY_READ_MS,
  LEDGER_TRY_MS,
  SESSION_KNOWN_SECONDS,
  SESSION_MARKED_SECONDS,
  UNRECORDED_SESSIONS,
} from "../limits.ts";
import { clientsOf } from "../session/claims.ts";
import type { Session } from "../session/session.ts";
import { within } from "../within.ts";

/** The parts that a new token is recorded by, and its session's name written down. */
export interface KeepParts {
  readonly ledgers: Pick<Ledgers, "records" | "record">;
  readonly directory: Pick<Directory, "get" | "put">;
  readonly users: Pick<KVNamespace, "put">;
  readonly deps: Pick<Deps, "cache">;
}

/**
 * Beside the answer and after it: the token is recorded, and its session can be found by what its provider calls it.
 * Resolves when the token is recorded, or cannot be. None of it can fail the sign-in.
 */
export async function keep(
  { uid, session, digests }: Caller,
  minted: Omit<Minted, "session" | "name" | "moves">,
  parts: KeepParts,
  context: Context,
): Promise<void> {
  nameSession(uid, session, parts, context);
  if (!parts.ledgers.records) return;
  // Only a claim moves a user.
  const entry = { ...minted, ...digests, moves: session.issuer.appClaim !== undefined };
  await record(uid, entry, parts.ledgers, context, () => remember(uid, entry, parts));
}

/** Beside the answer and after it: the ledger is told of a token. `lost` is done where it cannot be. */
export const record = (
  uid: string,
  minted: Minted | Promise<Minted>,
  ledgers: Pick<Ledgers, "record">,
  context: Context,
  lost?: () => Promise<unknown>,
): Promise<void> =>
  context.after(
    "record",
    async ({ deadline }) => ledgers.record(uid, await minted, Math.min(LEDGER_TRY_MS, deadline.left())),
    lost,
  );

/** When a token ends that was minted then; null: never. Milliseconds since 1970. */
export const endOf = (mintedAt: number, { ttl }: Pick<Config["tokens"], "ttl">): number | null =>
  ttl === undefined ? null : mintedAt + ttl * 1000;

/** By its name a provider's logout finds the user. Most providers send none, and then nobody ever looks. */
function nameSession(uid: string, { issuer, name }: Session, { deps, users }: KeepParts, context: Context): void {
  if (name === undefined || !issuer.sendsLogout || clientsOf(issuer).length === 0) return;
  context.after("session", async () => {
    const key = await sessionKey(issuer.issuer, name);
    // Once for each session: the data centre knows whether it has been. KV itself must not be asked first, since it would
    // keep for a minute that there is nothing, and a logout would find that.
    const noted = `https://sessions.invalid/${encodeURIComponent(key)}`;
    const cache = deps.cache();
    if (cache && (await within(COPY_READ_MS, cache.match(noted)).catch(() => undefined))) return;
    await users.put(key, uid, { expirationTtl: SESSION_KNOWN_SECONDS });
    const headers = { "cache-control": `max-age=${SESSION_MARKED_SECONDS}` };
    await cache?.put(noted, new Response("named", { headers })).catch(() => undefined);
  });
}

/**
 * The ledger could not be told of a token, however often it was tried. That a session has such a one is written down, so
 * that its sign-out asks for the token instead of saying that all have ended.
 */
async function remember(uid: string, { app, session, mintedAt }: Minted, { directory }: KeepParts): Promise<void> {
  const mapping = await directory.get(uid);
  const unrecorded = [...new Set([...(mapping?.unrecorded ?? []), session])].slice(-UNRECORDED_SESSIONS);
  await directory.put(uid, { app, profile: "", createdAt: mintedAt, syncedAt: 0, ...mapping, unrecorded });
}
