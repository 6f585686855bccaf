import { type Answer, type Details, refuse, succeed } from "./answers.ts";
import type { Call, Handlers } from "./calls.ts";
import { flagProblem, readFields, type UserFields, uidProblem } from "./rules.ts";
import { search, view } from "./views.ts";
import { seconds, type World } from "./world.ts";

export interface User extends UserFields {
  uid: string;
  name: string;
  role: string;
  status: "offline" | "available";
  /** Unix seconds, as for all times. */
  createdAt: number;
  updatedAt?: number;
  lastActiveAt?: number;
  deactivatedAt?: number;
}

/** CometChat's own user. It exists in every app, and no call can use it. */
const system = "app_system";

export interface Users {
  all: () => User[];
  /** The user, also if it is deactivated. */
  find: (uid: string) => User | undefined;
  /** The user, unless it is missing or deactivated. To a mint, a get or an update, these two are the same. */
  active: (uid: string) => User | undefined;
  taken: (uid: string) => boolean;
  /** Inserts a user. Returns false and does nothing if the uid is taken. */
  insert: (user: User) => boolean;
  remove: (uid: string) => void;
  clear: () => void;
}

export function userStore(): Users {
  const rows = new Map<string, User>();
  const taken = (uid: string) => uid === system || rows.has(uid);
  return {
    all: () => [...rows.values()],
    find: (uid) => rows.get(uid),
    active: (uid) => {
      const user = rows.get(uid);
      return user?.deactivatedAt === undefined ? user : undefined;
    },
    taken,
    insert: (user) => {
      if (taken(user.uid)) return false;
      rows.set(user.uid, user);
      return true;
    },
    remove: (uid) => rows.delete(uid),
    clear: () => rows.clear(),
  };
}

/** Whether the app has as many users as its plan allows. */
export function full({ users, switches }: World): boolean {
  return switches.userLimit !== undefined && users.all().length >= switches.userLimit;
}

export function userCalls(world: World): Handlers {
  const { users, tokens, roles, switches } = world;
  const missing = (uid: string) => refuse("ERR_UID_NOT_FOUND", { uid });

  async function create({ body, signal }: Call): Promise<Answer> {
    const { fields, details } = readFields(body, ["name"], roles);
    Object.assign(details, flagProblem(body, "withAuthToken"));
    const problem = uidProblem(body.uid);
    if (problem) details.uid = [problem];
    if (some(details)) return refuse("ERR_BAD_REQUEST", {}, details);

    const uid = String(body.uid).toLowerCase();
    const taken = refuse("ERR_UID_ALREADY_EXISTS", { uid });
    // A deactivated user is missing for a mint, but its uid is taken for a create.
    if (users.taken(uid)) return taken;
    if (switches.createDelay) await world.sleep(switches.createDelay, signal);
    if (full(world)) return users.taken(uid) ? taken : refuse("ERR_PLAN_QUOTA_RESTRICTION");
    const user: User = { role: "default", name: "", ...fields, uid, status: "offline", createdAt: seconds(world) };
    if (!users.insert(user)) return taken;
    world.onUser?.(user.uid);
    const authToken = body.withAuthToken === true ? { authToken: tokens.mint(uid).authToken } : {};
    return succeed({ ...view(user, { tags: true }), ...authToken }, switches.createStatus ?? 200);
  }

  function update({ uid, body }: Call): Answer {
    const user = users.active(uid);
    if (!user) return missing(uid);
    const { fields, details } = readFields(body, [], roles);
    const unset = body.unset ?? [];
    if (!Array.isArray(unset) || !unset.every(isUnsettable)) details.unset = ["The selected unset is invalid."];
    if (some(details)) return refuse("ERR_BAD_REQUEST", {}, details);
    // It is not documented whether metadata and tags are merged or replaced. Here they are replaced, so that tests find
    // a client that sends only a part of them.
    Object.assign(user, fields, { updatedAt: seconds(world) });
    for (const field of unset as ("avatar" | "link" | "metadata")[]) delete user[field];
    return succeed(view(user, { tags: true }));
  }

  function deactivate(call: Call): Answer {
    if (!call.uid) return deactivateMany(call);
    const { uid, body } = call;
    const details = flagProblem(body, "permanent");
    if (some(details)) return refuse("ERR_BAD_REQUEST", {}, details);
    const user = users.find(uid);
    if (!user) return missing(uid);
    if (body.permanent === true) {
      users.remove(uid);
      // The tokens are deleted with the user: an old one is not found after the uid is created again (observed).
      tokens.flush(uid);
      return succeed({ success: true, message: `User with ${uid} has been deleted successfully.` });
    }
    return succeed(deactivateAll([uid]));
  }

  function deactivateMany({ body }: Call): Answer {
    const uids = uidList(body, "uidsToDeactivate");
    return Array.isArray(uids) ? succeed(deactivateAll(uids)) : refuse("ERR_BAD_REQUEST", {}, uids);
  }

  /** The tokens stay. It is unknown whether CometChat revokes them, so a client has to flush them first. */
  function deactivateAll(uids: string[]) {
    const known = uids.filter((uid) => users.find(uid));
    const already = known.filter((uid) => !users.active(uid));
    const deactivated = known.filter((uid) => users.active(uid));
    for (const uid of deactivated) {
      const user = users.find(uid);
      if (user) user.deactivatedAt = seconds(world);
    }
    return {
      deactivatedUids: deactivated,
      ...(already.length > 0 && { alreadyDeactivatedUids: already }),
      ...(known.length < uids.length && { notFound: uids.filter((uid) => !users.find(uid)) }),
    };
  }

  function reactivate({ body }: Call): Answer {
    const uids = uidList(body, "uidsToActivate");
    if (!Array.isArray(uids)) return refuse("ERR_BAD_REQUEST", {}, uids);
    const known = uids.filter((uid) => users.find(uid));
    for (const uid of known) delete users.find(uid)?.deactivatedAt;
    return succeed({
      [switches.reactivationKey ?? "nonDeactivatedUids"]: known,
      ...(known.length < uids.length && { notFound: uids.filter((uid) => !users.find(uid)) }),
    });
  }

  return {
    create,
    update,
    deactivate,
    reactivate,
    get: ({ uid }) => {
      const user = users.active(uid);
      return user ? succeed(view(user)) : missing(uid);
    },
    list: ({ query }) => search(users.all(), query),
  };
}

function uidList(body: Record<string, unknown>, field: string): string[] | Details {
  const list = body[field];
  if (!Array.isArray(list) || list.length === 0) return { [field]: [`The ${field} field is required.`] };
  if (!list.every((uid) => typeof uid === "string")) return { [field]: [`The ${field} must be an array of strings.`] };
  return [...new Set(list.map((uid) => uid.toLowerCase()))];
}

function isUnsettable(field: unknown): boolean {
  return field === "avatar" || field === "link" || field === "metadata";
}

function some(details: Details): boolean {
  return Object.keys(details).length > 0;
}
