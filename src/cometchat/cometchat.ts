import type { Context, Deps } from "../context.ts";
import type { GatewayError, Reason } from "../errors.ts";
import type { Result } from "../result.ts";
import { createBreaker } from "./breaker.ts";
import { createClient } from "./client.ts";
import type { Unsettable } from "./fields.ts";
import { watched } from "./lastfault.ts";
import { createPresence, type Presence } from "./presence.ts";
import { createQuota } from "./quota.ts";
import { createSend, type Send } from "./resilience.ts";
import { createRoles } from "./roles.ts";
import { createTokens } from "./tokens.ts";
import type { App, Profile, User } from "./types.ts";
import { createUsers } from "./users.ts";

export type { Profile } from "./types.ts";

/**
 * One CometChat app. Every call can fail with the reasons `upstream-*`; a uid outside `a-z 0-9 _ -` or over 100
 * characters is `uid-form`, and nothing is called.
 */
export interface CometChat {
  readonly app: App;
  readonly presence: Presence;
  /**
   * Fails with `upstream-uid-exists` where the uid is taken, by a deactivated user too. Where an answer was lost and
   * the user then exists, its token is minted: it counts as created. Without a token to bring it fails as taken. A role
   * that CometChat does not have is left out; see `knows`.
   */
  create(
    uid: string,
    profile: Profile & { name: string },
    options: { withAuthToken: boolean },
    context: Context,
  ): Promise<Result<{ authToken: string | undefined }, GatewayError>>;
  /** A new auth token; `upstream-uid-unknown` where the user is missing or deactivated. */
  mint(uid: string, context: Context): Promise<Result<string, GatewayError>>;
  get(uid: string, context: Context): Promise<Result<User, GatewayError>>;
  update(
    uid: string,
    profile: Profile,
    unset: readonly Unsettable[],
    context: Context,
  ): Promise<Result<User, GatewayError>>;
  /** Succeeds for a user that is deactivated already. */
  deactivate(uid: string, context: Context): Promise<Result<void, GatewayError>>;
  reactivate(uid: string, context: Context): Promise<Result<void, GatewayError>>;
  isDeactivated(uid: string, context: Context): Promise<Result<boolean, GatewayError>>;
  /** Whether the user is there, deactivated or not. */
  has(uid: string, context: Context): Promise<Result<boolean, GatewayError>>;
  /** An unknown token or somebody else's counts as revoked; `upstream-uid-unknown` where the user is missing or deactivated. */
  revoke(uid: string, authToken: string, context: Context): Promise<Result<void, GatewayError>>;
  flush(uid: string, context: Context): Promise<Result<void, GatewayError>>;
  /** Whether there is room for calls that can wait: profile sync, revocation of expired tokens. */
  hasRoom(): boolean;
  /** False for a role that CometChat lately said it does not have. */
  knows(role: string): boolean;
  /** Why nobody of this app is served at the moment, as this isolate last saw it; for /readyz. */
  lastFault(): Reason | undefined;
}

/** What an isolate knows of one app, its limits and faults included, lives in this closure; apps share nothing. */
export function createCometChat(app: App, deps: Deps): CometChat {
  const breaker = createBreaker(deps.now, (state) => deps.log({ event: "cometchat-breaker", app: app.name, state }));
  const quota = createQuota(deps.now);
  const { send: watchedSend, lastFault } = watched(createSend(createClient(app, deps), breaker, quota, deps), deps.now);
  const send: Send = (call, context) => {
    Object.assign(context.timing.names, { app: app.name, region: app.region });
    return watchedSend(call, context);
  };
  const roles = createRoles(deps.now, (role) =>
    deps.log({
      event: "cometchat-role-unknown",
      app: app.name,
      role,
      remedy: "Users go without this role: create it in CometChat, or mend the issuer's roles table.",
    }),
  );
  const tokens = createTokens(send);
  const users = createUsers(send, roles, tokens.mint);
  const presence = createPresence(deps.now);
  const { arrived, left, lost } = presence;
  return {
    app,
    presence,
    ...users,
    ...tokens,
    create: (uid, ...rest) =>
      presence.create(uid, async () => {
        const created = await users.create(uid, ...rest);
        if (created.ok) arrived(uid);
        else if (created.error.reason !== "upstream-uid-exists") lost(uid);
        return created;
      }),
    mint: (uid, context) => told(tokens.mint(uid, context), () => arrived(uid)),
    reactivate: (uid, context) => told(users.reactivate(uid, context), () => arrived(uid)),
    deactivate: (uid, context) => told(users.deactivate(uid, context), () => left(uid)),
    hasRoom: () => breaker.admits() && quota.hasRoom(),
    lastFault,
    knows: roles.known,
  };
}

/** Tells of a success before its caller hears of it. */
async function told<T>(answer: Promise<Result<T, GatewayError>>, tell: () => void): Promise<Result<T, GatewayError>> {
  const result = await answer;
  if (result.ok) tell();
  return result;
}
