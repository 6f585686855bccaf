import { DurableObject } from "cloudflare:workers";
import { type CometChat, createCometChat } from "../cometchat/cometchat.ts";
import { parseConfig } from "../config/parse.ts";
import type { Config } from "../config/types.ts";
import type { Context } from "../context.ts";
import { base64url, sha256 } from "../encoding.ts";
import type { GatewayError } from "../errors.ts";
import { ALARM_BATCH, ALARM_MS, LEDGER_BACKOFF_LEAST_MS, LEDGER_BACKOFF_MOST_MS, REVOKED_KEPT_MS } from "../limits.ts";
import { platform } from "../platform.ts";
import { ok, type Result } from "../result.ts";
import { createTiming } from "../telemetry/timing.ts";
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
  #parts: { config: Config; seal: Seal; chats: Map<string, CometChat> } | undefined;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#store = createStore(state.storage.sql);
  }

  /** Keeps a token. One whose session was revoked while it was being minted ends at once. */
  async record(minted: Minted): Promise<void> {
    const { uid, app, token, session, mintedAt, expiresAt } = minted;
    const { seal, config } = await this.#open();
    const sealed = await seal.seal(token, uid);
    const digest = base64url(await sha256(token));
    const now = platform.now();
    this.#store.setFact("uid", uid);
    const late = mintedAt <= this.#store.revokedAt(session);
    this.#store.add({ app, session, digest, sealed: sealed.buffer, mintedAt, due: late ? now : expiresAt });
    const { maxPerSession } = config.tokens;
    if (maxPerSession !== undefined) this.#store.endAllBut(maxPerSession, session, now);
    await this.#work(now);
  }

  /** Revokes the tokens of one session. Fails where CometChat did not answer for one of them; it is tried again. */
  async revokeSession(uid: string, session: string, at: number, budget: number): Promise<Outcome> {
    this.#store.setFact("uid", uid);
    this.#store.revoke(session, at);
    // What was minted while this request was on its way is still to be recorded; it ends then.
    return this.#endNow(this.#store.ofSession(session), budget);
  }

  /**
   * Every token minted until now is to end. Those of the app whose own were `flushed` have; the others are revoked here.
   * Where nothing was flushed, that failed: the alarm tries again, whether or not the caller does.
   */
  async revokeAll(uid: string, flushed: string | null, at: number, budget: number): Promise<Outcome> {
    this.#store.setFact("uid", uid);
    this.#store.revoke(EVERY_SESSION, at);
    if (flushed !== null) {
      this.#store.removeApp(flushed);
      return this.#endNow(this.#store.all(), budget);
    }
    this.#store.end(this.#store.all(), platform.now() + LEDGER_BACKOFF_LEAST_MS);
    await this.#arm();
    return ok(undefined);
  }

  /** The user has moved: what it holds in its former app ends. */
  async leave(uid: string, former: string, budget: number): Promise<Outcome> {
    this.#store.setFact("uid", uid);
    const entries = this.#store.all().filter(({ app }) => app === former);
    this.#store.end(entries, platform.now() + LEDGER_BACKOFF_LEAST_MS);
    await this.#arm();
    const { chats } = await this.#open();
    const left = await this.#within(budget, async (context) => chats.get(former)?.flush(uid, context));
    if (left && !left.ok && left.error.reason !== "upstream-uid-unknown") return left;
    this.#store.removeApp(former);
    await this.#arm();
    return ok(undefined);
  }

  /** Drops a token that was revoked elsewhere. */
  async forget(token: string): Promise<void> {
    this.#store.removeDigest(base64url(await sha256(token)));
  }

  /** The user's home app: the one chosen first, for good. */
  home(candidate: string): string {
    const home = this.#store.fact("home");
    if (home !== undefined) return home;
    this.#store.setFact("home", candidate);
    return candidate;
  }

  /** The home, where one was chosen. */
  knownHome(): string | undefined {
    return this.#store.fact("home");
  }

  /**
   * The kind of an event of the user's that is newer than this one; where there is none, this one is the newest now.
   * `at` in milliseconds since 1970.
   */
  newer(at: number, kind: string): string | undefined {
    const [time, last] = this.#store.fact("event")?.split(" ") ?? [];
    if (Number(time) > at) return last;
    this.#store.setFact("event", `${at} ${kind}`);
    return undefined;
  }

  /** Whether the caller may bring the profile up to date now: nobody else may, in any isolate, until it is done or `ms` pass. */
  beginSync(ms: number): boolean {
    const now = platform.now();
    if (Number(this.#store.fact("syncing") ?? 0) > now) return false;
    this.#store.setFact("syncing", String(now + ms));
    return true;
  }

  endSync(): void {
    this.#store.setFact("syncing", "0");
  }

  /** Whether this object is asked this for the first time; for what may happen once (a logout token's `jti`). */
  async once(keepUntil: number): Promise<boolean> {
    if (this.#store.fact("once") !== undefined) return false;
    this.#store.setFact("once", String(keepUntil));
    await this.ctx.storage.setAlarm(keepUntil);
    return true;
  }

  /** Takes `once` back: what it stood for did not happen. */
  async again(): Promise<void> {
    await this.ctx.storage.deleteAll();
    createStore(this.ctx.storage.sql);
  }

  /** Never throws: after six failures the platform would give up, and with it every later revocation. */
  override async alarm(): Promise<void> {
    const now = platform.now();
    if (this.#store.fact("once") !== undefined) {
      await this.ctx.storage.deleteAll();
      return;
    }
    try {
      this.#store.forgetRevokedBefore(now - REVOKED_KEPT_MS);
      await this.#work(now);
    } catch {
      platform.log({ event: "ledger-alarm-failed" });
      await this.ctx.storage.setAlarm(now + LEDGER_BACKOFF_MOST_MS);
    }
  }

  async #endNow(entries: readonly Entry[], budget: number): Promise<Outcome> {
    if (entries.length === 0) return ok(undefined);
    const now = platform.now();
    // Should this object be evicted in the middle, the alarm goes on. Not at once: it would ring while CometChat is being
    // asked here, and ask for each token a second time.
    this.#store.end(entries, now + LEDGER_BACKOFF_LEAST_MS);
    await this.#arm();
    let failed: Outcome = ok(undefined);
    await this.#within(budget, async (context) => {
      for (const entry of entries) {
        const ended = await this.#revoke(entry, context);
        if (!ended.ok) failed = ended;
      }
    });
    await this.#arm();
    return failed;
  }

  /** Revokes what is due, and sets the alarm for what is next. */
  async #work(now: number): Promise<void> {
    await this.#within(ALARM_MS, async (context) => {
      const { chats } = await this.#open();
      for (const entry of this.#store.due(now, ALARM_BATCH)) {
        // Near CometChat's rate limit, what nobody waits for waits.
        if (chats.get(entry.app)?.spare() === false) this.#store.end([entry], now + LEDGER_BACKOFF_LEAST_MS);
        else await this.#revoke(entry, context);
      }
    });
    await this.#arm();
  }

  async #revoke(entry: Entry, context: Context): Promise<Outcome> {
    const uid = this.#store.fact("uid") ?? "";
    const { seal, chats } = await this.#open();
    const chat = chats.get(entry.app);
    if (!chat) {
      platform.log({ event: "ledger-app-gone", app: entry.app, remedy: "Its tokens can no longer be revoked." });
      this.#store.remove(entry.id);
      return ok(undefined);
    }
    const token = await seal.open(new Uint8Array(entry.sealed), uid);
    // A token that no longer opens (its key was rotated out) cannot be named: all of the user's are ended instead,
    // since none that should end may live on. Their owners ask for new ones.
    const revoked = token === undefined ? await chat.flush(uid, context) : await chat.revoke(uid, token, context);
    const gone = revoked.ok || revoked.error.reason === "upstream-uid-unknown";
    if (gone && token === undefined) this.#store.removeApp(entry.app);
    else if (gone) this.#store.remove(entry.id);
    else this.#store.postpone(entry, platform.now() + backoff(entry.attempts));
    return gone ? ok(undefined) : revoked;
  }

  /** The alarm stands at the earliest due time, or there is none. */
  async #arm(): Promise<void> {
    const due = this.#store.nextDue();
    if (due === undefined) await this.ctx.storage.deleteAlarm();
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
