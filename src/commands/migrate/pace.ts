import type { Deps } from "../../context.ts";

/** The run was stopped by Ctrl-C. */
export class Stopped extends Error {}

/** Limits the rate of calls to one app. */
export interface Pace {
  /** Resolves when the next call may be made. Rejects with `Stopped`. */
  readonly turn: () => Promise<void>;
  /** Resolves after `ms` milliseconds. Rejects with `Stopped`. */
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Allows at most `rpm` calls a minute, evenly spread. CometChat counts by the minute; a burst at the end of one minute
 * and another at the beginning of the next would exceed its limit.
 */
export function createPace(rpm: number, { now, sleep }: Pick<Deps, "now" | "sleep">, stop: AbortSignal): Pace {
  let next = 0;
  const stopped = new Promise<void>((resolve) => {
    stop.addEventListener("abort", () => resolve(), { once: true });
  });
  const pause = async (ms: number) => {
    if (ms > 0 && !stop.aborted) await Promise.race([sleep(ms), stopped]);
    if (stop.aborted) throw new Stopped();
  };
  return {
    pause,
    turn() {
      const at = Math.max(now(), next);
      next = at + 60_000 / rpm;
      return pause(at - now());
    },
  };
}
