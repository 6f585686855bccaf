import type { Context } from "../context.ts";
import { KEYS_POLL_MS } from "../limits.ts";
import { asked, begun, ended, IDLE, isBusy, mayBegin, reopened, restOf, shared } from "./gate.ts";

/** One fetch at a time among the requests of an isolate, and at most one in each cool-down. Times in milliseconds. */
export interface Flight {
  /** Fetches, unless another request is fetching or the cool-down is not over. Never fails. */
  readonly begin: (context: Context, work: () => Promise<void>) => Promise<void>;
  /** Waits for another request's fetch if there is one. Otherwise it begins one. */
  readonly join: (context: Context, work: () => Promise<void>) => Promise<void>;
  /** For how many milliseconds no other fetch may begin. */
  readonly rest: () => number;
  /** The last attempt, in milliseconds since 1970. */
  readonly attemptedAt: () => number;
  /** Records that this isolate asks the provider now. */
  readonly asked: (at: number) => void;
  /** Records that another isolate asked the provider at that time. */
  readonly shared: (at: number) => void;
  /** Forgets the last attempt, so that a fetch may begin. */
  readonly reopen: () => void;
}

/**
 * @param now milliseconds since 1970
 * @param most milliseconds that one fetch may take
 * @param cooldown milliseconds between two attempts, failed ones counted
 */
export function createFlight(now: () => number, most: number, cooldown: () => number): Flight {
  // Requests share only this state. They may not share a promise, which belongs to the request that made it.
  let gate = IDLE;
  const busy = () => isBusy(gate, now(), most + KEYS_POLL_MS);

  /** Waits for another request's fetch by polling. True if there was one and it has ended. */
  async function followed(context: Context): Promise<boolean> {
    if (!busy()) return false;
    const { left } = context.deadline;
    let leader = gate.pending;
    let since = left();
    while (gate.pending && left() > 0) {
      if (gate.pending !== leader) {
        leader = gate.pending;
        since = left();
      } else if (since - left() > most) {
        // That request ended before its fetch did, so its attempt does not count.
        gate = reopened(ended(gate, leader));
        return false;
      }
      await sleep(KEYS_POLL_MS);
    }
    return true;
  }

  async function begin(context: Context, work: () => Promise<void>): Promise<void> {
    if (!mayBegin(gate, now(), { cooldown: cooldown(), most: most + KEYS_POLL_MS })) return;
    gate = begun(gate, now());
    const mark = gate.pending;
    const fetching = work().finally(() => {
      gate = ended(gate, mark);
    });
    // The fetch continues if this request's caller disconnects, since other requests wait for it.
    context.after("keys-fetch", () => fetching);
    await fetching;
  }

  return {
    begin,
    async join(context, work) {
      if (await followed(context)) return;
      // If several requests began at the same instant, one of them fetches and the others wait for it.
      if (busy()) await followed(context);
      else await begin(context, work);
    },
    rest: () => restOf(gate, now(), cooldown()),
    attemptedAt: () => gate.attemptedAt,
    asked: (at) => {
      gate = asked(gate, at);
    },
    shared: (at) => {
      gate = shared(gate, at);
    },
    reopen: () => {
      gate = reopened(gate);
    },
  };
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
