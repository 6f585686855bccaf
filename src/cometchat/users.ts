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

/** The fields read of a user besides uid and name. zod's `catch` would do the same, but adds 9 KB to the bundle. */
const FIELDS: Readonly<Record<Exclude<keyof User, "uid" | "name">, (value: unknown) => boolean>> = {
  ...eachField(({ is }) => is),
  statusMessage: isText,
  // CometChat returns empty metadata as `[]`.
  metadata: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  status: isText,
  createdAt: isSeconds,
  updatedAt: isSeconds,
  lastActiveAt: isSeconds,
  deactivatedAt: isSeconds,
};

/** Reads a user. A field that is not as documented is left out; only uid and name are required. */
const readUser =
  (uid: string) =>
  (body: unknown): User | undefined => {
    const data = dataOf(body);
    if (data?.uid !== uid || typeof data.name !== "string") return undefined;
    const valid = Object.entries(FIELDS).filter(([field, is]) => is(data[field]));
    return { uid, name: data.name, ...Object.fromEntries(valid.map(([field]) => [field, data[field]])) };
  };

/** The path `/users…`, for a call with the uid in its body or query; undefined if the uid is not valid. */
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
          // If the token is missing, the call is repeated. CometChat then answers that the user exists, and a token is
          // minted.
          return isAuthToken(authToken) ? { authToken } : undefined;
        },
      },
      context,
    );
    // The answer of an earlier attempt was lost, and that attempt has most likely created the user. It must not be
    // treated as a user that existed before: if its mint fails, it would be taken for a deactivated one.
    if (!lost || !withAuthToken || result.ok || result.error.reason !== "upstream-uid-exists") return result;
    const minted = await mint(uid, context);
    if (minted.ok) return ok({ authToken: minted.value });
    return minted.error.reason === "upstream-uid-unknown" ? result : minted;
  }

  /** Whether the user is on a page of the list; undefined if it is not and there are further pages. */
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
    // CometChat searches by prefix, so the uid must be compared.
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
    // The user is not on the first page. An active user can be read by its uid; only a deactivated one must be
    // searched.
    const named = await send({ method: "GET", path: pathOf(uid), read: readUser(uid) }, context);
    if (named.ok) return ok(true);
    return named.error.reason === "upstream-uid-unknown" ? isDeactivated(uid, context) : named;
  }

  return {
    /** `POST /users`. If an answer was lost and the retry finds that the user exists, a token is minted. */
    async create(
      uid: string,
      profile: Profile & { name: string },
      options: { withAuthToken: boolean },
      context: Context,
    ): Promise<Posted> {
      const { role, ...rest } = profile;
      const granted = role !== undefined && roles.has(role);
      const first = await post(uid, granted ? profile : rest, options.withAuthToken, context);
      if (first.ok || !granted || first.error.reason !== "upstream-role") return unexpected(first);
      // A role that CometChat does not know is a mistake in the configuration, which must not prevent the sign-in: the
      // user is created without the role. The role is remembered, so that the next create leaves it out at once.
      roles.refuse(role);
      return unexpected(await post(uid, rest, options.withAuthToken, context));
    },

    /** `GET /users/{uid}`. A deactivated user is unknown here. */
    async get(uid: string, context: Context): Promise<Result<User, GatewayError>> {
      return send({ method: "GET", path: pathOf(uid), read: readUser(uid) }, context);
    },

    /**
     * `PUT /users/{uid}`. Metadata and tags are sent whole, since it is not documented whether CometChat merges them.
     */
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

    /** `DELETE /users/{uid}`, never permanent, which is also CometChat's default if the body should be lost. */
    async deactivate(uid: string, context: Context): Promise<Result<void, GatewayError>> {
      const result = await send(
        { method: "DELETE", path: pathOf(uid), body: { permanent: false }, read: done },
        context,
      );
      if (result.ok) return ok(undefined);
      if (result.error.reason !== "upstream-uid-unknown") return result;
      // The user may be deactivated already, for instance by an attempt whose answer was lost. That is a success.
      const already = await isDeactivated(uid, context);
      return already.ok && already.value ? ok(undefined) : already.ok ? result : already;
    },

    /** `PUT /users`. Only the success is read, since CometChat documents two different answers. */
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

    /**
     * Searches the list of deactivated users, the only documented way to distinguish such a user from a missing one.
     */
    isDeactivated,

    /** Whether the user exists, deactivated or not. One call, or up to three if many uids have this one as a prefix. */
    has,
  };
}

/** "No such user" is no sensible answer to a create, and callers must not take it for a missing user. */
function unexpected<T>(result: Result<T, GatewayError>): Result<T, GatewayError> {
  return !result.ok && result.error.reason === "upstream-uid-unknown" ? fail("upstream-rejected") : result;
}
