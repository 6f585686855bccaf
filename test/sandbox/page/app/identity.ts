import { createStore, type Store } from "./store.ts";

/** A request to sign in: the user, and the kind of session that the provider is to issue. */
interface Wish {
  subject: string;
  name: string;
  picture: string;
  kind: string;
}

export interface Login {
  subject: string;
  name: string;
  picture: string;
  /** The provider's id of this login. It is the same after the session is refreshed. */
  sid: string;
}

interface Issued {
  session: string;
  claims: Record<string, unknown>;
}

/**
 * The part that the library of an identity provider has in an application. It knows who is signed in, and returns a
 * session. The session is in memory only. All tabs share the login, and each tab has a session of its own.
 */
export interface Identity {
  login: Store<Login | undefined>;
  issued: Store<Issued | undefined>;
  /** Whether the last request for a session did not reach the provider. */
  unreachable: Store<boolean>;
  signIn: (wish: Wish) => Promise<void>;
  /** Returns the session, a new one if it is about to expire, or undefined if the login has ended. */
  session: () => Promise<string | undefined>;
  /** Forgets the login in all tabs, if it still has this `sid`. The provider does not learn of it. */
  forget: (sid?: string) => void;
  /** Signs out at the provider, which sends a logout token to the gateway. Returns the gateway's status. */
  signOut: () => Promise<number>;
}

const PLACE = "sandbox-login";
/** A session that expires within this time is refreshed first. */
const MARGIN_MS = 5_000;

/** @param onOtherTab called when another tab has signed in (with the login) or has signed out (with undefined) */
export function createIdentity(issuer: string, onOtherTab: (login: Login | undefined) => void): Identity {
  const login = createStore<Login | undefined>(remembered());
  const issued = createStore<Issued | undefined>(undefined);
  const unreachable = createStore(false);

  window.addEventListener("storage", ({ key }) => {
    if (key !== PLACE && key !== null) return;
    const now = remembered();
    if (now?.sid === login.get()?.sid) return;
    if (now) {
      issued.set(undefined);
      login.set(now);
    }
    onOtherTab(now);
  });

  async function post(path: string, body: unknown): Promise<Response> {
    return fetch(issuer + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  function forget(sid = login.get()?.sid): void {
    if (login.get()?.sid !== sid) return;
    // In the meantime, another tab may have signed in another user.
    if (remembered()?.sid === sid) localStorage.removeItem(PLACE);
    issued.set(undefined);
    login.set(undefined);
  }

  return {
    login,
    issued,
    unreachable,
    forget,
    async signIn(wish) {
      const answer = await post("/sessions", wish).catch(() => undefined);
      if (!answer) throw new Error("The identity provider cannot be reached.");
      if (!answer.ok) throw new Error(`The identity provider answers ${answer.status}.`);
      const given = (await answer.json()) as Issued;
      const { subject, name, picture } = wish;
      const next = { subject, name, picture, sid: String(given.claims.sid) };
      localStorage.setItem(PLACE, JSON.stringify(next));
      issued.set(given);
      login.set(next);
    },
    async session() {
      const who = login.get();
      if (!who) return undefined;
      const current = issued.get();
      if (current && Number(current.claims.exp) * 1000 > Date.now() + MARGIN_MS) return current.session;
      const answer = await post("/sessions/refresh", { sid: who.sid }).catch(() => undefined);
      unreachable.set(answer === undefined || answer.status >= 500);
      // The login has ended at the provider, so another attempt is of no use.
      if (answer?.status === 401) return undefined;
      if (!answer?.ok) throw new Error("The identity provider does not issue a session.");
      const given = (await answer.json()) as Issued;
      if (login.get()?.sid === who.sid) issued.set(given);
      return given.session;
    },
    async signOut() {
      const { subject, sid } = login.get() ?? {};
      const answer = await post("/logout", { subject, sid });
      // Whatever the gateway answered, the login has ended at the provider.
      if (answer.status !== 503) issued.set(undefined);
      return ((await answer.json()) as { status?: number }).status ?? answer.status;
    },
  };
}

function remembered(): Login | undefined {
  const text = localStorage.getItem(PLACE);
  return text ? (JSON.parse(text) as Login) : undefined;
}
