import { REVOKED_KEPT_MS } from "../limits.ts";

/** One auth token that the ledger keeps an eye on. */
export interface Entry {
  readonly id: number;
  readonly app: string;
  /** base64url SHA-256 of the session id. */
  readonly session: string;
  readonly sealed: ArrayBuffer;
  /** Milliseconds since 1970. */
  readonly mintedAt: number;
  /** Milliseconds since 1970 at which it is to be revoked, or the revocation to be tried again; null: never. */
  readonly due: number | null;
  /** Tries to revoke it, one that is only asked for included; 0: it lives until `due`. */
  readonly attempts: number;
}

/** All sessions of the user, in the table of what was revoked. */
export const EVERY_SESSION = "*";

/** The tables of one user's ledger. Every statement is synchronous: what stands between two awaits is one commit. */
export function createStore(sql: SqlStorage) {
  sql.exec(`CREATE TABLE IF NOT EXISTS tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app TEXT NOT NULL,
    session TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    sealed BLOB NOT NULL,
    mintedAt INTEGER NOT NULL,
    due INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0
  )`);
  // A token may be recorded after its session was revoked: the record follows the answer.
  sql.exec("CREATE TABLE IF NOT EXISTS revoked (session TEXT PRIMARY KEY, at INTEGER NOT NULL)");
  sql.exec("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)");

  const rows = (query: string, ...values: (string | number | null)[]): Entry[] =>
    sql.exec(query, ...values).toArray() as unknown as Entry[];

  const changed = (query: string, ...values: (string | number)[]): boolean =>
    sql.exec(query, ...values).rowsWritten > 0;

  return {
    add(entry: Omit<Entry, "id" | "attempts"> & { readonly digest: string }): void {
      sql.exec(
        "INSERT OR IGNORE INTO tokens (app, session, digest, sealed, mintedAt, due) VALUES (?, ?, ?, ?, ?, ?)",
        ...[entry.app, entry.session, entry.digest, entry.sealed, entry.mintedAt, entry.due],
      );
    },
    remove(id: number): void {
      sql.exec("DELETE FROM tokens WHERE id = ?", id);
    },
    /** A token that was revoked in this app; should it live in another one, it ends there. */
    removeDigest(digest: string, app: string, now: number): void {
      sql.exec("DELETE FROM tokens WHERE digest = ? AND app = ?", digest, app);
      sql.exec("UPDATE tokens SET due = ? WHERE digest = ?", now, digest);
    },
    /** CometChat has ended all of an app that there were: those up to this entry, and perhaps some recorded since. */
    flushed(last: number, app: string, now: number): void {
      sql.exec("DELETE FROM tokens WHERE id <= ? AND app = ?", last, app);
      this.setFact(`flushed ${app}`, now);
    },
    /** Answers whether there were more. The newest as CometChat sees it: a record may come late. */
    removeAllBut: (newest: number, app: string): boolean =>
      changed(
        `DELETE FROM tokens WHERE app = ? AND id NOT IN
          (SELECT id FROM tokens WHERE app = ? ORDER BY mintedAt DESC, id DESC LIMIT ?)`,
        ...[app, app, newest],
      ),
    ofSession: (session: string): Entry[] => rows("SELECT * FROM tokens WHERE session = ?", session),
    all: (): Entry[] => rows("SELECT * FROM tokens"),
    /** The id of the newest entry; 0 where there is none. */
    newest: (): number => (sql.exec("SELECT max(id) AS id FROM tokens").one() as { id: number | null }).id ?? 0,
    /** Whether a token is to live on. One that a flush may have ended is not worth being `held`. */
    lives(digest: string, now: number, held = false): boolean {
      const [entry] = rows("SELECT * FROM tokens WHERE digest = ?", digest);
      if (!entry || entry.attempts > 0 || entry.mintedAt <= this.revokedAt(entry.session)) return false;
      if (held && entry.mintedAt <= this.time(`flushed ${entry.app}`)) return false;
      return entry.due === null || entry.due > now;
    },
    due: (now: number, most: number): Entry[] => rows("SELECT * FROM tokens WHERE due <= ? LIMIT ?", now, most),
    nextDue: (): number | undefined =>
      (sql.exec("SELECT min(due) AS due FROM tokens").one() as { due: number | null }).due ?? undefined,
    /** The session's tokens end now, but for the newest `keep`. Answers whether there were more. */
    endAllBut: (keep: number, session: string, now: number): boolean =>
      changed(
        `UPDATE tokens SET due = ? WHERE session = ? AND id NOT IN
          (SELECT id FROM tokens WHERE session = ? ORDER BY id DESC LIMIT ?)`,
        ...[now, session, session, keep],
      ),
    endOthers: (app: string, now: number): boolean =>
      changed("UPDATE tokens SET due = ? WHERE app != ? AND (due IS NULL OR due > ?)", now, app, now),
    /** These are to be revoked, by then at the latest. */
    end(entries: readonly Entry[], by: number): void {
      for (const { id } of entries) {
        sql.exec("UPDATE tokens SET due = ?, attempts = max(attempts, 1) WHERE id = ?", by, id);
      }
    },
    postpone({ id }: Entry, until: number): void {
      sql.exec("UPDATE tokens SET due = ?, attempts = attempts + 1 WHERE id = ?", until, id);
    },
    /** All of an app that are due by `by` wait until then; null: until `wake`. */
    postponeApp(app: string, by: number, until: number | null): void {
      sql.exec("UPDATE tokens SET due = ?, attempts = attempts + 1 WHERE app = ? AND due <= ?", until, app, by);
    },
    wake(app: string, now: number): void {
      sql.exec("UPDATE tokens SET due = ? WHERE app = ? AND due IS NULL AND attempts > 0", now, app);
    },
    revoke(session: string, at: number): void {
      // Much longer ago than a record can follow its answer.
      sql.exec("DELETE FROM revoked WHERE at < ?", at - REVOKED_KEPT_MS);
      sql.exec(
        "INSERT INTO revoked VALUES (?, ?) ON CONFLICT (session) DO UPDATE SET at = max(at, excluded.at)",
        ...[session, at],
      );
    },
    /** When the session, or all of them, was last revoked; milliseconds since 1970. */
    revokedAt(session: string): number {
      const { at } = sql
        .exec("SELECT max(at) AS at FROM revoked WHERE session IN (?, ?)", session, EVERY_SESSION)
        .one() as { at: number | null };
      return at ?? 0;
    },
    fact(name: string): string | undefined {
      return (sql.exec("SELECT value FROM facts WHERE name = ?", name).toArray()[0] as { value: string } | undefined)
        ?.value;
    },
    setFact(name: string, value: string | number): void {
      sql.exec("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, String(value));
    },
    /** A fact that is a time, in milliseconds since 1970. */
    time(name: string, otherwise = 0): number {
      return Number(this.fact(name) ?? otherwise);
    },
  };
}

export type Store = ReturnType<typeof createStore>;
