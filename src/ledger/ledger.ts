import { DurableObject } from "cloudflare:workers";
import type { CometChat } from "../cometchat/cometchat.ts";
import { isAuthToken } from "../cometchat/shapes.ts";
import type { Context } from "../context.ts";
import { digestOf } from "../encoding.ts";
import { fail, type GatewayError } from "../errors.ts";
import {
  ALARM_BATCH,
  ALARM_MS,
  LEDGER_ABSENT_TRIES,
  LEDGER_BACKOFF_LEAST_MS,
  LEDGER_BACKOFF_MOST_MS,
  REVOKED_AT_ONCE,
  SPREAD_MOST_MS,
  SPREAD_SHARE,
} from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { createTiming } from "../telemetry/timing.ts";
import type { Isolate, Parts } from "./parts.ts";
import { createStore, type Row, type Scope, type Store } from "./store.ts";

/** A token as the sign-in that minted it hands it over. Times in milliseconds since 1970. */
export interface Minted {
  readonly app: string;
  readonly token: string;
  /** base64url SHA-256 of what tells the session from others, and of what its provider calls it; null: nothing. */
  readonly session: string;
  readonly name: string | null;
  /** When the sign-in began; where it had CometChat end the user's tokens first, when that was done. */
  readonly mintedAt: number;
  /** null: never. */
  readonly expiresAt: number | null;
  /** A claim has placed the user, perhaps anew: what it has in other apps ends. */
  readonly moves?: boolean;
}

/** A token that a session may be given again. */
export interface Taken {
  readonly token: string;
  readonly app: string;
  readonly expiresAt: number | null;
}

/** What is to end. A token is named by itself, with the app to look for it in where it was never recorded. */
export type End =
  | Exclude<Scope, { of: "token" }>
  | { readonly of: "token"; readonly token: string; readonly app: string };

export interface Order {
  /** When it was asked for, in milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds that CometChat may take. */
  readonly budget: number;
  /** Apps in which CometChat ends all of the user's with one call: those that nobody recorded, too. */
  readonly flush?: readonly string[];
  /** Only where something of the scope was ever recorded. */
  readonly onlyKnown?: boolean;
  /** Only where this object holds anything at all: the user's tokens should be in another one. */
  readonly onlyHere?: boolean;
}

export interface Ended {
  /** Whether anything was ever recorded of the scope, or it had ended before. */
  readonly known: boolean;
  /** Fails where CometChat did not do it. It is tried again. */
  readonly done: Outcome;
}

type Outcome = Result<void, GatewayError>;

/**
 * One user's auth tokens, and the only place that knows them. CometChat's tokens never end by themselves; here is who
 * ends them, and keeps trying until CometChat has agreed.
 *
 * Truth is in the tables only. Around a call to CometChat other events come in between, so each step first writes what
 * is to be done, then calls, then removes what is done; an eviction anywhere in between loses nothing.
 */
export abstract class TokenLedger extends DurableObject<Env> {
  readonly #store: Store;
  readonly #isolate: Isolate;

  constructor(state: DurableObjectState, env: Env, isolate: Isolate) {
    super(state, env);
    this.#store = createStore(state.storage.sql);
    this.#isolate = isolate;
  }

