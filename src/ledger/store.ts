import { ENDED_KEPT, ENDED_KEPT_MS, TOKENS_ALIVE } from "../limits.ts";

/** A token as the object stores it. Times are milliseconds since 1970. */
export interface Row {
  readonly id: number;
  readonly app: string;
  /** The digests of the session's id and of the provider's name for it; the name is null if there is none. */
  readonly session: string;
  readonly name: string | null;
  readonly digest: string;
  readonly sealed: ArrayBuffer;
  readonly mintedAt: number;
  /**
   * `live`: valid until `at`, or without end if that is null. `ending`: to be revoked, next at `at`, or when the user
   * is active in the app again if that is null. `ended`: revoked at `at`; the row stays for a while, without the token,
   * so that a repeated record does not make the token valid again.
   */
  readonly state: "live" | "ending" | "ended";
  readonly at: number | null;
  /** How often its revocation was tried. */
  readonly tries: number;
}

/**
 * A group of tokens that can be ended together. Sessions and tokens are named by their digests, a session also by the
 * digest of the provider's name for it. `nameless`: all sessions without such a name. `others`: tokens in all apps but
 * this one.
 */
export type Scope =
  | "user"
  | "nameless"
  | `app ${string}`
  | `others ${string}`
  | `session ${string}`
  | `token ${string}`;

/** Whether a token is in a scope. */
const CONCERNS = `(scope IN ('user', 'app ' || app, 'session ' || session, 'session ' || name, 'token ' || digest)
  OR (scope = 'nameless' AND name IS NULL) OR (scope LIKE 'others %' AND scope != 'others ' || app))`;

/**
 * The tables of one user. All statements are synchronous, and those between two awaits are one commit.
 *
 * Only the state in `minted` says whether a token is valid. `ended` is for tokens that are recorded late: a token that
 * was minted before its session, app or user was ended, and is recorded afterwards, gets the state `ending` at once.
 */
