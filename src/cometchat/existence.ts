import type { Deps } from "../context.ts";
import { CREATE_AWAITED_MS, USERS_SEEN, USERS_SEEN_MS } from "../limits.ts";
import { createMemory } from "../memory.ts";

/**
 * What this isolate has recently learnt about the existence of an app's users. CometChat answers "not found" for a
 * deactivated user, and also for a user whom another request is creating; only the other requests of this isolate tell
 * the two apart.
 */
export interface Existence {
  /** A number that marks the present point in the order of CometChat's answers. It is passed to `since`. */
  readonly mark: () => number;
  /** Whether an answer after that point showed that the user exists, and no later one that it was deactivated. */
  readonly since: (uid: string, mark: number) => boolean;
  /** Whether a create after that point failed so that CometChat may have carried it out. */
  readonly doubtful: (uid: string, mark: number) => boolean;
  /** Whether a request of this isolate is creating the user now. */
  readonly creating: (uid: string) => boolean;
}

export interface ExistenceRecord extends Existence {
  /** An answer shows that the user exists. */
  readonly seen: (uid: string) => void;
  readonly deactivated: (uid: string) => void;
  /** A create of the user has failed, and CometChat may have carried it out. */
  readonly createLost: (uid: string) => void;
  /** Runs `work`, which creates the user. Until it ends, `creating` is true. */
  readonly create: <T>(uid: string, work: () => Promise<T>) => Promise<T>;
}

export function createExistence(now: Deps["now"]): ExistenceRecord {
  let answers = 0;
  const answered = createMemory<number>(USERS_SEEN, now, USERS_SEEN_MS);
  const lostCreates = createMemory<number>(USERS_SEEN, now, USERS_SEEN_MS);
  // The entries expire. When a caller disconnects, the runtime ends its request, and the code that would remove the
  // entry does not run.
  const creates = createMemory<number>(USERS_SEEN, now, CREATE_AWAITED_MS);
  return {
    mark: () => answers,
    since: (uid, mark) => (answered.get(uid) ?? 0) > mark,
    doubtful: (uid, mark) => (lostCreates.get(uid) ?? 0) > mark,
    creating: (uid) => creates.get(uid) !== undefined,
    seen(uid) {
      answers += 1;
      answered.set(uid, answers);
    },
    deactivated: (uid) => answered.delete(uid),
    createLost(uid) {
      answers += 1;
      lostCreates.set(uid, answers);
    },
    async create(uid, work) {
      creates.set(uid, (creates.get(uid) ?? 0) + 1);
      try {
        return await work();
      } finally {
        const others = (creates.get(uid) ?? 0) - 1;
        if (others > 0) creates.set(uid, others);
        else creates.delete(uid);
      }
    },
  };
}
