import { GatewayError } from "./error.ts";
import { refusedBy } from "./refusal.ts";
import { type Ask, ATTEMPTS, proceed, reach, rest, type Wire } from "./request.ts";
import type { ChatOptions, ChatSession, ChatState, ChatToken, Session } from "./types.ts";
import { differ } from "./user.ts";

/** A sign-in under way. */
interface Flight {
  promise: Promise<ChatToken>;
  readonly stop: AbortController;
  /** Whether somebody asked for a sign-in since the session was last compared. */
  joined: boolean;
  /** Whether CometChat ended the token that this is to replace. */
  revoked: boolean;
}

/** A token, and the session it was given for. */
interface Given {
  readonly token: ChatToken;
  readonly session: string | undefined;
}

/** How often a sign-in may begin anew because the session became another user's. */
const ROUNDS = 5;

/** One user's sign-in to CometChat, from the app's session to the app's own login. */
export function createChatSession(options: ChatOptions): ChatSession {
  const wire: Wire = {
    gateway: options.gateway.replace(/\/+$/, ""),
    // Looked up at each call: pages and tests replace it.
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    sleep: options.sleep ?? ((ms) => new Promise((done) => setTimeout(done, ms))),
    now: options.now ?? Date.now,
  };
  const listeners = new Set<(state: ChatState) => void>();
  let state: ChatState = { status: "signed-out" };
  let flight: Flight | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let leaving: { readonly everywhere: boolean; done: Promise<void> } | undefined;
  /** Kept until the token has ended, or another one has come. */
  let held: Given | undefined;
  /** Whether being signed out is no news: it was asked for, or has been told. */
  let left = false;

  function change(next: ChatState): void {
    state = next;
    for (const listener of listeners) {
      try {
        listener(state);
      } catch (error) {
        // The app's own, and no reason to end a sign-in.
        console.error(error);
      }
    }
  }

  const ask: Ask = async () => {
    if (!options.session) return;
    let session: Session;
    try {
      session = await options.session();
    } catch {
      // Not a word of what a provider's library rejects with: it may hold the session.
      throw new GatewayError("network");
    }
    if (!session) throw new GatewayError("session-missing", 401);
    return session;
  };

  /** One call of the app's own at a time: a login that came after its logout would win. */
  function inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  }

  async function logOut(): Promise<void> {
    try {
      await inTurn(() => options.logout?.());
    } catch (cause) {
      const error = refusedBy("logout", cause, held?.token.authToken);
      // The SDK's own spelling. The end is the same.
      if (!/USER_NOT_LOGG?ED_IN/.test(error.message)) throw error;
    }
  }

  /** Whether the session is another user's by now. Rejects where there is none any more. */
  async function changed(sent: string | undefined): Promise<boolean> {
    if (!sent) return false;
    // A provider that is down says nothing of who its user is.
    const again = () => ask().catch((error: GatewayError) => (error.status ? Promise.reject(error) : sent));
    const current = await again();
    // Of two texts that are no JWTs: an app that makes a new one at each call would never be done.
    return differ(sent, current) ?? current === (await again());
  }

  /** False where the session has become another user's, the refusal where CometChat does not know the token. */
  async function logIn(own: Flight, { token, session }: Given): Promise<boolean | GatewayError> {
    const { signal } = own.stop;
    const attempt = async () => {
      if (await changed(session)) return false;
      proceed(signal);
      own.joined = own.revoked = false;
      const user = Object(await options.login(token)) as { getUid?: () => string };
      // Some SDKs resolve with the user who is logged in already.
      if ((user.getUid?.() ?? token.uid).toLowerCase() !== token.uid) throw new Error("already logged in");
      return true;
    };
    for (let tries = 0; ; tries += 1) {
      try {
        return await inTurn(attempt);
      } catch (cause) {
        if (cause instanceof GatewayError) throw cause;
        const error = refusedBy("login", cause, token.authToken);
        const told = error.message;
        if (told.includes("AUTH_ERR_AUTH_TOKEN_NOT_FOUND")) return error;
        if (tries === ATTEMPTS - 1 || !/FAILED_TO_FETCH|LOGIN_IN_PROGRESS|already.*log/i.test(told)) throw error;
        if (/already/i.test(told)) await logOut().catch(() => undefined);
        await rest(wire, signal, tries);
      }
    }
  }

  async function run(own: Flight, quiet: unknown): Promise<ChatToken> {
    const { signal } = own.stop;
    try {
      await leaving?.done.catch(() => undefined);
      if (quiet && held) {
        const other = Date.parse(held.token.expiresAt ?? "") <= wire.now() || (await changed(held.session));
        if (!other && !own.revoked) return finish(own, held.token);
        proceed(signal);
        change({ status: "signing-in" });
        // Whatever comes now, this page is not the former user's any more.
        if (other) await logOut().catch(() => undefined);
      }
      for (let round = 0, fresh = false; round < ROUNDS; round += 1) {
        fresh ||= own.revoked;
        const { body: token, session } = await reach<ChatToken>(
          wire,
          ask,
          signal,
          "POST",
          "/v1/token",
          fresh && { fresh },
        );
        held = { token, session };
        const outcome = await logIn(own, held);
        proceed(signal);
        if (outcome === true) {
          if (!own.joined || (!(await changed(session)) && !own.revoked)) return finish(own, token);
        } else if (outcome) {
          // The SDK says so by `logoutSuccess` as well, which is no reason to begin anew.
          left = fresh;
          if (left) throw outcome;
          fresh = true;
        }
      }
      throw new GatewayError("aborted");
    } catch (cause) {
      const error = cause as GatewayError;
      if (flight === own) {
        flight = undefined;
        if (own.revoked && error.status === 401) {
          left = true;
          change({ status: "signed-out", error });
          await logOut().catch(() => undefined);
        } else change({ status: "failed", error });
      }
      throw error;
    }
  }

  function finish(own: Flight, token: ChatToken): ChatToken {
    proceed(own.stop.signal);
    flight = undefined;
    const { uid, appId, region } = token;
    if (state.status !== "signed-in") change({ status: "signed-in", user: { uid, appId, region } });
    return token;
  }

  function enter(revoked: boolean): Promise<ChatToken> {
    left = false;
    if (flight) {
      flight.joined = true;
      flight.revoked ||= revoked;
      return flight.promise;
    }
    // A session in a cookie cannot be compared: whose it is, only the gateway can tell.
    const quiet = state.status === "signed-in" && !revoked && options.session;
    const own = { stop: new AbortController(), joined: false, revoked } as Flight;
    flight = own;
    if (!quiet) change({ status: "signing-in" });
    own.promise = new Promise((resolve, reject) => {
      own.stop.signal.onabort = () => reject(new GatewayError("aborted"));
      run(own, quiet).then(resolve, reject);
    });
    return own.promise;
  }

  async function end(everywhere: boolean): Promise<void> {
    const ended = held;
    // The gateway ends a token for its own user only, who may have changed.
    const whose: Ask = async () => {
      const session = await ask();
      return differ(ended?.session, session) ? ended?.session : session;
    };
    const body = !everywhere && ended && { authToken: ended.token.authToken };
    try {
      await reach(wire, whose, new AbortController().signal, "DELETE", everywhere ? "/v1/tokens" : "/v1/token", body);
    } catch (error) {
      // It asks for the token, and there is none: nothing was given to this page.
      if (ended || (error as GatewayError).status !== 400) throw error;
    }
    if (held === ended) held = undefined;
  }

  return {
    signIn: () => enter(false),

    async revoked() {
      if (!left) await enter(true);
    },

    signOut({ everywhere = false } = {}) {
      const before = leaving;
      left = true;
      flight?.stop.abort();
      flight = undefined;
      if (state.status !== "signed-out") change({ status: "signed-out" });
      if (before && (before.everywhere || !everywhere)) return before.done;
      const work = async () => {
        await before?.done.catch(() => undefined);
        const outcomes = await Promise.allSettled([end(everywhere), before || logOut()]);
        if (leaving === own) leaving = undefined;
        for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
      };
      const own = { everywhere, done: Promise.resolve() };
      leaving = own;
      own.done = work();
      return own.done;
    },

    get state() {
      return state;
    },

    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
