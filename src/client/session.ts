import { GatewayError } from "./error.ts";
import { errorFrom } from "./refusal.ts";
import { ATTEMPTS, callGateway, type GetSession, pause, type Transport, throwIfAborted } from "./request.ts";
import type { ChatOptions, ChatSession, ChatState, ChatToken, Session } from "./types.ts";
import { differentUsers } from "./user.ts";

/** A sign-in that is not complete yet. */
interface SignIn {
  promise: Promise<ChatToken>;
  readonly stop: AbortController;
  /** Whether `signIn` was called again since the session was last compared; the user may have changed in between. */
  joined: boolean;
  /** Whether CometChat ended the token, so that a fresh one is needed. */
  revoked: boolean;
}

/** An auth token, and the session for which the gateway gave it. */
interface Grant {
  readonly token: ChatToken;
  readonly session: string | undefined;
}

/** How often one sign-in asks for a token, since the session may become another user's meanwhile. */
const ROUNDS = 5;

/**
 * Creates a chat session, which signs the app's user in to CometChat: it sends the app's session JWT to the gateway and
 * passes the auth token of the answer to the app's own `login`. No request is made before `signIn` is called.
 */
export function createChatSession(options: ChatOptions): ChatSession {
  const transport: Transport = {
    gateway: options.gateway.replace(/\/+$/, ""),
    // The global `fetch` is looked up at each call, since pages and tests replace it.
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    sleep: options.sleep ?? ((ms) => new Promise((done) => setTimeout(done, ms))),
    now: options.now ?? Date.now,
  };
  const listeners = new Set<(state: ChatState) => void>();
  let state: ChatState = { status: "signed-out" };
  let current: SignIn | undefined;
  /** Ends with the last call of the app's `login` or `logout`. */
  let lastCall: Promise<unknown> = Promise.resolve();
  let signingOut: { readonly everywhere: boolean; done: Promise<void> } | undefined;
  /** The last token, until it has ended or is replaced. */
  let grant: Grant | undefined;
  /**
   * Whether the app knows that it is signed out, by `signOut` or by a rejected sign-in. `revoked` does nothing then.
   */
  let signedOut = false;

  function change(next: ChatState): void {
    state = next;
    for (const listener of listeners) {
      try {
        listener(state);
      } catch (error) {
        // The listener is the app's code: its error must not end a sign-in.
        console.error(error);
      }
    }
  }

  const getSession: GetSession = async () => {
    if (!options.session) return;
    let session: Session;
    try {
      session = await options.session();
    } catch {
      // The error of a provider's library may contain the session, so nothing of it is passed on.
      throw new GatewayError("network");
    }
    if (!session) throw new GatewayError("session-missing", 401);
    return session;
  };

  /** Runs the app's `login` and `logout` one after the other, so that a slow login cannot complete after its logout. */
  function inOrder<T>(work: () => T | Promise<T>): Promise<T> {
    const done = lastCall.then(work);
    lastCall = done.catch(() => undefined);
    return done;
  }

  async function logOut(): Promise<void> {
    try {
      await inOrder(() => options.logout?.());
    } catch (cause) {
      const error = errorFrom("logout", cause, grant?.token.authToken);
      // Being logged out is what was wanted. Both spellings occur in CometChat's SDKs.
      if (!/USER_NOT_LOGG?ED_IN/.test(error.message)) throw error;
    }
  }

  /**
   * Whether the app's session now is of another user than the session `sent`. Rejects if the app has no session any
   * more.
   */
  async function userChanged(sent: string | undefined): Promise<boolean> {
    if (!sent) return false;
    // If the provider is down, the user is taken to be the same.
    const latest = () => getSession().catch((error: GatewayError) => (error.status ? Promise.reject(error) : sent));
    const now = await latest();
    // Sessions that are no JWTs can only be compared as texts. If the app makes a new one at each call, even for the
    // same user, two calls differ and tell nothing; the user is then taken to be the same, or the sign-in would never
    // end.
    return differentUsers(sent, now) ?? now === (await latest());
  }

  /**
   * Calls the app's `login`. Resolves with true once the user is logged in, with false if the session has become
   * another user's, and with an error if CometChat does not know the token.
   */
  async function logIn(own: SignIn, { token, session }: Grant): Promise<boolean | GatewayError> {
    const { signal } = own.stop;
    const attempt = async () => {
      if (await userChanged(session)) return false;
      throwIfAborted(signal);
      own.joined = own.revoked = false;
      const user = Object(await options.login(token)) as { getUid?: () => string };
      // Some SDKs resolve with the user who was logged in before, although the token is another user's.
      if ((user.getUid?.() ?? token.uid).toLowerCase() !== token.uid) throw new Error("already logged in");
      return true;
    };
    for (let tries = 0; ; tries += 1) {
      try {
        return await inOrder(attempt);
      } catch (cause) {
        if (cause instanceof GatewayError) throw cause;
        const error = errorFrom("login", cause, token.authToken);
        const message = error.message;
        if (message.includes("AUTH_ERR_AUTH_TOKEN_NOT_FOUND")) return error;
        if (tries === ATTEMPTS - 1 || !/FAILED_TO_FETCH|LOGIN_IN_PROGRESS|already.*log/i.test(message)) throw error;
        if (/already/i.test(message)) await logOut().catch(() => undefined);
        await pause(transport, signal, tries);
      }
    }
  }

  /** Runs one sign-in. `wasSignedIn`: a token is there already, and may still be this user's. */
  async function run(own: SignIn, wasSignedIn: unknown): Promise<ChatToken> {
    const { signal } = own.stop;
    try {
      await signingOut?.done.catch(() => undefined);
      if (wasSignedIn && grant) {
        const obsolete =
          Date.parse(grant.token.expiresAt ?? "") <= transport.now() || (await userChanged(grant.session));
        if (!obsolete && !own.revoked) return finish(own, grant.token);
        throwIfAborted(signal);
        change({ status: "signing-in" });
        // The former user must not stay logged in on this page, even if the new sign-in fails.
        if (obsolete) await logOut().catch(() => undefined);
      }
      for (let round = 0, fresh = false; round < ROUNDS; round += 1) {
        fresh ||= own.revoked;
        const { body: token, session } = await callGateway<ChatToken>(
          transport,
          getSession,
          signal,
          "POST",
          "/v1/token",
          fresh && { fresh },
        );
        grant = { token, session };
        const outcome = await logIn(own, grant);
        throwIfAborted(signal);
        if (outcome === true) {
          if (!own.joined || (!(await userChanged(session)) && !own.revoked)) return finish(own, token);
        } else if (outcome) {
          // CometChat does not know a fresh token either, so the sign-in fails. The SDK fires `logoutSuccess` for this,
          // too; the `revoked()` call that it causes must not begin another sign-in.
          signedOut = fresh;
          if (signedOut) throw outcome;
          fresh = true;
        }
      }
      throw new GatewayError("aborted");
    } catch (cause) {
      const error = cause as GatewayError;
      if (current === own) {
        current = undefined;
        if (own.revoked && error.status === 401) {
          signedOut = true;
          change({ status: "signed-out", error });
          await logOut().catch(() => undefined);
        } else change({ status: "failed", error });
      }
      throw error;
    }
  }

  function finish(own: SignIn, token: ChatToken): ChatToken {
    throwIfAborted(own.stop.signal);
    current = undefined;
    const { uid, appId, region } = token;
    if (state.status !== "signed-in") change({ status: "signed-in", user: { uid, appId, region } });
    return token;
  }

  function begin(revoked: boolean): Promise<ChatToken> {
    signedOut = false;
    if (current) {
      current.joined = true;
      current.revoked ||= revoked;
      return current.promise;
    }
    // JavaScript cannot read a session in a cookie, so only the gateway knows whose it is.
    const wasSignedIn = state.status === "signed-in" && !revoked && options.session;
    const own = { stop: new AbortController(), joined: false, revoked } as SignIn;
    current = own;
    if (!wasSignedIn) change({ status: "signing-in" });
    own.promise = new Promise((resolve, reject) => {
      own.stop.signal.onabort = () => reject(new GatewayError("aborted"));
      run(own, wasSignedIn).then(resolve, reject);
    });
    return own.promise;
  }

  async function end(everywhere: boolean): Promise<void> {
    const ended = grant;
    // The gateway ends a token only for the user it belongs to. If the app's user has changed, the session that the
    // token was given for is sent instead.
    const sessionOfToken: GetSession = async () => {
      const session = await getSession();
      return differentUsers(ended?.session, session) ? ended?.session : session;
    };
    const body = !everywhere && ended && { authToken: ended.token.authToken };
    try {
      await callGateway(
        transport,
        sessionOfToken,
        new AbortController().signal,
        "DELETE",
        everywhere ? "/v1/tokens" : "/v1/token",
        body,
      );
    } catch (error) {
      // Status 400 asks for the token to be named. If this page was given none, there is nothing to end.
      if (ended || (error as GatewayError).status !== 400) throw error;
    }
    if (grant === ended) grant = undefined;
  }

  return {
    signIn: () => begin(false),

    async revoked() {
      if (!signedOut) await begin(true);
    },

    signOut({ everywhere = false } = {}) {
      const previous = signingOut;
      signedOut = true;
      current?.stop.abort();
      current = undefined;
      if (state.status !== "signed-out") change({ status: "signed-out" });
      if (previous && (previous.everywhere || !everywhere)) return previous.done;
      const work = async () => {
        await previous?.done.catch(() => undefined);
        const outcomes = await Promise.allSettled([end(everywhere), previous || logOut()]);
        if (signingOut === own) signingOut = undefined;
        for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
      };
      const own = { everywhere, done: Promise.resolve() };
      signingOut = own;
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
