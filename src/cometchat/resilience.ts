import { type Context, type Deps, pause } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ATTEMPT_MS, ATTEMPT_SHARE, ATTEMPTS, BACKOFF_MS } from "../limits.ts";
import type { Result } from "../result.ts";
import type { Breaker } from "./breaker.ts";
import type { Call, Client } from "./client.ts";
import type { Quota } from "./quota.ts";

/** Makes one call, with retries as far as the breaker and the deadline allow. */
export type Send = <T>(call: Call<T>, context: Context) => Promise<Result<T, GatewayError>>;

/**
 * Makes the function that calls CometChat. Only failures that may be temporary are tried again: a failed connection, a
 * lost or invalid answer, a 5xx, or a code of such a fault. A refusal is not tried again, and after a 429 no call is
 * made until the time that it names. Every call may be repeated: a second create is answered with "exists", a second
 * mint leaves one token unused, and all other calls have the same effect again.
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

      // The last attempt gets all the time that is left. The attempt after a timeout is the last one.
      const last = call.once !== undefined || attempt === ATTEMPTS || failed?.timedOut === true;
      const left = Math.min(deadline.left(), call.once ?? Number.POSITIVE_INFINITY);
      timing.called();
      const ended = await client(call, last ? left : Math.min(ATTEMPT_MS, left * ATTEMPT_SHARE), deadline.timer);
      permitted.report(!ended.temporary);
      if (ended.headers) quota.observe(ended.headers, limited(ended.result));
      if (ended.result.ok || !ended.temporary) return ended.result;
      call.lost?.();
      if (last) return ended.result;

      failed = { result: ended.result, timedOut: ended.result.error.reason === "upstream-timeout" };
      // The pause is random from 0 (full jitter), so that calls which failed together are not repeated together.
      if (!(await pause(random() * BACKOFF_MS * 2 ** (attempt - 1), deadline))) return failed.result;
    }
  };
}

const limited = (result: Result<unknown, GatewayError>): number | undefined =>
  !result.ok && result.error.reason === "upstream-limited" ? result.error.retryAfter : undefined;

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));
