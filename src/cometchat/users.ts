import type { Context } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { LIST_PAGE, LIST_PAGES } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { isObject } from "../shape.ts";
import { eachField, type Unsettable } from "./fields.ts";
import type { Send } from "./resilience.ts";
import type { Roles } from "./roles.ts";
import { dataOf, done, isAuthToken, pathOf } from "./shapes.ts";
import type { Profile, User } from "./types.ts";

const isText = (value: unknown) => typeof value === "string";
const isSeconds = (value: unknown) => typeof value === "number";

/** What is read of a user besides uid and name. zod's `catch` would say the same, and weigh 9 KB in the bundle. */
const FIELDS: Readonly<Record<Exclude<keyof User, "uid" | "name">, (value: unknown) => boolean>> = {
  ...eachField(({ is }) => is),
  statusMessage: isText,
  // Empty metadata comes back as `[]`.
  metadata: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  status: isText,
  createdAt: isSeconds,
  updatedAt: isSeconds,
  lastActiveAt: isSeconds,
  deactivatedAt: isSeconds,
};

/** A field that is not as documented is left out; only who it is must be right. */
const readUser =
  (uid: string) =>
  (body: unknown): User | undefined => {
    const data = dataOf(body);
    if (data?.uid !== uid || typeof data.name !== "string") return undefined;
    const sound = Object.entries(FIELDS).filter(([field, is]) => is(data[field]));
    return { uid, name: data.name, ...Object.fromEntries(sound.map(([field]) => [field, data[field]])) };
  };

/** `/users…`, for a call that holds the uid elsewhere. */
const collection = (uid: string, rest = "") => pathOf(uid) && `/users${rest}`;

type Posted = Result<{ authToken: string | undefined }, GatewayError>;
type Mint = (uid: string, context: Context) => Promise<Result<string, GatewayError>>;

