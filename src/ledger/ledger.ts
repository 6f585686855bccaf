import { DurableObject } from "cloudflare:workers";
import type { CometChat } from "../cometchat/cometchat.ts";
import { isAuthToken } from "../cometchat/shapes.ts";
import { type Context, deadline } from "../context.ts";
import { digestOf } from "../encoding.ts";
import { fail, firstFailure, type GatewayError } from "../errors.ts";
import {
  ALARM_BATCH,
  ALARM_MS,
  LEDGER_ABSENT_TRIES,
  LEDGER_BACKOFF_JITTER,
  LEDGER_BACKOFF_LEAST_MS,
  LEDGER_BACKOFF_MOST_MS,
  REVOKED_AT_ONCE,
  SPREAD_MOST_MS,
  SPREAD_SHARE,
} from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { createTiming } from "../telemetry/timing.ts";
import type { Isolate, Parts } from "./parts.ts";
import type { Seal } from "./seal.ts";
import { createStore, type Row, type Scope, type Store } from "./store.ts";

/** A token as a sign-in passes it to the ledger. Times are milliseconds since 1970. */
export interface Minted extends Pick<Row, "app" | "session" | "name" | "mintedAt"> {
  readonly token: string;
  /** null if it does not expire. */
  readonly expiresAt: number | null;
  /**
   * Whether a claim has placed the user, perhaps in another app than before. Its older tokens in other apps then end.
   */
  readonly moves?: boolean;
}

/** A token that the gateway may return to its session again. */
export interface Taken {
  readonly token: string;
  readonly app: string;
  readonly expiresAt: number | null;
}

export interface Order {
  /** The time of the request, in milliseconds since 1970. */
  readonly at: number;
  /** The time limit for the calls to CometChat, in milliseconds. */
  readonly budget: number;
  /** Apps in which one call ends all tokens of the user, also those that were not recorded. */
  readonly flush?: readonly string[];
  /** Do nothing if this object has no tokens: the user's tokens are usually in another object. */
  readonly onlyHere?: boolean;
}

type Outcome = Result<void, GatewayError>;

/**
 * The object with one user's auth tokens. No other place stores them. CometChat's tokens do not expire, so this object
 * ends them, and repeats that until CometChat confirms it.
 *
 * The state is in the tables only. While CometChat is being called, other requests may change it. Therefore each step
 * first writes what is to be done, then makes the call, then writes what is done, and an eviction at any moment loses
 * nothing.
 */
export abstract class TokenLedger extends DurableObject<Env> {
  readonly #store: Store;
  readonly #isolate: Isolate;
  /** The token that was decrypted last. The table is read each time to see whether it is still valid. */
  #opened: { readonly id: number; readonly token: string; readonly by: Seal } | undefined;

  constructor(state: DurableObjectState, env: Env, isolate: Isolate) {
    super(state, env);
    this.#store = createStore(state.storage.sql);
    this.#isolate = isolate;
  }

