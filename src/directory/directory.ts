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

/** The entry of a user in KV, at `v1:u:<uid>`. */
export type Mapping = Readonly<Output<typeof mapping>>;

/**
 * The gateway's knowledge of which users exist at CometChat. It only decides which call is made first: a miss, a stale
 * answer or a lost write costs one more call, and never loses a user.
 */
export interface Directory {
  /** The mapping; null if KV has none, undefined if KV failed or was too slow. Never fails. */
  readonly read: (uid: string) => Promise<Mapping | null | undefined>;
  /** The mapping in this isolate's memory, without reading KV. */
  readonly inMemory: (uid: string) => Mapping | undefined;
  /** Stores the mapping in memory at once, then in KV. Rejects if KV refuses; the caller logs that. */
  readonly put: (uid: string, mapping: Mapping) => Promise<void>;
}

/** `patience`: milliseconds after which a read counts as a miss. */
export function createDirectory(kv: KVNamespace, deps: Deps, patience: number): Directory {
  // The memory is bounded in number and in time: an isolate trusts an entry for ten seconds only.
  const memory = createMemory<Mapping>(MAPPINGS_REMEMBERED, deps.now, MAPPING_MEMORY_MS);

  async function read(uid: string): Promise<Mapping | null | undefined> {
    const before = memory.get(uid);
    if (before) return before;
    try {
      const value = await within(patience, kv.get(mappingKey(uid), "json"));
      // If another request has stored a mapping meanwhile, that one is newer.
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
    inMemory: (uid) => memory.get(uid),
    async put(uid, value) {
      memory.set(uid, value);
      await kv.put(mappingKey(uid), JSON.stringify(value));
    },
  };
}