  /** The session's newest token that lives, in this app or in any; never one past its end. */
  async take(session: string, app?: string): Promise<Taken | undefined> {
    const { seal, chats } = await this.#parts();
    const row = this.#store.newest(session, app, this.#now());
    if (!row || !chats.has(row.app)) return undefined;
    const token = await seal.open(new Uint8Array(row.sealed), placeOf(this.#uid, row.session));
    // It may have ended while it was opened.
    return token !== undefined && this.#store.lives(row.digest)
      ? { token, app: row.app, expiresAt: row.at }
      : undefined;
  }

  /**
   * Keeps a token, and says whether it lives on: one whose session was ended while it was being minted, or which is one
   * too many of its session, ends at once.
   */
  async record(uid: string, minted: Minted): Promise<boolean> {
    const { app, token, session, name, mintedAt, expiresAt, moves } = minted;
    const { seal, tokens } = await this.#parts();
    const [sealed, digest] = await Promise.all([seal.seal(token, placeOf(uid, session)), digestOf(token)]);
    const now = this.#now();
    this.#uid = uid;
    this.#store.wake(app, now);
    this.#store.add({ app, session, name, digest, sealed: sealed.buffer, mintedAt }, expiresAt, now);
    if (moves) this.#store.endOthers(app, now);
    if (tokens.maxPerSession !== undefined) this.#store.endAllBut(tokens.maxPerSession, session, now);
    const lives = this.#store.lives(digest);
    await this.#work();
    return lives;
  }

  /**
   * Ends tokens: marks them first, so that none is handed out again and the alarm goes on whatever becomes of this call;
   * then asks CometChat. What was minted before and is recorded later ends then.
   */
  async end(uid: string, end: End, order: Order): Promise<Ended> {
    const { at, budget, flush = [], onlyKnown, onlyHere } = order;
    const { chats } = await this.#parts();
    const scope = end.of === "token" ? { of: end.of, digest: await digestOf(end.token) } : end;
    const known = this.#store.knows(scope);
    if ((onlyKnown && !known) || (onlyHere && this.#store.isEmpty())) return { known: false, done: ok(undefined) };
    this.#uid = uid;
    // Not at once: the alarm would ring while CometChat is being asked here, and ask for each token a second time.
    const rows = this.#store.end(scope, at, this.#now() + LEDGER_BACKOFF_LEAST_MS);
    await this.#arm();
    const done = await this.#within(budget, async (context) => {
      const flushed = flush.map(async (app) => {
        const chat = chats.get(app);
        const outcome = chat ? await this.#flush(chat, context) : ok(undefined);
        if (!outcome.ok && outcome.error.reason === "upstream-uid-unknown") this.#waitFor(app);
        return absentIsOk(outcome);
      });
      const others = rows.filter(({ app }) => !flush.includes(app));
      const unrecorded = end.of === "token" && rows.length === 0 ? chats.get(end.app) : undefined;
      return firstFailure([
        ...flushed,
        this.#revokeEach(others, context),
        ...(unrecorded && end.of === "token" ? [unrecorded.revoke(uid, end.token, context).then(absentIsOk)] : []),
      ]);
    });
    await this.#arm();
    return { known, done };
  }

  /** Never throws: after six failures the platform would give up, and with it every later revocation. */
  override async alarm(): Promise<void> {
    try {
      await this.#work();
    } catch {
      this.#isolate.deps.log({ event: "ledger-alarm-failed" });
      await this.ctx.storage.setAlarm(this.#now() + LEDGER_BACKOFF_MOST_MS);
    }
  }

  /** Revokes what is due, and sets the alarm for what is next. */
  async #work(): Promise<void> {
    const { chats } = await this.#parts();
    const now = this.#now();
    const due = this.#store.due(now, now + LEDGER_BACKOFF_LEAST_MS, ALARM_BATCH);
    if (due.length > 0) {
      // Should this object be evicted in the middle. Not at once, as in `end`.
      await this.ctx.storage.setAlarm(now + LEDGER_BACKOFF_LEAST_MS);
      // Near CometChat's rate limit, or while it is down, what nobody waits for waits.
      const waits = due.filter(({ app }) => chats.get(app)?.hasRoom() === false);
      for (const row of waits) this.#store.postpone(row, now + this.#pause(0));
      const rest = due.filter((row) => !waits.includes(row));
      const done = await this.#within(ALARM_MS, (context) => this.#revokeEach(rest, context));
      // Nobody else hears of it: there is no request whose line would say so.
      if (!done.ok) this.#isolate.deps.log({ event: "ledger-revoke-failed", ...done.error });
    }
    await this.#arm();
  }

  /** A few at a time, since a user may have a hundred. Answers a failure, where there is one. */
  async #revokeEach(rows: readonly Row[], context: Context): Promise<Outcome> {
    const queue = [...rows];
    const absent = new Set<string>();
    const work = async () => {
      let failed: Outcome = ok(undefined);
      for (let row = queue.shift(); row; row = queue.shift()) {
        if (absent.has(row.app)) continue;
        const ended = await this.#revoke(row, absent, context);
        if (!ended.ok) failed = ended;
      }
      return failed;
    };
    return firstFailure(Array.from({ length: REVOKED_AT_ONCE }, work));
  }

  async #revoke(row: Row, absent: Set<string>, context: Context): Promise<Outcome> {
    const { seal, chats } = await this.#parts();
    const chat = chats.get(row.app);
    if (!chat) {
      absent.add(row.app);
      this.#waitFor(row.app);
      return fail("home-app-gone", { remedy: `Tokens of the app ${row.app} cannot be revoked: add it again.` });
    }
    const token = await seal.open(new Uint8Array(row.sealed), placeOf(this.#uid, row.session));
    // A token that no longer opens (its key was rotated out) cannot be named: all of the user's are ended instead, since
    // none that should end may live on. Their owners ask for new ones.
    const named = isAuthToken(token);
    const revoked = await (named ? chat.revoke(this.#uid, token, context) : this.#flush(chat, context));
    if (revoked.ok) this.#store.remove(row, this.#now());
    else if (revoked.error.reason !== "upstream-uid-unknown") {
      this.#store.postpone(row, this.#now() + this.#pause(row.tries));
      return revoked;
    } else if (!absent.has(row.app)) {
      // CometChat does not know the user in this app, so every other token of that app has to wait, too.
      absent.add(row.app);
      this.#waitFor(row.app);
    }
    return ok(undefined);
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
   * No user, or no app: nothing to revoke at, for now. A user that was deactivated may be brought back, and its tokens
   * with it, so the rows stay: tried again for about a day, then when the user signs in there again.
   */
  #waitFor(app: string): void {
    const tries = this.#store.tries(app);
    this.#store.postponeApp(app, tries < LEDGER_ABSENT_TRIES ? this.#now() + this.#pause(tries) : null);
  }

  /** The alarm stands at the earliest time at which something is to be revoked, or there is none. */
  async #arm(): Promise<void> {
    const { ending, live } = this.#store.next();
    const times = ending === null ? [] : [ending];
    // Many users' tokens may end in the same minute: nobody waits for that, and sign-ins have the same rate limit.
    if (live?.at != null) {
      const spread = Math.min(SPREAD_MOST_MS, (live.at - live.mintedAt) * SPREAD_SHARE);
      times.push(live.at + this.#isolate.deps.random() * spread);
    }
    if (times.length === 0) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(Math.max(Math.min(...times), this.#now() + 1));
  }

  /** Milliseconds until the next try: doubled each time, within bounds; users that failed together part. */
  #pause(tries: number): number {
    const pause = Math.min(LEDGER_BACKOFF_LEAST_MS * 2 ** Math.min(tries, 20), LEDGER_BACKOFF_MOST_MS);
    return pause * (1 + this.#isolate.deps.random() / 2);
  }

  #parts = (): Promise<Parts> => this.#isolate.partsOf(this.env);

  #now = (): number => this.#isolate.deps.now();

  get #uid(): string {
    return this.ctx.storage.kv.get<string>("uid") ?? "";
  }

  set #uid(uid: string) {
    if (this.#uid !== uid) this.ctx.storage.kv.put("uid", uid);
  }

  /** Runs `work` with a budget of milliseconds. No timer is left behind: one would keep this object from hibernating. */
  async #within<T>(budget: number, work: (context: Context) => Promise<T>): Promise<T> {
    const now = this.#now();
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new DOMException("", "TimeoutError")), budget);
    const deadline = { signal: controller.signal, left: () => Math.max(0, now + budget - this.#now()) };
    try {
      return await work({
        requestId: "",
        now,
        timing: createTiming(this.#isolate.deps.now),
        deadline,
        after: async () => undefined,
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What a token is sealed for: in another session's row it does not open. */
const placeOf = (uid: string, session: string): string => `${uid} ${session}`;

/** A user that CometChat does not know has no tokens there. */
const absentIsOk = (outcome: Outcome): Outcome =>
  !outcome.ok && outcome.error.reason === "upstream-uid-unknown" ? ok(undefined) : outcome;

async function firstFailure(work: readonly Promise<Outcome>[]): Promise<Outcome> {
  return (await Promise.all(work)).find(({ ok }) => !ok) ?? ok(undefined);
}
