import { ENDED_KEPT, ENDED_KEPT_MS, TOKENS_ALIVE } from "../limits.ts";

/** A token as the object keeps it. Times in milliseconds since 1970. */
export interface Row {
  readonly id: number;
  readonly app: string;
  readonly session: string;
  readonly digest: string;
  readonly sealed: ArrayBuffer;
  readonly mintedAt: number;
  /** `live`: until `at`, or for ever. `ending`: to be revoked, next tried at `at`. `parked`: until the user is back. */
  readonly state: "live" | "ending" | "parked";
  readonly at: number | null;
  /** Tries to revoke it. */
  readonly tries: number;
}

/** What can end at once. Sessions and tokens by their digests; `named`: what the provider calls the session. */
export type Scope =
  | { readonly of: "user" }
  | { readonly of: "app"; readonly app: string }
  | { readonly of: "session"; readonly session: string }
  | { readonly of: "token"; readonly digest: string }
  /** All sessions without a name of the provider's. */
  | { readonly of: "nameless" };

/** Whose token it is: everything that an end may be told by. */
export interface Place {
  readonly app: string;
  readonly session: string;
  readonly name: string | null;
  readonly digest: string;
}

const scopeOf = (scope: Scope): string => Object.values(scope).join(" ");

/** The scopes that a token is in. */
const scopesOf = ({ app, session, name, digest }: Place): string[] =>
  [
    { of: "user" } as const,
    { of: "app", app } as const,
    { of: "session", session } as const,
    { of: "token", digest } as const,
    name === null ? ({ of: "nameless" } as const) : ({ of: "session", session: name } as const),
  ].map(scopeOf);

/** The rows of a scope, as a condition and its values. */
function within(scope: Scope): [condition: string, ...values: string[]] {
  switch (scope.of) {
    case "user":
      return ["1"];
    case "app":
      return ["app = ?", scope.app];
    case "session":
      return ["? IN (session, name)", scope.session];
    case "token":
      return ["digest = ?", scope.digest];
    case "nameless":
      return ["name IS NULL"];
  }
}

/** The mark of a flush. A token minted before it may have ended at CometChat, so it is not handed out again. */
const flushOf = (app: string): string => `flush ${app}`;

/** That a session without a name has had tokens: what was recorded of it is removed when it has ended. */
const seenOf = (session: string): string => `seen ${session}`;

