/** Calls `late` after `ms` milliseconds. Returns the function that cancels this. */
export type Timer = (ms: number, late: () => void) => () => void;

/** The promise's value, or undefined if it takes longer than `ms` milliseconds. A later value is ignored. */
export function within<T>(ms: number, promise: Promise<T>, timer: Timer = ownTimer): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const inTime = timer(ms, () => resolve(undefined));
    promise.then(
      (value) => {
        inTime();
        resolve(value);
      },
      (error) => {
        inTime();
        reject(error);
      },
    );
  });
}

export const ownTimer: Timer = (ms, late) => {
  const timer = setTimeout(late, ms);
  return () => clearTimeout(timer);
};

/**
 * Makes one timer for all waits of a request. Nearly all waits end in time, and starting a timer costs more than most
 * of a request's computation, so the timer keeps running after a wait and serves the next one. Call `stop` when the
 * request is answered: the timer then ends with the last wait. `now`: milliseconds.
 */
export function sharedTimer(now: () => number): { readonly timer: Timer; readonly stop: () => void } {
  const waits = new Set<{ readonly at: number; readonly late: () => void }>();
  let cancel = () => {};
  let rings = Number.POSITIVE_INFINITY;
  let stopped = false;

  function ringAt(at: number, from: number): void {
    if (at >= rings) return;
    cancel();
    rings = at;
    cancel = ownTimer(at - from, ring);
  }

  function ring(): void {
    const due = rings;
    rings = Number.POSITIVE_INFINITY;
    for (const wait of waits) {
      if (wait.at > due) ringAt(wait.at, due);
      else if (waits.delete(wait)) wait.late();
    }
  }

  function end(): void {
    if (!stopped || waits.size > 0) return;
    cancel();
    rings = Number.POSITIVE_INFINITY;
  }

  return {
    timer(ms, late) {
      const from = now();
      const wait = { at: from + ms, late };
      waits.add(wait);
      ringAt(wait.at, from);
      return () => {
        waits.delete(wait);
        end();
      };
    },
    stop() {
      stopped = true;
      end();
    },
  };
}
