import type { GatewayError } from "./error.ts";

/** The CometChat user that is signed in. */
export interface ChatUser {
  readonly uid: string;
  readonly appId: string;
  readonly region: "us" | "eu" | "in";
}

/** What the gateway answers: a CometChat auth token and whose it is. */
export interface ChatToken extends ChatUser {
  readonly authToken: string;
  /** Whether this call created the CometChat user. */
  readonly created: boolean;
  /** When the gateway ends the token, in ISO 8601; only where it is configured to. */
  readonly expiresAt?: string;
}

/** A new object at each change, and the same one in between. Holds no token. */
export interface ChatState {
  readonly status: "signed-out" | "signing-in" | "signed-in" | "failed";
  readonly user?: ChatUser;
  readonly error?: GatewayError;
}

export interface ChatOptions {
  /** Where the gateway is: `https://chat-auth.example.com`. */
  readonly gateway: string;
  /**
   * The app's session JWT at this moment; nothing where there is none. Asked for at each attempt, and again before a
   * login, since the user may have changed meanwhile. Left out: the session is in a cookie.
   */
  readonly session?: () => Session | Promise<Session>;
  /** Logs the user in to CometChat: by the SDK, a UI Kit or the Widget. */
  readonly login: (token: ChatToken) => unknown;
  /** Logs the user out of CometChat. */
  readonly logout?: () => unknown;
  /** Replaces the global `fetch`. */
  readonly fetch?: (input: string, init: RequestInit) => Promise<Response>;
  /** Replaces waiting by timer; takes milliseconds. */
  readonly sleep?: (ms: number) => Promise<unknown>;
  /** Replaces `Date.now`. */
  readonly now?: () => number;
}

export type Session = string | null | undefined;

export interface ChatSession {
  /**
   * Signs in: one request and one login for any number of callers at the same time, and none where this user is signed
   * in already. Rejects with a `GatewayError`.
   */
  signIn(): Promise<ChatToken>;
  /**
   * Ends the auth token, or with `everywhere` all of the user's, and logs out of CometChat; each is done though the other
   * fails. Rejects with a `GatewayError` where one did; called again, it tries again.
   */
  signOut(options?: { readonly everywhere?: boolean }): Promise<void>;
  /**
   * For the SDK's `logoutSuccess`: gets a new token and logs in again. Does nothing after `signOut`, so the listener need
   * not tell the two apart. Rejects with a `GatewayError`; a 401 signs out.
   */
  revoked(): Promise<void>;
  readonly state: ChatState;
  /** Calls the listener at each change; what it returns ends that. */
  subscribe(listener: (state: ChatState) => void): () => void;
}