/**
 * One user's tables. Every statement is synchronous: what stands between two awaits is one commit.
 *
 * `tokens` says of each token whether it lives, and nothing else does. `ended` is for records that come late: what is
 * recorded after its session, app or user has ended, and was minted before, is born `ending`.
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

  const rows = (rest: string, ...values: (string | number | null)[]): Row[] =>
    sql
      .exec(`SELECT id, app, session, digest, sealed, mintedAt, state, at, tries FROM minted ${rest}`, ...values)
      .toArray() as unknown as Row[];
  const one = (query: string, ...values: (string | number)[]): number | null =>
    (sql.exec(query, ...values).one() as { value: number | null }).value;
  const endedAt = (scopes: readonly string[]): number | null =>
    one(`SELECT max(at) AS value FROM ended WHERE scope IN (${scopes.map(() => "?").join()})`, ...scopes);
  const mark = (scope: string, at: number): void => {
    sql.exec(
      "INSERT INTO ended VALUES (?, ?) ON CONFLICT (scope) DO UPDATE SET at = max(at, excluded.at)",
      ...[scope, at],
    );
    // Much longer ago than a record can follow its sign-in, and no more than a user comes to.
    sql.exec("DELETE FROM ended WHERE at < ?", at - ENDED_KEPT_MS);
    sql.exec("DELETE FROM ended WHERE scope NOT IN (SELECT scope FROM ended ORDER BY at DESC LIMIT ?)", ENDED_KEPT);
  };

  const remember = (now: number, condition: string, ...values: (string | number)[]): void => {
    sql.exec(
      `INSERT INTO ended SELECT DISTINCT ? || session, ? FROM minted WHERE name IS NULL AND ${condition}
        ON CONFLICT (scope) DO UPDATE SET at = excluded.at`,
      ...[seenOf(""), now, ...values],
    );
  };

  return {
    /** Keeps a token once, and says whether it lives. `expiresAt` null: for ever. */
    add(token: Place & Pick<Row, "sealed" | "mintedAt">, expiresAt: number | null, now: number): void {
      const ended = token.mintedAt <= (endedAt(scopesOf(token)) ?? 0);
      sql.exec(
        `INSERT OR IGNORE INTO minted (app, session, name, digest, sealed, mintedAt, state, at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[token.app, token.session, token.name, token.digest, token.sealed, token.mintedAt],
        ...(ended ? ["ending", now] : ["live", expiresAt]),
      );
      // CometChat has ended the others (docs, rest-api/auth-tokens). The newest as it sees them: a record may come late.
      sql.exec(
        `DELETE FROM minted WHERE app = ? AND id NOT IN
          (SELECT id FROM minted WHERE app = ? ORDER BY mintedAt DESC, id DESC LIMIT ?)`,
        ...[token.app, token.app, TOKENS_ALIVE],
      );
    },
    /** The session's newest token that may be handed out, in this app or in any. */
    newest: (session: string, app: string | undefined, now: number): Row | undefined =>
      sql
        .exec(
          `SELECT * FROM minted WHERE session = ? AND state = 'live' AND (at IS NULL OR at > ?) AND app = ifnull(?, app)
            AND mintedAt >= ifnull((SELECT ended.at FROM ended WHERE scope = 'flush ' || app), 0)
            ORDER BY id DESC LIMIT 1`,
          ...[session, now, app ?? null],
        )
        .toArray()[0] as unknown as Row | undefined,
    lives: (digest: string): boolean => rows("WHERE digest = ? AND state = 'live'", digest).length > 0,
    isEmpty: (): boolean => rows("LIMIT 1").length === 0,
    /** Whether anything was ever recorded of this scope, or it has ended before. */
    knows(scope: Scope): boolean {
      const [condition, ...values] = within(scope);
      const before = scope.of === "session" ? [seenOf(scope.session)] : [];
      return endedAt([scopeOf(scope), ...before]) !== null || rows(`WHERE ${condition} LIMIT 1`, ...values).length > 0;
    },
    /**
     * The scope ends: what is recorded of it is to be revoked, by `by` at the latest, and what was minted until `at` and
     * is recorded later. Of a user or an app, which many sessions share, what was minted after `at` is left alone.
     */
    end(scope: Scope, at: number, by: number): Row[] {
      mark(scopeOf(scope), at);
      const [condition, ...values] = within(scope);
      const until = scope.of === "user" || scope.of === "app" ? at : Number.MAX_SAFE_INTEGER;
      const concerned = `WHERE ${condition} AND mintedAt <= ? AND state != 'parked'`;
      sql.exec(`UPDATE minted SET state = 'ending', at = ? ${concerned}`, by, ...values, until);
      return rows(concerned, ...values, until);
    },
    /** The session's live tokens end now, but for the newest `keep`: by the order of their records, not by clocks. */
    endAllBut(keep: number, session: string, now: number): void {
      sql.exec(
        `UPDATE minted SET state = 'ending', at = ? WHERE session = ? AND state = 'live' AND id NOT IN
          (SELECT id FROM minted WHERE session = ? AND state = 'live' ORDER BY id DESC LIMIT ?)`,
        ...[now, session, session, keep],
      );
    },
    endOthers(app: string, now: number): void {
      sql.exec("UPDATE minted SET state = 'ending', at = ? WHERE app != ? AND state = 'live'", now, app);
    },
    last: (): number => one("SELECT max(id) AS value FROM minted") ?? 0,
    /**
     * CometChat has ended all tokens of an app: those recorded up to `last`, and perhaps some that were minted before
     * `now` and will be recorded later. The later ones stay recorded, and are not handed out again.
     */
    flushed(app: string, last: number, now: number): void {
      remember(now, "app = ? AND id <= ?", app, last);
      sql.exec("DELETE FROM minted WHERE app = ? AND id <= ?", app, last);
      mark(flushOf(app), now);
    },
    /** What is to be revoked now, expired tokens included. Nobody else is given it before `by`. */
    due(now: number, by: number, most: number): Row[] {
      sql.exec("UPDATE minted SET state = 'ending' WHERE state = 'live' AND at <= ?", now);
      const due = rows("WHERE state = 'ending' AND at <= ? ORDER BY at LIMIT ?", now, most);
      for (const { id } of due) sql.exec("UPDATE minted SET at = ? WHERE id = ?", by, id);
      return due;
    },
    /** It has ended. Its record may come once more, where the answer to the first one was lost. */
    remove({ id, digest }: Row, now: number): void {
      remember(now, "id = ?", id);
      sql.exec("DELETE FROM minted WHERE id = ?", id);
      mark(scopeOf({ of: "token", digest }), now);
    },
    postpone({ id }: Row, until: number): void {
      sql.exec("UPDATE minted SET at = ?, tries = tries + 1 WHERE id = ? AND state = 'ending'", until, id);
    },
    tries: (app: string): number =>
      one("SELECT max(tries) AS value FROM minted WHERE app = ? AND state = 'ending'", app) ?? 0,
    /** All of an app's that are to be revoked wait until then; null: parked, until `wake`. */
    postponeApp(app: string, until: number | null): void {
      sql.exec(
        "UPDATE minted SET state = ?, at = ?, tries = tries + 1 WHERE app = ? AND state = 'ending'",
        ...[until === null ? "parked" : "ending", until, app],
      );
    },
    /** The user is there, whatever CometChat said when these were to be revoked. */
    wake(app: string, now: number): void {
      sql.exec("UPDATE minted SET state = 'ending', at = ?, tries = 0 WHERE app = ? AND state = 'parked'", now, app);
    },
    /** When the next is to be revoked, and the earliest that expires by itself. */
    next(): { readonly ending: number | null; readonly live: Row | undefined } {
      return {
        ending: one("SELECT min(at) AS value FROM minted WHERE state = 'ending'"),
        live: rows("WHERE state = 'live' AND at IS NOT NULL ORDER BY at LIMIT 1")[0],
      };
    },
  };
}

export type Store = ReturnType<typeof createStore>;
