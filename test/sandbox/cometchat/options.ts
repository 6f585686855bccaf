import * as z from "zod/mini";
import type { Message } from "./chats.ts";

type Region = "us" | "eu" | "in";
type Scope = "fullAccess" | "authOnly";

/** What can be changed at run time, over HTTP as well (`PATCH /_sim/options`). */
export interface Switches {
  /** Milliseconds between the check for uniqueness and the insert. Uniqueness holds: exactly one create wins. */
  createDelay?: number | undefined;
  /** CometChat's docs show 200 for a create, a live report 201. Default 200. */
  createStatus?: 200 | 201 | undefined;
  /** Users in all, deactivated ones included; above it 402 `ERR_PLAN_QUOTA_RESTRICTION`. Default: none. */
  userLimit?: number | undefined;
  /** Seconds. CometChat's tokens do not expire; this tries a client's refresh. Default: none. */
  tokenLifetime?: number | undefined;
  /** A token used by one `deviceId` answers `ERR_AUTHTOKEN_UNAVAILABLE` to another. Default false. */
  bindDevices?: boolean | undefined;
  /** Requests per minute. Default 10,000 core, 20,000 standard, 60 import. */
  rateLimits?: { core: number; standard: number; import: number } | undefined;
  /** CometChat's pages spell the headers in two ways. Default "both". */
  rateHeaders?: "X-RateLimit-*" | "X-Rate-Limit-*" | "both" | undefined;
  /** `cometchat-uid-1` … `cometchat-uid-5`, as a new app has them. Read by `reset`. Default true. */
  sampleUsers?: boolean | undefined;
  /** Roles besides `default`. */
  roles?: string[] | undefined;
  /** Where an import's answer holds the user: `data.<uid>.data` (default) or `data.<uid>.data.data`. */
  importNesting?: "data" | "data.data" | undefined;
  /** What an import makes of a user that is there; undocumented, and `updates` (default) is inferred from a sample. */
  importExisting?: "updates" | "refuses" | undefined;
  /** The key of a reactivation's answer: CometChat's docs (default) or what a third-party client reads. */
  reactivationKey?: "nonDeactivatedUids" | "reactivatedUids" | undefined;
  /** Other statuses than the simulator's for some codes, such as 409 for `ERR_UID_ALREADY_EXISTS`. */
  statuses?: Record<string, number> | undefined;
  /** Milliseconds before each answer; a number over HTTP. Default 0. */
  latency?: number | (() => number) | undefined;
}

export interface SimulatorOptions extends Switches {
  appId: string;
  region: Region;
  /** REST keys: value → scope. */
  keys: Record<string, Scope>;
  /** Epoch milliseconds. Default `Date.now`. */
  now?: (() => number) | undefined;
  /** Default `setTimeout`. Has to reject with the signal's reason when aborted. */
  sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** 0 … 1, for the probability of faults. Default `Math.random`. */
  random?: (() => number) | undefined;
  /** Hears of every user that a call creates. */
  onUser?: ((uid: string) => void) | undefined;
  /** Hears of every message, the device that sent it, and how each user sees it. */
  onMessage?: ((message: Message, device: string, view: (uid: string) => unknown) => void) | undefined;
  /** Hears of every auth token that is made. */
  onMint?: ((authToken: string) => void) | undefined;
}

const count = z.int().check(z.nonnegative());

/** The switches as they come over HTTP. `null` puts one back to its default. */
export const patchSchema = z.strictObject({
  createDelay: z.nullish(count),
  createStatus: z.nullish(z.literal([200, 201])),
  userLimit: z.nullish(count),
  tokenLifetime: z.nullish(count),
  bindDevices: z.nullish(z.boolean()),
  rateLimits: z.nullish(z.strictObject({ core: count, standard: count, import: count })),
  rateHeaders: z.nullish(z.enum(["X-RateLimit-*", "X-Rate-Limit-*", "both"])),
  sampleUsers: z.nullish(z.boolean()),
  roles: z.nullish(z.array(z.string().check(z.regex(/^[a-z0-9_-]{1,100}$/)))),
  importNesting: z.nullish(z.enum(["data", "data.data"])),
  importExisting: z.nullish(z.enum(["updates", "refuses"])),
  reactivationKey: z.nullish(z.enum(["nonDeactivatedUids", "reactivatedUids"])),
  statuses: z.nullish(z.record(z.string(), z.int().check(z.gte(200), z.lte(599)))),
  latency: z.nullish(count),
});

export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
