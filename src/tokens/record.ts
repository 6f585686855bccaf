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
  SESSION_KEPT_SECONDS,
  SESSION_MARKED_SECONDS,
  UNRECORDED_SESSIONS,
} from "../limits.ts";
import { clientsOf } from "../session/claims.ts";
import type { Session } from "../session/session.ts";
import { within } from "../within.ts";

/** The parts of the gateway that record a new token and the name of its session. */
export interface RecordParts {
  readonly ledgers: Pick<Ledgers, "records" | "record">;
  readonly directory: Pick<Directory, "read" | "put">;
  readonly users: Pick<KVNamespace, "put">;
  readonly deps: Pick<Deps, "cache">;
}

/**
 * Records a new token, and stores the provider's name of its session, beside or after the answer. Resolves when the
 * token is recorded or could not be. A failure does not fail the sign-in.
 */
export async function recordSignIn(
  { uid, session, digests }: Caller,
  minted: Omit<Minted, "session" | "name" | "moves">,
  parts: RecordParts,
  context: Context,
): Promise<void> {
  nameSession(uid, session, parts, context);
  if (!parts.ledgers.records) return;
  // Only a claim moves a user.
  const entry = { ...minted, ...digests, moves: session.issuer.appClaim !== undefined };
  await recordToken(uid, entry, parts.ledgers, context, () => markUnrecorded(uid, entry, parts));
}

/** Records a token in the ledger, beside or after the answer. Calls `lost` if all tries fail. */
export const recordToken = (
  uid: string,
  minted: Minted,
  ledgers: Pick<Ledgers, "record">,
  context: Context,
  lost?: () => Promise<unknown>,
): Promise<void> =>
  context.after(
    "record",
    ({ deadline }) => ledgers.record(uid, minted, Math.min(LEDGER_TRY_MS, deadline.left())),
    lost,
  );

/** When a token ends that was minted then; null: never. Milliseconds since 1970. */
export const endOf = (mintedAt: number, { ttl }: Pick<Config["tokens"], "ttl">): number | null =>
  ttl === undefined ? null : mintedAt + ttl * 1000;

/**
 * Stores the uid by the session's name, by which a back-channel logout finds the user. Skipped if the issuer sends
 * none.
 */
function nameSession(uid: string, { issuer, name }: Session, { deps, users }: RecordParts, context: Context): void {
  if (name === undefined || !issuer.sendsLogout || clientsOf(issuer).length === 0) return;
  context.after("session", async () => {
    const key = await sessionKey(issuer.issuer, name);
    // It is written once for each session; the data centre's cache knows whether that was done. KV is not read first,
    // since it would cache for a minute that there is no entry, and a logout would not find the user.
    const marker = `https://sessions.invalid/${encodeURIComponent(key)}`;
    const cache = deps.cache();
    if (cache && (await within(COPY_READ_MS, cache.match(marker)).catch(() => undefined))) return;
    await users.put(key, uid, { expirationTtl: SESSION_KEPT_SECONDS });
    const headers = { "cache-control": `max-age=${SESSION_MARKED_SECONDS}` };
    await cache?.put(marker, new Response("named", { headers })).catch(() => undefined);
  });
}

/**
 * Called if a token could not be recorded in spite of all retries. It is stored that the session has such a token, so
 * that its sign-out asks for the token instead of answering that all have ended.
 */
async function markUnrecorded(
  uid: string,
  { app, session, mintedAt }: Minted,
  { directory }: RecordParts,
): Promise<void> {
  const mapping = await directory.read(uid);
  const unrecorded = [...new Set([...(mapping?.unrecorded ?? []), session])].slice(-UNRECORDED_SESSIONS);
  await directory.put(uid, { app, profile: "", createdAt: mintedAt, syncedAt: 0, ...mapping, unrecorded });
}
