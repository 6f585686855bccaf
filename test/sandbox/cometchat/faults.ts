import * as z from "zod/mini";
import type { JournalEntry } from "./journal.ts";
import { isCall } from "./journal.ts";

const status = z.int().check(z.gte(200), z.lte(599));
const headers = z.record(z.string(), z.string());
const ms = z.int().check(z.nonnegative());

/**
 * The effects that a fault can have on a call. An effect that breaks the answer does the call first. An effect that
 * replaces the answer does not do the call.
 */
const effectSchema = z.discriminatedUnion("kind", [
  /** An error of CometChat. By default it has the status and the text of its code. */
  z.strictObject({
    kind: z.literal("error"),
    status: z.optional(status),
    code: z.string(),
    message: z.optional(z.string()),
    headers: z.optional(headers),
  }),
  /** Any answer. */
  z.strictObject({ kind: z.literal("answer"), status, body: z.string(), headers: z.optional(headers) }),
  /** The HTML page of a proxy. The default status is 502. */
  z.strictObject({ kind: z.literal("html"), status: z.optional(status) }),
  /** No body. The default status is 200. */
  z.strictObject({ kind: z.literal("empty"), status: z.optional(status) }),
  z.strictObject({
    kind: z.literal("redirect"),
    location: z.string(),
    status: z.optional(z.literal([301, 302, 303, 307, 308])),
  }),
  /** The true answer, with another value for its token. `foreign`: the token and the uid are those of another user. */
  z.strictObject({ kind: z.literal("token"), value: z.enum(["absent", "empty", "null", "number", "foreign"]) }),
  /** The first half of the true answer. It ends like a complete answer. */
  z.strictObject({ kind: z.literal("truncated") }),
  /** The true answer, padded to this size with valid JSON. The default is 10 MB. */
  z.strictObject({ kind: z.literal("huge"), bytes: z.optional(ms) }),
  /** Milliseconds before the headers. Then comes the true answer, or the next fault. */
  z.strictObject({ kind: z.literal("delay"), ms }),
  /** The call is never answered. */
  z.strictObject({ kind: z.literal("hang") }),
  /** The headers are sent, and the body never comes. */
  z.strictObject({ kind: z.literal("silence") }),
  /** The true answer, one byte at a time. The default pause between two bytes is a second. */
  z.strictObject({ kind: z.literal("drip"), ms: z.optional(ms) }),
  /** The headers and half of the true answer are sent, then the connection is cut. */
  z.strictObject({ kind: z.literal("cut") }),
  /** The connection is refused. */
  z.strictObject({ kind: z.literal("refuse") }),
  /** The request is received, and the connection is cut before the call is done. */
  z.strictObject({ kind: z.literal("reset") }),
  /** The call is done, and the connection is cut, so the answer is lost. */
  z.strictObject({ kind: z.literal("drop") }),
  /** The call is done and the answer says that it failed, as when a create inserts the user and then fails. */
  z.strictObject({ kind: z.literal("partial") }),
  /** The answer of CometChat if the API key does not exist. */
  z.strictObject({ kind: z.literal("wrongKey") }),
]);

const calls = [
  ...["create", "mint", "get", "update", "revoke", "flush", "deactivate", "reactivate", "list", "import"],
  ...["tokens", "token", "annotate", "roles", "role", "createRole", "deleteRole"],
  ...["login", "logout", "session", "settings", "me", "peers", "peer", "client", "any"],
] as const;

export const faultSchema = z.strictObject({
  /** The calls that the fault applies to. "client" stands for all calls of the client API. */
  match: z.enum(calls),
  /** Limits the fault to calls about this uid. */
  uid: z.optional(z.string()),
  /** The fault applies to so many calls. By default it applies until it is removed. */
  times: z.optional(z.int().check(z.positive())),
  /** 0 … 1. The default is 1. */
  probability: z.optional(z.number().check(z.gte(0), z.lte(1))),
  effect: effectSchema,
});

export type Effect = z.infer<typeof effectSchema>;
export type Fault = z.infer<typeof faultSchema>;

export interface Faults {
  /** Adds a fault, which applies from the next call on. Returns the id to remove it by. `times` may be Infinity. */
  add: (fault: Fault) => string;
  remove: (id: string) => boolean;
  clear: () => void;
  /** The faults that still apply, each with the number of calls that it was played for. */
  list: () => (Fault & { id: string; played: number })[];
}

export function faults(random: () => number) {
  const active = new Map<string, Fault & { id: string; played: number }>();
  let last = 0;

  const faults: Faults = {
    add: (fault) => {
      last += 1;
      const id = `fault-${last}`;
      active.set(id, { ...fault, id, played: 0 });
      return id;
    },
    remove: (id) => active.delete(id),
    clear: () => active.clear(),
    list: () => [...active.values()].map((fault) => ({ ...fault })),
  };

  /** The faults that apply to this call: any number of delays, then at most one other. Counts each of them. */
  function strike(entry: Pick<JournalEntry, "call" | "surface">, uids: readonly string[]) {
    const delays: number[] = [];
    for (const fault of active.values()) {
      if (entry.call === "preflight" || !isCall(entry, fault.match)) continue;
      if (fault.uid !== undefined && !uids.includes(fault.uid.toLowerCase())) continue;
      // The client API takes no API key.
      if (fault.effect.kind === "wrongKey" && entry.surface === "client") continue;
      if (fault.probability !== undefined && random() >= fault.probability) continue;
      fault.played += 1;
      if (fault.played >= (fault.times ?? Number.POSITIVE_INFINITY)) active.delete(fault.id);
      if (fault.effect.kind !== "delay") return { delays, effect: fault.effect, id: fault.id };
      delays.push(fault.effect.ms);
    }
    return { delays, effect: undefined, id: undefined };
  }

  return { faults, strike };
}
