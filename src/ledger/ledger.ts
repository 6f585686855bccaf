import { DurableObject } from "cloudflare:workers";
import { type CometChat, createCometChat } from "../cometchat/cometchat.ts";
import { isNameable } from "../cometchat/tokens.ts";
import { parseConfig } from "../config/parse.ts";
import type { Config } from "../config/types.ts";
import type { Context } from "../context.ts";
import { base64url, sha256 } from "../encoding.ts";
import { fail, type GatewayError } from "../errors.ts";
import {
  ALARM_BATCH,
  ALARM_MS,
  DIRECTORY_READ_MS,
  HELD_LOOK_MS,
  LEDGER_ABSENT_TRIES,
  LEDGER_BACKOFF_LEAST_MS,
  LEDGER_BACKOFF_MOST_MS,
  REVOKED_AT_ONCE,
  TOKENS_ALIVE,
} from "../limits.ts";
import { platform } from "../platform.ts";
import { ok, type Result } from "../result.ts";
import { createTiming } from "../telemetry/timing.ts";
import { within } from "../within.ts";
import { createHeld, type Held } from "./held.ts";
import { createSeal, type Seal } from "./seal.ts";
import { createStore, type Entry, EVERY_SESSION, type Store } from "./store.ts";

/** A token as the sign-in that minted it hands it over. */
export interface Minted {
  readonly uid: string;
  readonly app: string;
  readonly token: string;
  /** base64url SHA-256 of the session id. */
  readonly session: string;
  /** Milliseconds since 1970: when the sign-in began. */
  readonly mintedAt: number;
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null;
  /** Whether a claim may have moved the user here from an app that nobody knows: what it has in others ends. */
  readonly moves?: boolean;
  /** Whether it was brought back from deactivation: CometChat has ended what it had. */
  readonly revived?: boolean;
}

type Outcome = Result<void, GatewayError>;

/**
 * One user's auth tokens: what was minted, for which session, and when it ends. CometChat's tokens never end by
 * themselves; here is who ends them, and keeps trying until CometChat has agreed.
 *
 * Truth is in the tables only. Around a call to CometChat other events come in between, so each step first writes what
 * is to be done (`due`), then calls, then removes what is done; an eviction anywhere in between loses nothing.
 */
