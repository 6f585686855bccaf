/** Calls `late` after `ms`, unless what it returns is called first. */
export type Timer = (ms: number, late: () => void) => () => void;

/** The promise's value, or undefined after `ms`. What comes later is dropped. */
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
 * One timer for all that a request waits for: nearly all of it comes in time, and a timer costs more than most of what a
 * request computes. So it goes on when its wait is over, and serves the next one. `stop` when the request is answered:
 * then it ends with the last wait. `now` in milliseconds.
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
