import type { GatewayError } from "./error.ts";

/** The CometChat user that is signed in. */
export interface ChatUser {
  readonly uid: string;
  readonly appId: string;
  readonly region: "us" | "eu" | "in";
}

/** The gateway's answer: a CometChat auth token and the user it belongs to. */
export interface ChatToken extends ChatUser {
  readonly authToken: string;
  /** Whether this call created the CometChat user. */
  readonly created: boolean;
  /** When the gateway will end the token (ISO 8601). Present only if the gateway is configured with `TOKENS.ttl`. */
  readonly expiresAt?: string;
}

/** The state of a chat session: a new object at each change, the same object in between. It contains no token. */
export interface ChatState {
  readonly status: "signed-out" | "signing-in" | "signed-in" | "failed";
  readonly user?: ChatUser;
  readonly error?: GatewayError;
}

export interface ChatOptions {
  /** The gateway's address: `https://chat-auth.example.com`. */
  readonly gateway: string;
  /**
   * Returns the app's present session JWT, or nothing if nobody is signed in. It is called at each attempt, and once
   * more before `login`, since the user may have changed meanwhile. Leave it out if the session is in a cookie.
   */
  readonly session?: () => Session | Promise<Session>;
  /** Logs the user in to CometChat, with the SDK, a UI Kit or the Widget. */
  readonly login: (token: ChatToken) => unknown;
  /** Logs the user out of CometChat. */
  readonly logout?: () => unknown;
  /** Replaces the global `fetch`. */
  readonly fetch?: (input: string, init: RequestInit) => Promise<Response>;
  /** Replaces the timer that waits before a retry; takes milliseconds. */
  readonly sleep?: (ms: number) => Promise<unknown>;
  /** Replaces `Date.now`. */
  readonly now?: () => number;
}

export type Session = string | null | undefined;

export interface ChatSession {
  /**
   * Signs in. Any number of calls at the same time cause one request and one login; a call for a user who is signed in
   * already causes none. Rejects with a `GatewayError`.
   */
  signIn(): Promise<ChatToken>;
  /**
   * Ends the auth token at the gateway (with `everywhere`, all auth tokens of the user) and logs out of CometChat. If
   * one of the two fails, the other is still done and the promise rejects with a `GatewayError`. Call it again to try
   * again. `state` says `signed-out` at once; when the promise resolves, both are done.
   */
  signOut(options?: { readonly everywhere?: boolean }): Promise<void>;
  /**
   * Call this from the SDK's `logoutSuccess` listener: it gets a new token and logs in again. It does nothing after
   * `signOut`, which fires the same listener. Rejects with a `GatewayError`; after a 401 the user is signed out.
   */
  revoked(): Promise<void>;
  readonly state: ChatState;
  /** Calls the listener with each new state. Returns a function that ends the subscription. */
  subscribe(listener: (state: ChatState) => void): () => void;
}
