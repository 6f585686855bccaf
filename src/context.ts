import type { LogLine } from "./telemetry/log.ts";
import type { Span, Timing } from "./telemetry/timing.ts";
import { ownTimer, type Timer } from "./within.ts";

/** What the Worker's surroundings give; tests hand in their own. */
export interface Deps {
  readonly fetch: (input: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** In [0, 1): jitter, never a secret. */
  readonly random: () => number;
  /** One structured line; the only way to the console. */
  readonly log: (line: LogLine) => void;
  /** Makes spans of the platform's own trace, where this request is traced; see docs/operate.md › Traces. */
  readonly span?: () => Span | undefined;
  /** The data centre's own cache, where there is one. */
  readonly cache: () => Cache | undefined;
}

/** What one request carries through every step. */
export interface Context {
  readonly requestId: string;
  /** The one look at the clock that this request takes, in milliseconds since 1970. */
  readonly now: number;
  readonly deadline: Deadline;
  readonly timing: Timing;
  /**
   * Runs beside the request and on after its answer; all such work shares one budget. What fails, thrown or as a `Result`,
   * is tried again, so it has to be something that may be repeated. In the end it is logged, and `lost` is done instead.
   * Resolves when all of that is over.
   */
  readonly after: (
    name: string,
    task: (context: Context) => Promise<unknown>,
    lost?: () => Promise<unknown>,
  ) => Promise<void>;
}

/** One budget of time, given down to every step. */
export interface Deadline {
  /** Aborts when the caller has gone; undefined where there is none. Whoever waits keeps to `left` by itself. */
  readonly signal: AbortSignal | undefined;
  /** Milliseconds left; never negative. */
  readonly left: () => number;
  /** For what is waited for less long. */
  readonly timer: Timer;
}

/** A deadline `ms` from now, for a caller who goes when `signal` aborts. */
export function deadline(ms: number, now: () => number, signal?: AbortSignal, timer = ownTimer): Deadline {
  const end = now() + ms;
  return { signal, left: () => Math.max(0, end - now()), timer };
}
