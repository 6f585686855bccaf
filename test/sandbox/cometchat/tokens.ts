import { type Answer, refuse, succeed } from "./answers.ts";
import type { Call, Handlers } from "./calls.ts";
import { paginate } from "./pages.ts";
import { flagProblem } from "./rules.ts";
import type { World } from "./world.ts";

/** The most tokens of a user. "Only the most recent 100 … are kept active" (CometChat docs, rest-api/auth-tokens). */
const window = 100;

export interface Token {
  authToken: string;
  uid: string;
  /** Unix seconds, for the answers. */
  createdAt: number;
  /** Milliseconds since 1970, for the lifetime. */
  at: number;
  deviceId?: string;
  /** The login's credential for a WebSocket. */
  jwt: string;
}

export interface Tokens {
  /** The tokens that work, newest first. */
  of: (uid: string) => Token[];
  find: (authToken: string) => Token | undefined;
  byJwt: (jwt: string) => Token | undefined;
  mint: (uid: string) => Token;
  revoke: (authToken: string) => void;
  flush: (uid: string) => void;
  clear: () => void;
}

export function tokenStore(
  now: () => number,
  lifetime: () => number | undefined,
  onMint?: (authToken: string) => void,
): Tokens {
  const byUid = new Map<string, Token[]>();
  const byValue = new Map<string, Token>();

  function live(token: Token): boolean {
    const seconds = lifetime();
    return seconds === undefined || now() < token.at + seconds * 1000;
  }

  return {
    of: (uid) => (byUid.get(uid) ?? []).filter(live).reverse(),
    find: (authToken) => {
      const token = byValue.get(authToken);
      return token && live(token) ? token : undefined;
    },
    byJwt: (jwt) => [...byValue.values()].find((token) => token.jwt === jwt && live(token)),
    mint: (uid) => {
      const at = now();
      const createdAt = Math.floor(at / 1000);
      const token = { authToken: `${uid}_${createdAt}${hex(15)}`, uid, createdAt, at, jwt: crypto.randomUUID() };
      const ofUser = byUid.get(uid) ?? [];
      ofUser.push(token);
      byUid.set(uid, ofUser);
      byValue.set(token.authToken, token);
      onMint?.(token.authToken);
      // It is unknown whether CometChat ends the oldest token at once. Here it does, so that tests find a client that
      // needs more than 100.
      for (const old of ofUser.splice(0, Math.max(0, ofUser.length - window))) byValue.delete(old.authToken);
      return token;
    },
    revoke: (authToken) => {
      const token = byValue.get(authToken);
      if (!token) return;
      byValue.delete(authToken);
      const kept = (byUid.get(token.uid) ?? []).filter((one) => one !== token);
      byUid.set(token.uid, kept);
    },
    flush: (uid) => {
      for (const token of byUid.get(uid) ?? []) byValue.delete(token.authToken);
      byUid.delete(uid);
    },
    clear: () => {
      byUid.clear();
      byValue.clear();
    },
  };
}

export function tokenCalls(world: World): Handlers {
  const { users, tokens } = world;

  /** A call for the tokens of a user. The user has to exist and must not be deactivated. */
  function ofUser(handle: (call: Call) => Answer) {
    return (call: Call) => (users.active(call.uid) ? handle(call) : refuse("ERR_UID_NOT_FOUND", { uid: call.uid }));
  }

  /** A call for one token. The token has to be that user's. */
  function ofToken(handle: (token: Token, call: Call) => Answer) {
    return ofUser((call) => {
      const token = tokens.find(call.item);
      if (!token) return refuse("ERR_AUTH_TOKEN_NOT_FOUND");
      if (token.uid !== call.uid) return refuse("ERR_AUTHTOKEN_NOT_ACCESSIBLE");
      return handle(token, call);
    });
  }

  return {
    mint: ofUser((call) => {
      const details = flagProblem(call.body, "force");
      if (Object.keys(details).length > 0) return refuse("ERR_BAD_REQUEST", {}, details);
      // The answer without `force` is not documented. Here it is an old token, so that tests find a missing `force`.
      const token = (call.body.force === true ? undefined : tokens.of(call.uid)[0]) ?? tokens.mint(call.uid);
      return succeed(view(token));
    }),
    tokens: ofUser((call) => paginate(tokens.of(call.uid).map(view), call.query)),
    token: ofToken((token) => succeed(view(token))),
    annotate: ofToken((token) => succeed(view(token))),
    revoke: ofToken((token) => {
      tokens.revoke(token.authToken);
      return succeed({ success: true, message: `Deleted Auth Token successfully for uid ${token.uid}.` });
    }),
    flush: ofUser((call) => {
      tokens.flush(call.uid);
      return succeed({ success: true, message: `Cleared Auth Tokens successfully for uid ${call.uid}.` });
    }),
  };
}

function view({ uid, authToken, createdAt }: Token) {
  return { uid, authToken, createdAt };
}

function hex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
