import type { Context, Deadline, Deps } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ATTEMPT_LEFT_MS, ATTEMPT_MS, ATTEMPT_SHARE, ATTEMPTS, BACKOFF_MS } from "../limits.ts";
import type { Result } from "../result.ts";
import type { Breaker } from "./breaker.ts";
import type { Call, Client } from "./client.ts";
import type { Quota } from "./quota.ts";

/** One call, with as many attempts as its faults, the breaker and the deadline allow. */
export type Send = <T>(call: Call<T>, context: Context) => Promise<Result<T, GatewayError>>;

/**
 * Only what may pass is tried again: no connection, a lost or senseless answer, a 5xx, a passing fault by its code.
 * A refusal never is, and a 429 is remembered instead. Every call may be repeated: a second create says that the user
 * exists, a second mint leaves a token that nobody knows, all others do the same thing again.
 */
export function createSend(client: Client, breaker: Breaker, quota: Quota, { random }: Pick<Deps, "random">): Send {
  return async (call, { deadline, timing }) => {
    if (call.path === undefined) return fail("uid-form");
    let failed: { result: Result<never, GatewayError>; timedOut: boolean } | undefined;
    for (let attempt = 1; ; attempt++) {
      const blocked = quota.wait();
      if (blocked > 0) return fail("upstream-limited", { retryAfter: seconds(blocked) });
      const permitted = breaker.permit();
      if ("wait" in permitted) return failed?.result ?? fail("upstream-open", { retryAfter: seconds(permitted.wait) });

      // After a timeout, or at the end, there is nothing to keep time for.
      const last = call.once !== undefined || attempt === ATTEMPTS || failed?.timedOut === true;
      const left = Math.min(deadline.left(), call.once ?? Number.POSITIVE_INFINITY);
      timing.called();
      const tried = await client(call, deadline, last ? left : Math.min(ATTEMPT_MS, left * ATTEMPT_SHARE));
      permitted.report(gone(deadline) ? "unknown" : tried.passing ? "bad" : "good");
      if (tried.headers) quota.observe(tried.headers, limited(tried.result));
      if (tried.result.ok || !tried.passing) return tried.result;
      call.lost?.();
      if (last) return tried.result;

      failed = { result: tried.result, timedOut: tried.result.error.reason === "upstream-timeout" };
      // Full jitter: callers that failed together do not come back together.
      const pause = random() * BACKOFF_MS * 2 ** (attempt - 1);
      if (deadline.left() < pause + ATTEMPT_LEFT_MS || !(await slept(pause, deadline.signal))) return failed.result;
    }
  };
}

/** Whether the caller has left: that tells nothing about CometChat, a deadline that passed does. */
const gone = ({ signal }: Deadline): boolean => signal?.aborted === true;

const limited = (result: Result<unknown, GatewayError>): number | undefined =>
  !result.ok && result.error.reason === "upstream-limited" ? result.error.retryAfter : undefined;

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** False where the signal ended it. No timer is left behind. */
function slept(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve(!signal?.aborted);
    };
    const timer = setTimeout(finish, ms);
    if (signal?.aborted) finish();
    else signal?.addEventListener("abort", finish);
  });
}
