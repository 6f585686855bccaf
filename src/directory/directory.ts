import type { Deps } from "../context.ts";
import { mappingKey } from "../kv.ts";
import { MAPPING_MEMORY_MS, MAPPINGS_REMEMBERED } from "../limits.ts";
import { createMemory } from "../memory.ts";
import { fits, list, number, type Output, optional, table, text } from "../shape.ts";
import { within } from "../within.ts";

const mapping = table(
  {
    /** The operator's name of the app that the user lives in. */
    app: text,
    /** Digest of the claims last synchronised. */
    profile: text,
    /** Milliseconds since 1970. */
    createdAt: number,
    syncedAt: number,
    /** Digests of sessions of which a token could not be recorded. */
    unrecorded: optional(list(text, "must be a list")),
  },
  "must be an object",
);

/** What is kept of a user in KV, at `v1:u:<uid>`. */
export type Mapping = Readonly<Output<typeof mapping>>;

/**
 * Which users are known in CometChat. It only decides which call goes first: a miss, a stale answer or a lost
 * write costs one call to CometChat, never a user.
 */
export interface Directory {
  /** The mapping; null where KV has none, undefined where it could not tell in time. Never fails. */
  readonly read: (uid: string) => Promise<Mapping | null | undefined>;
  /** The same for who does not ask why there is none. */
  readonly get: (uid: string) => Promise<Mapping | undefined>;
  /** What this isolate remembers, without asking KV. */
  readonly remembered: (uid: string) => Mapping | undefined;
  /** Remembers at once, writes when KV takes it. Rejects when KV refuses; the caller logs it. */
  readonly put: (uid: string, mapping: Mapping) => Promise<void>;
}

/** `patience`: milliseconds after which a read counts as a miss. */
export function createDirectory(kv: KVNamespace, deps: Deps, patience: number): Directory {
  // Bounded in number and in time: an isolate may trust what it read for ten seconds only.
  const memory = createMemory<Mapping>(MAPPINGS_REMEMBERED, deps.now, MAPPING_MEMORY_MS);

  async function read(uid: string): Promise<Mapping | null | undefined> {
    const remembered = memory.get(uid);
    if (remembered) return remembered;
    try {
      const value = await within(patience, kv.get(mappingKey(uid), "json"));
      // What was learnt meanwhile is newer.
      const learnt = memory.get(uid);
      if (learnt) return learnt;
      if (value === null) return null;
      if (!fits(mapping, value)) return undefined;
      memory.set(uid, value);
      return value;
    } catch {
      deps.log({ event: "directory-miss", reason: "kv-fault" });
      return undefined;
    }
  }

  return {
    read,
    get: async (uid) => (await read(uid)) ?? undefined,
    remembered: (uid) => memory.get(uid),
    async put(uid, value) {
      memory.set(uid, value);
      await kv.put(mappingKey(uid), JSON.stringify(value));
    },
  };
}
