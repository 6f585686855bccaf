import { BREAKER_FAILURES, BREAKER_OPEN_MS, BREAKER_PROBE_MS } from "../limits.ts";

/** What a call told about CometChat's health. `unknown`: its caller left before the call ended. */
export type CallOutcome = "good" | "bad" | "unknown";

export interface Breaker {
  /**
   * Permission for one call, or the milliseconds until asking again makes sense. A permitted caller reports how its
   * call ended.
   */
  readonly permit: () => { readonly report: (outcome: CallOutcome) => void } | { readonly wait: number };
  /** Whether `permit` would allow a call now. */
  readonly admits: () => boolean;
}

/**
 * Spares a failing CometChat our calls, and our callers the wait: a run of failures opens it; after a while one call
 * goes through as a probe, and decides. Own code, because libraries let the others wait for the probe's promise, and
 * a Worker must not await the I/O of another request.
 *
 * @param now milliseconds since 1970
 * @param changed told when it opens, and when a good answer closes it
 */
export function createBreaker(now: () => number, changed: (state: "open" | "closed") => void = () => {}): Breaker {
  let failures = 0;
  /** 0: closed. */
  let openUntil = 0;
  /** Until when the probe under way is waited for: one that never reports back must not keep the breaker open. */
  let probeUntil = 0;

  function report(outcome: CallOutcome, probing: boolean): void {
    if (probing) probeUntil = 0;
    if (outcome === "good") {
      // Whichever call it was: CometChat answers.
      failures = 0;
      if (openUntil > 0) changed("closed");
      openUntil = 0;
    } else if (outcome === "bad") {
      failures += 1;
      // Calls that began before it opened say nothing new when they fail.
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
      return { report: (outcome) => report(outcome, probing) };
    },
    admits: () => now() >= Math.max(openUntil, probeUntil),
  };
}
