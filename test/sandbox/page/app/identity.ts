import { createStore, type Store } from "./store.ts";

/** Who signs in, and with which kind of session. */
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
  /** The provider's name for this login; it stays when the session is renewed. */
  sid: string;
}

interface Issued {
  session: string;
  claims: Record<string, unknown>;
}

/**
 * What an application has from its identity provider's library: who is signed in, and a session whenever one is asked
 * for. The session itself stays in memory; every tab has its own, of the same login.
 */
export interface Identity {
  login: Store<Login | undefined>;
  issued: Store<Issued | undefined>;
  /** Whether the provider could not be reached when a session was last asked for. */
  unreachable: Store<boolean>;
  signIn: (wish: Wish) => Promise<void>;
  /** The current session, a new one where it is about to expire, or nothing where the login has ended. */
  session: () => Promise<string | undefined>;
  /**
   * Forgets the login, or only if it still is the one that is named, here and in the other tabs. The provider is not told.
   */
  forget: (sid?: string) => void;
  /** Signs out at the provider, which tells the gateway. What the gateway answered. */
  signOut: () => Promise<number>;
}

const PLACE = "sandbox-login";
/** A session that would expire on its way is renewed first. */
const MARGIN_MS = 5_000;

/** @param onOtherTab hears that another tab has signed out, or whom it has signed in */
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
    // Another tab may have signed somebody else in meanwhile.
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
      const held = issued.get();
      if (held && Number(held.claims.exp) * 1000 > Date.now() + MARGIN_MS) return held.session;
      const answer = await post("/sessions/refresh", { sid: who.sid }).catch(() => undefined);
      unreachable.set(answer === undefined || answer.status >= 500);
      // Its login has ended: that is an answer, and nothing to try again.
      if (answer?.status === 401) return undefined;
      if (!answer?.ok) throw new Error("The identity provider gives no session.");
      const given = (await answer.json()) as Issued;
      if (login.get()?.sid === who.sid) issued.set(given);
      return given.session;
    },
    async signOut() {
      const { subject, sid } = login.get() ?? {};
      const answer = await post("/logout", { subject, sid });
      // Whatever the gateway said: at the provider this login has ended.
      if (answer.status !== 503) issued.set(undefined);
      return ((await answer.json()) as { status?: number }).status ?? answer.status;
    },
  };
}

function remembered(): Login | undefined {
  const text = localStorage.getItem(PLACE);
  return text ? (JSON.parse(text) as Login) : undefined;
}