export class Ledger extends DurableObject<Env> {
  readonly #store: Store;
  #parts: { config: Config; seal: Seal; chats: Map<string, CometChat>; held: Held | undefined } | undefined;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#store = createStore(state.storage.sql);
  }

  /**
   * Keeps a token, and says whether it lives on: one whose session was revoked while it was being minted, or which is one
   * too many of its session, ends at once.
   */
  async record(minted: Minted): Promise<boolean> {
    const { uid, app, token, session, mintedAt, expiresAt, moves, revived } = minted;
    const { seal, config } = await this.#open();
    const sealed = await seal.seal(token, uid);
    const digest = base64url(await sha256(token));
    const now = platform.now();
    this.#store.setFact("uid", uid);
    // The user is there, whatever CometChat said when these were to end.
    this.#store.wake(app, now);
    const late = mintedAt <= this.#store.revokedAt(session);
    this.#store.add({ app, session, digest, sealed: sealed.buffer, mintedAt, due: late ? now : expiresAt });
    const { maxPerSession } = config.tokens;
    const gone = [
      moves && this.#store.endOthers(app, now),
      maxPerSession !== undefined && this.#store.endAllBut(maxPerSession, session, now),
      this.#store.removeAllBut(TOKENS_ALIVE, app),
      revived,
    ];
    if (revived) this.#store.flushed(0, app, mintedAt - 1);
    if (gone.includes(true)) await this.#lookLater();
    const lives = this.#store.lives(digest, now);
    await this.#work(now);
    return lives;
  }

  /** Revokes the tokens of one session. Fails where CometChat did not answer for one of them; it is tried again. */
  async revokeSession(uid: string, session: string, at: number, budget: number): Promise<Outcome> {
    this.#store.setFact("uid", uid);
    this.#store.revoke(session, at);
    await this.#lookLater();
    // What was minted while this request was on its way is still to be recorded; it ends then.
    return this.#endNow(this.#store.ofSession(session), budget);
  }

  /**
   * Every token minted until now is to end: by the alarm, should nobody else get to it. Answers the newest entry, for
   * `flushed`. What is recorded later and was minted before ends then.
   */
  async endAll(uid: string, at: number): Promise<number> {
    this.#store.setFact("uid", uid);
    this.#store.revoke(EVERY_SESSION, at);
    await this.#lookLater();
    return this.#mark(this.#store.all().filter(({ mintedAt }) => mintedAt <= at));
  }

  /**
   * Of the entries up to `last`, CometChat has ended those of `app`; those of other apps that `endAll` marked are revoked
   * here.
   */
  async flushed(app: string, last: number, budget: number): Promise<Outcome> {
    this.#store.flushed(last, app, platform.now());
    const others = this.#store.all().filter(({ id, attempts }) => id <= last && attempts > 0);
    return this.#endNow(others, budget);
  }

  /** The user has moved: what it holds in its former app ends. */
  async leave(uid: string, former: string, budget: number): Promise<Outcome> {
    this.#store.setFact("uid", uid);
    await this.#mark(this.#store.all().filter(({ app }) => app === former));
    const { chats } = await this.#open();
    const chat = chats.get(former);
    const left = chat && (await this.#within(budget, (context) => this.#flush(chat, uid, context)));
    await this.#arm();
    return left && !left.ok && left.error.reason !== "upstream-uid-unknown" ? left : ok(undefined);
  }

  /** Drops a token that was revoked in this app. */
  async forget(token: string, app: string): Promise<void> {
    this.#store.removeDigest(base64url(await sha256(token)), app, platform.now());
    await this.#lookLater();
    await this.#arm();
  }

  /** Never throws: after six failures the platform would give up, and with it every later revocation. */
  override async alarm(): Promise<void> {
    const now = platform.now();
    try {
      await this.#work(now);
    } catch {
      platform.log({ event: "ledger-alarm-failed" });
      await this.ctx.storage.setAlarm(now + LEDGER_BACKOFF_MOST_MS);
    }
  }

  /**
   * These are to end, whatever becomes of whoever asked: should this object be evicted in the middle, the alarm goes on.
   * Not at once: it would ring while CometChat is being asked here, and ask for each token a second time. Answers the
   * newest entry.
   */
  async #mark(entries: readonly Entry[]): Promise<number> {
    this.#store.end(entries, platform.now() + LEDGER_BACKOFF_LEAST_MS);
    await this.#arm();
    return this.#store.newest();
  }

  async #endNow(entries: readonly Entry[], budget: number): Promise<Outcome> {
    await this.#mark(entries);
    const failed = await this.#within(budget, (context) => this.#revokeEach(entries, context));
    await this.#arm();
    return failed;
  }

  /** Revokes what is due, and sets the alarm for what is next. */
  async #work(now: number): Promise<void> {
    const { chats } = await this.#open();
    const due = this.#store.due(now, ALARM_BATCH);
    const looks = this.#looksAt() <= now;
    // Should this object be evicted in the middle. Not at once, as in `#mark`.
    if (due.length > 0 || looks) await this.ctx.storage.setAlarm(now + LEDGER_BACKOFF_LEAST_MS);
    // Near CometChat's rate limit, or while it is down, what nobody waits for waits.
    const waits = due.filter(({ app }) => chats.get(app)?.spare() === false);
    this.#store.end(waits, now + LEDGER_BACKOFF_LEAST_MS);
    const failed = await this.#within(ALARM_MS, (context) =>
      this.#revokeEach(
        due.filter((entry) => !waits.includes(entry)),
        context,
      ),
    );
    // Nobody else hears of it: there is no request whose line would say so.
    if (!failed.ok) platform.log({ event: "ledger-revoke-failed", ...failed.error });
    if (looks) await this.#look(now);
    await this.#arm();
  }

  /** When KV is to be looked through for dead tokens that it still holds; milliseconds since 1970, or infinity. */
  #looksAt = (): number => this.#store.time("look", Number.POSITIVE_INFINITY);

  /** Tokens have ended: KV is looked through afterwards. A look that is due sooner stays, lest it be put off for ever. */
  async #lookLater(): Promise<void> {
    const { held } = await this.#open();
    if (!held) return;
    const now = platform.now();
    this.#store.setFact("ended", now);
    this.#store.setFact("look", Math.min(this.#looksAt(), now + HELD_LOOK_MS));
  }

  /**
   * Who revokes a token also forgets that it is held. But KV may have refused, or a sign-in that was under way may have
   * held its token afterwards: it would be handed out, dead, for as long as its session lasts.
   */
  async #look(now: number): Promise<void> {
    const { held } = await this.#open();
    // Should this object be evicted in the middle, or KV refuse, there is another look, each time after twice as long.
    const passed = now - this.#store.time("ended");
    this.#store.setFact("look", now + Math.min(Math.max(passed, LEDGER_BACKOFF_LEAST_MS), LEDGER_BACKOFF_MOST_MS));
    const uid = this.#store.fact("uid") ?? "";
    const dead = async (token: string) => !this.#store.lives(base64url(await sha256(token)), now, true);
    const looked = Promise.resolve(held?.forgetAll(uid, dead)).then(() => true);
    if (!(await within(ALARM_MS, looked).catch(() => false))) return platform.log({ event: "held-look-failed" });
    // For what has ended since, this came too early.
    const next = this.#store.time("ended") + HELD_LOOK_MS;
    this.#store.setFact("look", next > now ? next : Number.POSITIVE_INFINITY);
  }

  /** A few at a time, since a user may have a hundred. Answers a failure, where there is one. */
  async #revokeEach(entries: readonly Entry[], context: Context): Promise<Outcome> {
    const queue = [...entries];
    const absent = new Set<string>();
    let failed: Outcome = ok(undefined);
    const work = async () => {
      for (let entry = queue.shift(); entry; entry = queue.shift()) {
        if (absent.has(entry.app)) continue;
        const ended = await this.#revoke(entry, absent, context);
        if (!ended.ok) failed = ended;
      }
    };
    await Promise.all(Array.from({ length: REVOKED_AT_ONCE }, work));
    return failed;
  }

  async #revoke(entry: Entry, absent: Set<string>, context: Context): Promise<Outcome> {
    const uid = this.#store.fact("uid") ?? "";
    const { seal, chats } = await this.#open();
    const { app } = entry;
    const chat = chats.get(app);
    if (!chat) {
      this.#absent(entry, absent);
      return fail("home-app-gone", { remedy: `Tokens of the app ${app} cannot be revoked: add it again.` });
    }
    const token = await seal.open(new Uint8Array(entry.sealed), uid);
    // A token that no longer opens (its key was rotated out), or of a form that no address may hold, cannot be named: all
    // of the user's are ended instead, since none that should end may live on. Their owners ask for new ones.
    const named = token !== undefined && isNameable(token);
    const revoked = await (named ? chat.revoke(uid, token, context) : this.#flush(chat, uid, context));
    if (revoked.ok) this.#store.remove(entry.id);
    else if (revoked.error.reason !== "upstream-uid-unknown") {
      this.#store.postpone(entry, platform.now() + backoff(entry.attempts));
      return revoked;
    } else this.#absent(entry, absent);
    return ok(undefined);
  }

  /** Ends all of the user's tokens in an app with one call. */
  async #flush(chat: CometChat, uid: string, context: Context): Promise<Outcome> {
    const last = this.#store.newest();
    const flushed = await chat.flush(uid, context);
    if (!flushed.ok) return flushed;
    this.#store.flushed(last, chat.app.name, platform.now());
    await this.#lookLater();
    return flushed;
  }

  /**
   * No user, or no app: nothing to revoke at, for now. A user that was deactivated may be brought back, and its tokens
   * with it, so the entries stay: tried again for about a day, then when the user signs in there again.
   */
  #absent({ app, attempts }: Entry, absent: Set<string>): void {
    absent.add(app);
    const now = platform.now();
    const until = attempts < LEDGER_ABSENT_TRIES ? now + backoff(attempts) : null;
    this.#store.postponeApp(app, now + LEDGER_BACKOFF_LEAST_MS, until);
  }

  /** The alarm stands at the earliest due time, or there is none. */
  async #arm(): Promise<void> {
    const due = Math.min(this.#looksAt(), this.#store.nextDue() ?? Number.POSITIVE_INFINITY);
    if (due === Number.POSITIVE_INFINITY) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(Math.max(due, platform.now() + 1));
  }

  async #open() {
    if (this.#parts) return this.#parts;
    const parsed = await parseConfig({ ...this.env });
    // The Worker answers config-invalid before it ever comes here.
    if (!parsed.ok) throw new Error("config-invalid");
    const config = parsed.value;
    this.#parts = {
      config,
      seal: createSeal(config.encryptionKeys, "ledger"),
      held: createHeld(this.env.USERS, config, platform, DIRECTORY_READ_MS),
      chats: new Map([...config.apps].map(([name, app]) => [name, createCometChat(app, platform)])),
    };
    return this.#parts;
  }

  /** Runs `work` with a budget of milliseconds. No timer is left behind: one would keep this object from hibernating. */
  async #within<T>(budget: number, work: (context: Context) => Promise<T>): Promise<T> {
    const now = platform.now();
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new DOMException("", "TimeoutError")), budget);
    const deadline = { signal: controller.signal, left: () => Math.max(0, now + budget - platform.now()) };
    try {
      return await work({ requestId: "", now, timing: createTiming(platform.now), deadline, after: () => undefined });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Milliseconds until the next try: doubled each time, within bounds. */
export const backoff = (attempts: number): number =>
  Math.min(LEDGER_BACKOFF_LEAST_MS * 2 ** Math.min(attempts, 20), LEDGER_BACKOFF_MOST_MS);
