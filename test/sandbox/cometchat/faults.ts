import * as z from "zod/mini";
import type { JournalEntry } from "./journal.ts";
import { isCall } from "./journal.ts";

const status = z.int().check(z.gte(200), z.lte(599));
const headers = z.record(z.string(), z.string());
const ms = z.int().check(z.nonnegative());

/**
 * What can go wrong with a call. Effects that break an answer carry the call out first; those that replace it do not.
 */
const effectSchema = z.discriminatedUnion("kind", [
  /** An error of CometChat's. Its text, and the key in it, are those of the code unless given. */
  z.strictObject({
    kind: z.literal("error"),
    status: z.optional(status),
    code: z.string(),
    message: z.optional(z.string()),
    headers: z.optional(headers),
  }),
  /** Any answer. */
  z.strictObject({ kind: z.literal("answer"), status, body: z.string(), headers: z.optional(headers) }),
  /** A proxy's page, 502 unless told otherwise. */
  z.strictObject({ kind: z.literal("html"), status: z.optional(status) }),
  /** No body at all, 200 unless told otherwise. */
  z.strictObject({ kind: z.literal("empty"), status: z.optional(status) }),
  z.strictObject({
    kind: z.literal("redirect"),
    location: z.string(),
    status: z.optional(z.literal([301, 302, 303, 307, 308])),
  }),
  /** The true answer with something else for its token. `foreign`: token and uid are somebody else's. */
  z.strictObject({ kind: z.literal("token"), value: z.enum(["absent", "empty", "null", "number", "foreign"]) }),
  /** The first half of the true answer, ended as if it were whole. */
  z.strictObject({ kind: z.literal("truncated") }),
  /** The true answer, valid, padded to this size; 10 MB unless told otherwise. */
  z.strictObject({ kind: z.literal("huge"), bytes: z.optional(ms) }),
  /** Milliseconds before the headers; then as usual, or the next fault. */
  z.strictObject({ kind: z.literal("delay"), ms }),
  /** Never answers. */
  z.strictObject({ kind: z.literal("hang") }),
  /** Headers, and then nothing. */
  z.strictObject({ kind: z.literal("silence") }),
  /** The true answer, a byte at a time; a second between them unless told otherwise. */
  z.strictObject({ kind: z.literal("drip"), ms: z.optional(ms) }),
  /** Headers and half of the true answer, then the connection is cut. */
  z.strictObject({ kind: z.literal("cut") }),
  /** No connection. */
  z.strictObject({ kind: z.literal("refuse") }),
  /** The request is received, and the connection cut; nothing is done. */
  z.strictObject({ kind: z.literal("reset") }),
  /** The call is carried out, and the connection cut: the answer is lost. */
  z.strictObject({ kind: z.literal("drop") }),
  /** The call is carried out and answered as failed, as a create does that made the row but not the rest. */
  z.strictObject({ kind: z.literal("partial") }),
  /** As if the API key had been deleted. */
  z.strictObject({ kind: z.literal("wrongKey") }),
]);

const calls = [
  ...["create", "mint", "get", "update", "revoke", "flush", "deactivate", "reactivate", "list", "import"],
  ...["tokens", "token", "annotate", "roles", "role", "createRole", "deleteRole"],
  ...["login", "logout", "session", "settings", "me", "peers", "peer", "client", "any"],
] as const;

export const faultSchema = z.strictObject({
  /** Which calls; "client" for all of the client API. */
  match: z.enum(calls),
  /** Only calls about this uid. */
  uid: z.optional(z.string()),
  /** How often; for ever unless told. */
  times: z.optional(z.int().check(z.positive())),
  /** 0 … 1; always unless told. */
  probability: z.optional(z.number().check(z.gte(0), z.lte(1))),
  effect: effectSchema,
});

export type Effect = z.infer<typeof effectSchema>;
export type Fault = z.infer<typeof faultSchema>;

export interface Faults {
  /** Takes effect with the next call; returns the id that removes it again. `times` may be Infinity. */
  add: (fault: Fault) => string;
  remove: (id: string) => boolean;
  clear: () => void;
  /** Those still in force, with how often each was played. */
  list: () => (Fault & { id: string; played: number })[];
}

export function faults(random: () => number) {
  const held = new Map<string, Fault & { id: string; played: number }>();
  let last = 0;

  const faults: Faults = {
    add: (fault) => {
      last += 1;
      const id = `fault-${last}`;
      held.set(id, { ...fault, id, played: 0 });
      return id;
    },
    remove: (id) => held.delete(id),
    clear: () => held.clear(),
    list: () => [...held.values()].map((fault) => ({ ...fault })),
  };

  /** The faults that this call runs into, used up by one: delays first, then at most one other. */
  function strike(entry: Pick<JournalEntry, "call" | "surface">, uids: readonly string[]) {
    const delays: number[] = [];
    for (const fault of held.values()) {
      if (entry.call === "preflight" || !isCall(entry, fault.match)) continue;
      if (fault.uid !== undefined && !uids.includes(fault.uid.toLowerCase())) continue;
      // A client has no API key that could be wrong.
      if (fault.effect.kind === "wrongKey" && entry.surface === "client") continue;
      if (fault.probability !== undefined && random() >= fault.probability) continue;
      fault.played += 1;
      if (fault.played >= (fault.times ?? Number.POSITIVE_INFINITY)) held.delete(fault.id);
      if (fault.effect.kind !== "delay") return { delays, effect: fault.effect, id: fault.id };
      delays.push(fault.effect.ms);
    }
    return { delays, effect: undefined, id: undefined };
  }

  return { faults, strike };
}
