import { ATTEMPT_LEFT_MS } from "./limits.ts";
import type { LogLine } from "./telemetry/log.ts";
import type { Span, Timing } from "./telemetry/timing.ts";
import { ownTimer, type Timer } from "./within.ts";

/** The functions of the platform that the gateway uses. Tests pass their own. */
export interface Deps {
  readonly fetch: (input: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** A random number in [0, 1), for jitter, never for a secret. */
  readonly random: () => number;
  /** Writes one structured line, the only output to the console. */
  readonly log: (line: LogLine) => void;
  /** The function that makes spans, if this request is traced by the platform; see docs/operate.md › Traces. */
  readonly span?: () => Span | undefined;
  /** The cache of the data centre; undefined if there is none. */
  readonly cache: () => Cache | undefined;
}

/** What every step of one request is given. */
export interface Context {
  readonly requestId: string;
  /** The time of the request in milliseconds since 1970. The clock is read once, so that all steps agree. */
  readonly now: number;
  readonly deadline: Deadline;
  readonly timing: Timing;
  /**
   * Runs a task beside the request and after its answer. All such tasks of a request share one time limit. A task that
   * fails, by an exception or by a `Result`, is tried again, so it must be safe to repeat. If it fails finally, that is
   * logged and `lost` is called. Resolves when the task has succeeded or failed finally.
   */
  readonly after: (
    name: string,
    task: (context: Context) => Promise<unknown>,
    lost?: () => Promise<unknown>,
  ) => Promise<void>;
}

/** The time limit of a request, which is passed to every step. */
export interface Deadline {
  /** The milliseconds that are left, never negative. */
  readonly left: () => number;
  /** The timer for shorter waits. */
  readonly timer: Timer;
}

/** Makes a deadline `ms` milliseconds from now. */
export function deadline(ms: number, now: () => number, timer = ownTimer): Deadline {
  const end = now() + ms;
  return { left: () => Math.max(0, end - now()), timer };
}

/** Waits some milliseconds. False if the request then has no time for another call; in that case it does not wait. */
export async function pause(ms: number, { left }: Deadline): Promise<boolean> {
  if (left() < ms + ATTEMPT_LEFT_MS) return false;
  await new Promise((resolve) => setTimeout(resolve, ms));
  return true;
}
