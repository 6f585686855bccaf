import * as z from "zod/mini";
import type { Message } from "./chats.ts";

type Region = "us" | "eu" | "in";
type Scope = "fullAccess" | "authOnly";

/** The options that can be changed while the simulator runs, also over HTTP (`PATCH /_sim/options`). */
export interface Switches {
  /** Milliseconds between the check whether a uid exists and the insert. One of several creates succeeds. */
  createDelay?: number | undefined;
  /** The status of a create. CometChat's docs show 200, a report from the real API shows 201. Default 200. */
  createStatus?: 200 | 201 | undefined;
  /** The most users, with deactivated ones. Further ones get 402 `ERR_PLAN_QUOTA_RESTRICTION`. Default: no limit. */
  userLimit?: number | undefined;
  /** Seconds. CometChat's tokens do not expire; this makes a client need a new one. Default: no end. */
  tokenLifetime?: number | undefined;
  /** If true, a second `deviceId` with the same token gets `ERR_AUTHTOKEN_UNAVAILABLE`. Default false. */
  bindDevices?: boolean | undefined;
  /** Requests per minute. Default 10,000 core, 20,000 standard, 60 import. */
  rateLimits?: { core: number; standard: number; import: number } | undefined;
  /** The spelling of the rate limit headers. CometChat's pages have two. Default "both". */
  rateHeaders?: "X-RateLimit-*" | "X-Rate-Limit-*" | "both" | undefined;
  /** Whether `cometchat-uid-1` … `cometchat-uid-5` exist, as in a new app. `reset` reads it. Default true. */
  sampleUsers?: boolean | undefined;
  /** Roles besides `default`. */
  roles?: string[] | undefined;
  /** The place of the user in an import's answer: `data.<uid>.data` (default) or `data.<uid>.data.data`. */
  importNesting?: "data" | "data.data" | undefined;
  /** What an import does with an existing user. It is not documented; a sample suggests `updates` (default). */
  importExisting?: "updates" | "refuses" | undefined;
  /**
   * The key of a reactivation's answer: the one in CometChat's docs (default), or the one that a third-party client
   * reads.
   */
  reactivationKey?: "nonDeactivatedUids" | "reactivatedUids" | undefined;
  /** Statuses that replace those of some codes, such as 409 for `ERR_UID_ALREADY_EXISTS`. */
  statuses?: Record<string, number> | undefined;
  /** Milliseconds before each answer. Over HTTP it can only be a number. Default 0. */
  latency?: number | (() => number) | undefined;
}

export interface SimulatorOptions extends Switches {
  appId: string;
  region: Region;
  /** The REST API keys, each with its scope. */
  keys: Record<string, Scope>;
  /** Epoch milliseconds. Default `Date.now`. */
  now?: (() => number) | undefined;
  /** By default it uses `setTimeout`. It has to reject with the signal's reason when the signal is aborted. */
  sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** 0 … 1, for the probability of faults. Default `Math.random`. */
  random?: (() => number) | undefined;
  /** Called with the uid of every user that a call creates. */
  onUser?: ((uid: string) => void) | undefined;
  /** Called with every message, the device that sent it, and a function that returns the message as a user sees it. */
  onMessage?: ((message: Message, device: string, view: (uid: string) => unknown) => void) | undefined;
  /** Called with every auth token that is made. */
  onMint?: ((authToken: string) => void) | undefined;
}

const count = z.int().check(z.nonnegative());

/** The switches in a request over HTTP. `null` puts one back to its default. */
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