  /** The session's newest valid token, of this app or of any; undefined if there is none. */
  async take(session: string, app?: string): Promise<Taken | undefined> {
    const { seal } = await this.#parts();
    const newest = () => this.#store.newest(session, app, this.#now());
    const row = newest();
    if (!row) return undefined;
    if (this.#opened?.id !== row.id || this.#opened.by !== seal) {
      const token = await seal.open(new Uint8Array(row.sealed), placeOf(this.#uid, session));
      // The token may have been ended while it was being decrypted.
      if (token === undefined || newest()?.id !== row.id) return undefined;
      this.#opened = { id: row.id, token, by: seal };
    }
    return { token: this.#opened.token, app: row.app, expiresAt: row.at };
  }

  /**
   * Stores a token. Other tokens may end because of it, or this one, if its session was ended while it was being
   * minted. They are revoked in the background, since a sign-in's answer may be waiting for the record.
   */
  async record(uid: string, { token, expiresAt, moves, ...minted }: Minted): Promise<void> {
    const { app, session, mintedAt } = minted;
    const { seal, tokens } = await this.#parts();
    const [sealed, digest] = await Promise.all([seal.seal(token, placeOf(uid, session)), digestOf(token)]);
    const now = this.#now();
    this.#uid = uid;
    this.#store.wake(app, now);
    this.#store.add({ ...minted, digest, sealed: sealed.buffer, at: expiresAt }, now);
    if (moves) this.#store.end(`others ${app}`, mintedAt, now);
    if (tokens.maxPerSession !== undefined) this.#store.endAllBut(tokens.maxPerSession, session, now);
    // If this fails, it is repeated when the alarm is due.
    this.alarm().catch(() => undefined);
  }

  /**
   * Ends tokens. It first marks them, so that none is returned again and the alarm revokes them even if this call is
   * cut off; then it calls CometChat. A token that was minted before and is recorded later is ended when it is
   * recorded. Returns whether a token of the scope is or was recorded. Fails if CometChat did not end all of them; the
   * object then tries again by itself.
   */
  async end(
    uid: string,
    scope: Scope,
    { at, budget, flush = [], onlyHere }: Order,
  ): Promise<Result<boolean, GatewayError>> {
    const recorded = this.#store.hasRecorded(scope);
    if (onlyHere && !this.#store.hasRecorded("user")) return ok(recorded);
    this.#uid = uid;
    // The alarm is set to a later time. At once, it would revoke the same tokens a second time during the calls below.
    const rows = this.#store.end(scope, at, this.#now() + LEDGER_BACKOFF_LEAST_MS);
    await this.#arm();
    const done = await this.#endEach(rows, this.#context(budget), flush);
    await this.#arm();
    return done.ok ? ok(recorded) : done;
  }

  /**
   * Revokes the tokens that are due. Never throws: after six failures the platform stops calling the alarm, and no
   * token would be revoked any more.
   */
  override async alarm(): Promise<void> {
    const { deps } = this.#isolate;
    try {
      const now = this.#now();
      const due = this.#store.due(now, now + LEDGER_BACKOFF_LEAST_MS, ALARM_BATCH);
      // The alarm is set before the first `await`, so that the work continues if this object is evicted in between.
      await this.#arm();
      if (due.length === 0) return;
      const { chats } = await this.#parts();
      // Near CometChat's rate limit, or while CometChat is down, these calls are postponed, since nobody waits for
      // them.
      const waits = due.filter(({ app }) => chats.get(app)?.hasRoom() === false);
      for (const { id } of waits) this.#store.postpone(id, now + this.#pause(0));
      const rest = due.filter((row) => !waits.includes(row));
      const done = await this.#endEach(rest, this.#context(ALARM_MS));
      // An alarm has no request whose log line would report the failure.
      if (!done.ok) deps.log({ event: "ledger-revoke-failed", ...done.error });
      await this.#arm();
    } catch {
      deps.log({ event: "ledger-alarm-failed" });
      await this.ctx.storage.setAlarm(this.#now() + LEDGER_BACKOFF_MOST_MS);
    }
  }

  /**
   * Flushes apps, and revokes the tokens of other apps, a few at a time, since a user may have a hundred. Returns a
   * failure if there is one.
   */
  async #endEach(rows: readonly Row[], context: Context, flush: readonly string[] = []): Promise<Outcome> {
    const { chats } = await this.#parts();
    const queue = [...flush.map((app) => ({ app })), ...rows.filter(({ app }) => !flush.includes(app))];
    const outcomes: Outcome[] = [];
    // If the app or the user does not exist, that is so for all tokens of the app.
    const absent = new Set<string>();
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { app } = next;
        if (absent.has(app)) continue;
        const chat = chats.get(app);
        const done = chat
          ? await ("id" in next ? this.#revoke(next, chat, context) : this.#flush(chat, context))
          : fail("home-app-gone", { remedy: `Tokens of the app ${app} cannot be revoked: add it again.` });
        if (!chat || isAbsent(done)) absent.add(app);
        outcomes.push(done);
      }
    };
    await Promise.all(Array.from({ length: REVOKED_AT_ONCE }, work));
    for (const app of absent) this.#waitFor(app);
    return firstFailure(outcomes);
  }

  async #revoke(row: Row, chat: CometChat, context: Context): Promise<Outcome> {
    const { seal } = await this.#parts();
    const token = await seal.open(new Uint8Array(row.sealed), placeOf(this.#uid, row.session));
    // If the token cannot be decrypted, since its key was rotated out, it cannot be revoked by name. All tokens of the
    // user are ended instead, and the clients ask for new ones: a token that should end must not stay valid.
    const revoked = await (isAuthToken(token) ? chat.revoke(this.#uid, token, context) : this.#flush(chat, context));
    if (revoked.ok) this.#store.ended(row.id, this.#now());
    else if (!isAbsent(revoked)) this.#store.postpone(row.id, this.#now() + this.#pause(row.tries));
    return revoked;
  }

  /** Ends all of the user's tokens in an app with one call. */
  async #flush(chat: CometChat, context: Context): Promise<Outcome> {
    // Every token that is recorded by now was minted before CometChat is told to flush, so the flush ends it.
    const last = this.#store.last();
    const flushed = await chat.flush(this.#uid, context);
    if (flushed.ok) this.#store.flushed(chat.app.name, last, this.#now());
    return flushed;
  }

  /**
   * Postpones an app's revocations, since CometChat does not know the user there. A deactivated user may be
   * reactivated, and its tokens with it. They are tried again for about a day, then at the user's next sign-in to that
   * app.
   */
  #waitFor(app: string): void {
    this.#store.postponeApp(app, this.#now() + this.#pause(Number.POSITIVE_INFINITY), LEDGER_ABSENT_TRIES);
  }

  /** Sets the alarm to the earliest time at which a token is to be revoked, or deletes it if there is none. */
  async #arm(): Promise<void> {
    const { ending, live } = this.#store.next();
    const times = ending === null ? [] : [ending];
    // The tokens of many users may expire in the same minute. Their revocations are spread over time, since sign-ins
    // share the same rate limit.
    if (live?.at != null) {
      const spread = Math.min(SPREAD_MOST_MS, (live.at - live.mintedAt) * SPREAD_SHARE);
      times.push(live.at + this.#isolate.deps.random() * spread);
    }
    if (times.length === 0) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(Math.max(Math.min(...times), this.#now() + 1));
  }

  /**
   * Milliseconds until the next try: doubled each time, within bounds, and random, so that users are not tried
   * together.
   */
  #pause(tries: number): number {
    const pause = Math.min(LEDGER_BACKOFF_LEAST_MS * 2 ** tries, LEDGER_BACKOFF_MOST_MS);
    return pause * (1 + this.#isolate.deps.random() * LEDGER_BACKOFF_JITTER);
  }

  #parts = (): Promise<Parts> => this.#isolate.partsOf(this.env);

  #now = (): number => this.#isolate.deps.now();

  get #uid(): string {
    return this.ctx.storage.kv.get<string>("uid") ?? "";
  }

  set #uid(uid: string) {
    if (this.#uid !== uid) this.ctx.storage.kv.put("uid", uid);
  }

  /** Makes the context of calls to CometChat, with a time limit in milliseconds for all of them together. */
  #context(budget: number): Context {
    const timing = createTiming(this.#now);
    const after = async () => undefined;
    return { requestId: "", now: this.#now(), timing, deadline: deadline(budget, this.#now), after };
  }
}

/** The additional data of the encryption: a token cannot be decrypted in another session's row. */
const placeOf = (uid: string, session: string): string => `${uid} ${session}`;

const isAbsent = (outcome: Outcome): boolean => !outcome.ok && outcome.error.reason === "upstream-uid-unknown";
