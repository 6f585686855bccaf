import type { Context, Deps } from "../context.ts";
import type { GatewayError, Reason } from "../errors.ts";
import type { Result } from "../result.ts";
import { createBreaker } from "./breaker.ts";
import { createClient } from "./client.ts";
import { createExistence, type Existence } from "./existence.ts";
import type { Unsettable } from "./fields.ts";
import { watched } from "./lastfault.ts";
import { createQuota } from "./quota.ts";
import { createSend, type Send } from "./resilience.ts";
import { createRoles } from "./roles.ts";
import { createTokens } from "./tokens.ts";
import type { App, Profile, User } from "./types.ts";
import { createUsers } from "./users.ts";

export type { Profile } from "./types.ts";

/**
 * The calls to one CometChat app. All can fail with the reasons `upstream-*`. A uid that is not valid (`a-z 0-9 _ -`,
 * at most 100 characters) fails with `uid-form`, without a call.
 */
export interface CometChat {
  readonly app: App;
  readonly existence: Existence;
  /**
   * Creates a user. Fails with `upstream-uid-exists` if the uid is taken, also by a deactivated user. If an answer was
   * lost and the retry finds the user, the user counts as created and its token is minted; without `withAuthToken` the
   * call then fails with `upstream-uid-exists`. A role that CometChat does not know is left out; see `hasRole`.
   */
  create(
    uid: string,
    profile: Profile & { name: string },
    options: { withAuthToken: boolean },
    context: Context,
  ): Promise<Result<{ authToken: string | undefined }, GatewayError>>;
  /** Mints a new auth token. Fails with `upstream-uid-unknown` if the user is missing or deactivated. */
  mint(uid: string, context: Context): Promise<Result<string, GatewayError>>;
  get(uid: string, context: Context): Promise<Result<User, GatewayError>>;
  update(
    uid: string,
    profile: Profile,
    unset: readonly Unsettable[],
    context: Context,
  ): Promise<Result<User, GatewayError>>;
  /** Deactivates a user. Succeeds for a user that is deactivated already. */
  deactivate(uid: string, context: Context): Promise<Result<void, GatewayError>>;
  reactivate(uid: string, context: Context): Promise<Result<void, GatewayError>>;
  isDeactivated(uid: string, context: Context): Promise<Result<boolean, GatewayError>>;
  /** Whether the user exists, deactivated or not. */
  has(uid: string, context: Context): Promise<Result<boolean, GatewayError>>;
  /**
   * Revokes one token. Succeeds for an unknown token and for another user's, which it leaves alone. Fails with
   * `upstream-uid-unknown` if the user is missing or deactivated.
   */
  revoke(uid: string, authToken: string, context: Context): Promise<Result<void, GatewayError>>;
  /** Revokes all tokens of the user. */
  flush(uid: string, context: Context): Promise<Result<void, GatewayError>>;
  /** Whether the rate limit has room for calls that can wait: profile sync, and the revocation of expired tokens. */
  hasRoom(): boolean;
  /** False if CometChat recently answered that it does not know this role. */
  hasRole(role: string): boolean;
  /** The last fault of this isolate's calls that concerns the whole app, for /readyz; undefined if there is none. */
  lastFault(): Reason | undefined;
}

/**
 * Makes the client of one app. It keeps what this isolate knows of the app: rate limit, faults, roles. Apps share
 * nothing.
 */
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
      remedy: "Users are created without this role: create it in CometChat, or correct roles in SESSION_ISSUERS.",
    }),
  );
  const tokens = createTokens(send);
  const users = createUsers(send, roles, tokens.mint);
  const existence = createExistence(deps.now);
  const { seen, deactivated, createLost } = existence;
  return {
    app,
    existence,
    ...users,
    ...tokens,
    create: (uid, ...rest) =>
      existence.create(uid, async () => {
        const created = await users.create(uid, ...rest);
        if (created.ok) seen(uid);
        else if (created.error.reason !== "upstream-uid-exists") createLost(uid);
        return created;
      }),
    mint: (uid, context) => afterSuccess(tokens.mint(uid, context), () => seen(uid)),
    reactivate: (uid, context) => afterSuccess(users.reactivate(uid, context), () => seen(uid)),
    deactivate: (uid, context) => afterSuccess(users.deactivate(uid, context), () => deactivated(uid)),
    hasRoom: () => breaker.admits() && quota.hasRoom(),
    lastFault,
    hasRole: roles.has,
  };
}

/** Calls `act` after a success, before the caller gets the answer. */
async function afterSuccess<T>(
  answer: Promise<Result<T, GatewayError>>,
  act: () => void,
): Promise<Result<T, GatewayError>> {
  const result = await answer;
  if (result.ok) act();
  return result;
}
