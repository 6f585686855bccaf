import type { Deps } from "../../context.ts";

/** Thrown where a wait was ended because the run is to stop. */
export class Stopped extends Error {}

export interface Pace {
  /** Resolves when the next call may be made. Rejects with `Stopped`. */
  readonly turn: () => Promise<void>;
  /** Resolves after `ms`. Rejects with `Stopped`. */
  readonly pause: (ms: number) => Promise<void>;
}

/** At most `rpm` calls a minute, evenly: CometChat counts by the minute, and bursts of two minutes could meet. */
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
