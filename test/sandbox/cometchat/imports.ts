import { type Answer, errorBody, refuse, succeed, textOf } from "./answers.ts";
import type { Handlers } from "./calls.ts";
import { isObject, readFields, uidProblem } from "./rules.ts";
import { full, type User } from "./users.ts";
import { view } from "./views.ts";
import { seconds, type World } from "./world.ts";

/** Users per request (CometChat docs, rest-api/data-import). */
const most = 50;

/** The data import. Its answer is 200, and has the outcome of each user under that user's uid. */
export function importCalls(world: World): Handlers {
  const { users, roles, switches } = world;

  function importOne(key: string, entry: unknown): { user: User } | { error: unknown } {
    const malformed = (details: Record<string, string[]>) =>
      errorBody("ERR_IMPORT_INVALID_USER_FORMAT", textOf("ERR_IMPORT_INVALID_USER_FORMAT", { uid: key }), details);
    if (!isObject(entry)) return malformed({ uid: ["The user must be an object."] });
    const { fields, details } = readFields(entry, ["name"], roles);
    const problem = uidProblem(entry.uid) ?? (entry.uid === key ? undefined : "The uid must equal its key.");
    if (problem) details.uid = [problem];
    const times: Pick<User, "lastActiveAt" | "deactivatedAt"> & { createdAt?: number } = {};
    for (const field of ["createdAt", "lastActiveAt", "deactivatedAt"] as const) {
      if (entry[field] === undefined) continue;
      if (/^\d{10}$/.test(String(entry[field]))) times[field] = Number(entry[field]);
      else details[field] = [`The ${field} must be a Unix time of 10 digits.`];
    }
    if (Object.keys(details).length > 0) return malformed(details);

    const uid = key.toLowerCase();
    const there = users.find(uid);
    if (there && switches.importExisting === "refuses") {
      return errorBody("ERR_UID_ALREADY_EXISTS", textOf("ERR_UID_ALREADY_EXISTS", { uid }));
    }
    if (there) {
      // It is not documented that an import updates users. A sample answer with a later `updatedAt` suggests it.
      Object.assign(there, fields, times, { updatedAt: seconds(world) });
      return { user: there };
    }
    if (full(world)) {
      return errorBody("ERR_PLAN_QUOTA_RESTRICTION", textOf("ERR_PLAN_QUOTA_RESTRICTION"));
    }
    const defaults = { name: "", role: "default", status: "offline", createdAt: seconds(world) } as const;
    const user: User = { ...defaults, ...fields, ...times, uid };
    if (users.insert(user)) return { user };
    return errorBody("ERR_UID_ALREADY_EXISTS", textOf("ERR_UID_ALREADY_EXISTS", { uid }));
  }

  return {
    import: ({ body }): Answer => {
      const entries = isObject(body.users) ? Object.entries(body.users) : [];
      const reject = (text: string) => refuse("ERR_BAD_REQUEST", {}, { users: [text] });
      if (entries.length === 0) return reject("The users field is required.");
      if (entries.length > most) return reject(`The users may not have more than ${most} items.`);
      const outcomes = entries.map(([key, entry]) => {
        const outcome = importOne(key, entry);
        if (!("user" in outcome)) return [key, { success: false, ...outcome }] as const;
        const user = view(outcome.user, { tags: true });
        // CometChat's pages show two different nestings.
        return [key, { success: true, data: switches.importNesting === "data.data" ? { data: user } : user }] as const;
      });
      return succeed(Object.fromEntries(outcomes));
    },
  };
}
