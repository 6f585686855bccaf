import { BREAKER_FAILURES, BREAKER_OPEN_MS, BREAKER_PROBE_MS } from "../limits.ts";

export interface Breaker {
  /**
   * Permits one call, or returns the milliseconds to wait before asking again. The caller must report whether
   * a permitted call was answered properly.
   */
  readonly permit: () => { readonly report: (good: boolean) => void } | { readonly wait: number };
  /** Whether `permit` would permit a call now. */
  readonly admits: () => boolean;
}

/**
 * A circuit breaker: while CometChat fails, no calls are made, and callers get their answer at once. Consecutive
 * failures open it; after a while one call is permitted as a probe, whose outcome closes it or leaves it open.
 * Libraries were not used, because in them other calls wait for the probe's promise, and a Worker must not await the
 * I/O of another request.
 *
 * @param now milliseconds since 1970
 * @param changed called when the breaker opens, and when a good answer closes it
 */
export function createBreaker(now: () => number, changed: (state: "open" | "closed") => void = () => {}): Breaker {
  let failures = 0;
  /** Milliseconds since 1970; 0 if the breaker is closed. */
  let openUntil = 0;
  /** When the present probe is given up. A probe that never reports must not keep the breaker open. */
  let probeUntil = 0;

  function report(good: boolean, probing: boolean): void {
    if (probing) probeUntil = 0;
    if (good) {
      // Any good answer shows that CometChat works, not only the probe's.
      failures = 0;
      if (openUntil > 0) changed("closed");
      openUntil = 0;
    } else {
      failures += 1;
      // While the breaker is open, only the probe's failure prolongs that; other calls began before it opened.
      const opens = openUntil === 0 ? failures >= BREAKER_FAILURES : probing;
      if (opens && openUntil === 0) changed("open");
      if (opens) openUntil = now() + BREAKER_OPEN_MS;
    }
  }

  return {
    permit() {
      const probing = openUntil > 0;
      if (probing) {
        const until = Math.max(openUntil, probeUntil);
        if (now() < until) return { wait: until - now() };
        probeUntil = now() + BREAKER_PROBE_MS;
      }
      return { report: (good) => report(good, probing) };
    },
    admits: () => now() >= Math.max(openUntil, probeUntil),
  };
}