export function createStore(sql: SqlStorage) {
  sql.exec(`CREATE TABLE IF NOT EXISTS minted (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app TEXT NOT NULL,
    session TEXT NOT NULL,
    name TEXT,
    digest TEXT NOT NULL UNIQUE,
    sealed BLOB NOT NULL,
    mintedAt INTEGER NOT NULL,
    state TEXT NOT NULL,
    at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0
  )`);
  sql.exec("CREATE TABLE IF NOT EXISTS ended (scope TEXT PRIMARY KEY, at INTEGER NOT NULL)");

  type Value = string | number | null;
  const rows = (query: string, ...values: Value[]) => sql.exec(query, ...values).toArray() as unknown as Row[];
  const one = (query: string, ...values: Value[]) =>
    (sql.exec(query, ...values).one() as { value: number | null }).value;
  const update = (change: string, ...values: Value[]): void => void sql.exec(`UPDATE minted SET ${change}`, ...values);

  /**
   * Records when a scope was ended; a flush is recorded here, too. Old entries are deleted, since a token is never
   * recorded that long after its sign-in, and their number is limited.
   */
  const mark = (scope: Scope | `flush ${string}`, at: number): void => {
    sql.exec(
      "INSERT INTO ended VALUES (?, ?) ON CONFLICT (scope) DO UPDATE SET at = max(at, excluded.at)",
      ...[scope, at],
    );
    sql.exec("DELETE FROM ended WHERE at < ?", at - ENDED_KEPT_MS);
    sql.exec("DELETE FROM ended WHERE scope NOT IN (SELECT scope FROM ended ORDER BY at DESC LIMIT ?)", ENDED_KEPT);
  };

  return {
    /** Stores a token; a second record of the same token is ignored. `at`: when it expires, or null. */
    add(token: Omit<Row, "id" | "state" | "tries">, now: number): void {
      const { app, session, name, digest, sealed, mintedAt, at } = token;
      sql.exec(
        `INSERT OR IGNORE INTO minted (app, session, name, digest, sealed, mintedAt, state, at)
          VALUES (?, ?, ?, ?, ?, ?, 'live', ?)`,
        ...[app, session, name, digest, sealed, mintedAt, at],
      );
      update(
        `state = 'ending', at = ? WHERE digest = ? AND state = 'live'
          AND EXISTS (SELECT 1 FROM ended WHERE ended.at >= mintedAt AND ${CONCERNS})`,
        ...[now, digest],
      );
      // CometChat keeps only the newest tokens of a user (its documentation, rest-api/auth-tokens). They are ordered by
      // the time of the mint, since a token may be recorded late.
      sql.exec(
        `DELETE FROM minted WHERE app = ? AND state != 'ended' AND id NOT IN
          (SELECT id FROM minted WHERE app = ? AND state != 'ended' ORDER BY mintedAt DESC, id DESC LIMIT ?)`,
        ...[app, app, TOKENS_ALIVE],
      );
      sql.exec(
        `DELETE FROM minted WHERE state = 'ended' AND
          (at < ? OR id NOT IN (SELECT id FROM minted WHERE state = 'ended' ORDER BY at DESC LIMIT ?))`,
        ...[now - ENDED_KEPT_MS, ENDED_KEPT],
      );
    },
    /**
     * The session's newest token that may be returned again, of this app or of any. A token that was minted before a
     * flush is not returned, since it may have ended at CometChat. Only the columns that are needed are read, since this
     * is the one query of a sign-in with `reuse`.
     */
    newest: (
      session: string,
      app: string | undefined,
      now: number,
    ): Pick<Row, "id" | "app" | "sealed" | "at"> | undefined =>
      rows(
        `SELECT id, app, sealed, at FROM minted
          WHERE session = ? AND state = 'live' AND (at IS NULL OR at > ?) AND app = ifnull(?, app)
          AND mintedAt >= ifnull((SELECT ended.at FROM ended WHERE scope = 'flush ' || app), 0)
          ORDER BY id DESC LIMIT 1`,
        ...[session, now, app ?? null],
      )[0],
    /** Whether a token of this scope is or was recorded. */
    hasRecorded: (scope: Scope): boolean =>
      rows(`SELECT minted.* FROM minted, (SELECT ? AS scope) WHERE ${CONCERNS} LIMIT 1`, scope).length > 0,
    /**
     * Ends a scope. Its recorded tokens are to be revoked, first tried at `first`; so are tokens that were minted until
     * `at` and are recorded later. In a scope of many sessions, tokens that were minted after `at` are not ended.
     */
    end(scope: Scope, at: number, first: number): Row[] {
      mark(scope, at);
      const until = /^(user|app |others )/.test(scope) ? at : Number.MAX_SAFE_INTEGER;
      return rows(
        `UPDATE minted SET state = 'ending', at = ? FROM (SELECT ? AS scope)
          WHERE ${CONCERNS} AND mintedAt <= ? AND state != 'ended' RETURNING *`,
        ...[first, scope, until],
      );
    },
    /** Ends the session's live tokens except for the newest `keep`, in the order in which they were recorded. */
    endAllBut(keep: number, session: string, now: number): void {
      update(
        `state = 'ending', at = ? WHERE session = ? AND state = 'live' AND id NOT IN
          (SELECT id FROM minted WHERE session = ? AND state = 'live' ORDER BY id DESC LIMIT ?)`,
        ...[now, session, session, keep],
      );
    },
    last: (): number => one("SELECT max(id) AS value FROM minted") ?? 0,
    /**
     * CometChat has flushed an app: tokens up to the record `last` have ended, and perhaps some that were recorded
     * later.
     */
    flushed(app: string, last: number, now: number): void {
      update("state = 'ended', at = ?, sealed = x'' WHERE app = ? AND id <= ? AND state != 'ended'", now, app, last);
      mark(`flush ${app}`, now);
    },
    ended: (id: number, now: number): void => update("state = 'ended', at = ?, sealed = x'' WHERE id = ?", now, id),
    /** The tokens to revoke now, expired ones included. They are not due again before `by`. */
    due(now: number, by: number, most: number): Row[] {
      update("state = 'ending' WHERE state = 'live' AND at <= ?", now);
      return rows(
        `UPDATE minted SET at = ? WHERE id IN
          (SELECT id FROM minted WHERE state = 'ending' AND at <= ? ORDER BY at LIMIT ?) RETURNING *`,
        ...[by, now, most],
      );
    },
    postpone: (id: number, until: number): void =>
      update("at = ?, tries = tries + 1 WHERE id = ? AND state = 'ending'", until, id),
    /** Postpones an app's revocations, since the user or the app does not exist; after `tries`, until `wake`. */
    postponeApp: (app: string, until: number, tries: number): void =>
      update(
        "at = CASE WHEN tries < ? THEN ? END, tries = tries + 1 WHERE app = ? AND state = 'ending'",
        ...[tries, until, app],
      ),
    /** The user is active in the app again, so its waiting tokens are to be revoked. */
    wake: (app: string, now: number): void =>
      update("at = ?, tries = 0 WHERE app = ? AND state = 'ending' AND at IS NULL", now, app),
    /** The time of the next revocation, and the live token that expires first. */
    next: (): { readonly ending: number | null; readonly live: Row | undefined } => ({
      ending: one("SELECT min(at) AS value FROM minted WHERE state = 'ending'"),
      live: rows("SELECT * FROM minted WHERE state = 'live' AND at IS NOT NULL ORDER BY at LIMIT 1")[0],
    }),
  };
}

export type Store = ReturnType<typeof createStore>;