/** Users of one app. https://www.cometchat.com/docs/rest-api/users */
export function createUsers(send: Send, roles: Roles, mint: Mint) {
  async function post(uid: string, profile: Profile, withAuthToken: boolean, context: Context): Promise<Posted> {
    let lost = false;
    const result: Posted = await send(
      {
        method: "POST",
        path: collection(uid),
        body: { uid, ...profile, ...(withAuthToken ? { withAuthToken } : {}) },
        lost: () => {
          lost = true;
        },
        read(body) {
          const { uid: whose, authToken } = dataOf(body) ?? {};
          if (whose !== uid) return undefined;
          if (!withAuthToken) return { authToken: undefined };
          // Created, but without the token that was asked for: asked again, CometChat says that the user exists.
          return isAuthToken(authToken) ? { authToken } : undefined;
        },
      },
      context,
    );
    // The answer of an earlier attempt was lost: most likely it was this call that created the user. Taken for a user
    // that was there before, a user that was just deleted upstream would look deactivated.
    if (!lost || !withAuthToken || result.ok || result.error.reason !== "upstream-uid-exists") return result;
    const minted = await mint(uid, context);
    if (minted.ok) return ok({ authToken: minted.value });
    return minted.error.reason === "upstream-uid-unknown" ? result : minted;
  }

  /** Whether a page of the list has the user; undefined where it does not, and there are more. */
  async function onPage(
    page: number,
    uid: string,
    which: "onlyDeactivated" | "withDeactivated",
    context: Context,
  ): Promise<Result<boolean | undefined, GatewayError>> {
    const query = new URLSearchParams({ [which]: "true", searchKey: uid, perPage: String(LIST_PAGE) });
    query.append("searchIn[]", "uid");
    query.set("page", String(page));
    const result = await send(
      {
        method: "GET",
        path: collection(uid, `?${query}`),
        read(body) {
          const users: unknown = isObject(body) ? body.data : undefined;
          return Array.isArray(users) && users.every(isObject) ? users : undefined;
        },
      },
      context,
    );
    if (!result.ok) return result;
    // The search is by prefix; only the exact uid counts.
    if (result.value.some((user) => user.uid === uid)) return ok(true);
    return ok(result.value.length < LIST_PAGE ? false : undefined);
  }

  async function isDeactivated(uid: string, context: Context): Promise<Result<boolean, GatewayError>> {
    for (let page = 1; page <= LIST_PAGES; page++) {
      const found = await onPage(page, uid, "onlyDeactivated", context);
      if (!found.ok) return found;
      if (found.value !== undefined) return ok(found.value);
    }
    return ok(false);
  }

  async function has(uid: string, context: Context): Promise<Result<boolean, GatewayError>> {
    const first = await onPage(1, uid, "withDeactivated", context);
    if (!first.ok) return first;
    if (first.value !== undefined) return ok(first.value);
    // Many uids begin like this one: those that are not deactivated can be asked for by name.
    const named = await send({ method: "GET", path: pathOf(uid), read: readUser(uid) }, context);
    if (named.ok) return ok(true);
    return named.error.reason === "upstream-uid-unknown" ? isDeactivated(uid, context) : named;
  }

  return {
    /** `POST /users`. A create whose answer was lost is sent again; told that the user exists, it mints. */
    async create(
      uid: string,
      profile: Profile & { name: string },
      options: { withAuthToken: boolean },
      context: Context,
    ): Promise<Posted> {
      const { role, ...rest } = profile;
      const granted = role !== undefined && roles.known(role);
      const first = await post(uid, granted ? profile : rest, options.withAuthToken, context);
      if (first.ok || !granted || first.error.reason !== "upstream-role") return unexpected(first);
      // A role that CometChat does not have is the operator's mistake, and the user is at the door: rather without it
      // than not at all. The refused call has done nothing, and the role is remembered, so the next user costs one call.
      roles.refuse(role);
      return unexpected(await post(uid, rest, options.withAuthToken, context));
    },

    /** `GET /users/{uid}`. A deactivated user is unknown here. */
    async get(uid: string, context: Context): Promise<Result<User, GatewayError>> {
      return send({ method: "GET", path: pathOf(uid), read: readUser(uid) }, context);
    },

    /** `PUT /users/{uid}`. Whether it merges metadata and tags is not documented: they are sent whole. */
    async update(
      uid: string,
      profile: Profile,
      unset: readonly Unsettable[],
      context: Context,
    ): Promise<Result<User, GatewayError>> {
      const body = { ...profile, ...(unset.length > 0 ? { unset } : {}) };
      const updated = await send({ method: "PUT", path: pathOf(uid), body, read: readUser(uid) }, context);
      if (!updated.ok && updated.error.reason === "upstream-role" && profile.role) roles.refuse(profile.role);
      return updated;
    },

    /** `DELETE /users/{uid}`, never permanent: the default too, should the body be lost on the way. */
    async deactivate(uid: string, context: Context): Promise<Result<void, GatewayError>> {
      const result = await send(
        { method: "DELETE", path: pathOf(uid), body: { permanent: false }, read: done },
        context,
      );
      if (result.ok) return ok(undefined);
      if (result.error.reason !== "upstream-uid-unknown") return result;
      // Deactivated already, by the attempt before whose answer was lost, say: that is what was asked for.
      const already = await isDeactivated(uid, context);
      return already.ok && already.value ? ok(undefined) : already.ok ? result : already;
    },

    /** `PUT /users`. What it answers is documented in two ways, so only its success counts. */
    async reactivate(uid: string, context: Context): Promise<Result<void, GatewayError>> {
      const result = await send(
        {
          method: "PUT",
          path: collection(uid),
          body: { uidsToActivate: [uid] },
          read: (body) => (typeof body === "object" && body !== null) || undefined,
        },
        context,
      );
      return result.ok ? ok(undefined) : result;
    },

    /** The list of deactivated users: the only documented way to tell such a user from a missing one. */
    isDeactivated,

    /** Whether the user is there, deactivated or not: one read, three where many uids begin like this one. */
    has,
  };
}

/** A create that says "no such user" makes no sense, and must not be taken for a missing user. */
function unexpected<T>(result: Result<T, GatewayError>): Result<T, GatewayError> {
  return !result.ok && result.error.reason === "upstream-uid-unknown" ? fail("upstream-rejected") : result;
}
