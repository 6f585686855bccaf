import type { Deps } from "../context.ts";
import { fail, type GatewayError, type Reason } from "../errors.ts";
import { LIMIT_PERIOD_SECONDS, RATE_LIMIT_MS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { type Timer, within } from "../within.ts";

/**
 * Counts one request with a rate-limit binding; fails with `reason` if the limit is exceeded.
 *
 * If the binding itself fails, the request is admitted and the fault is logged: a fault of the rate limit must not
 * prevent a sign-in.
 */
export async function limit(
  binding: RateLimit,
  key: string,
  reason: Reason,
  deps: Pick<Deps, "log">,
  timer: Timer,
): Promise<Result<void, GatewayError>> {
  try {
    const answer = await within(RATE_LIMIT_MS, binding.limit({ key }), timer);
    if (answer) return answer.success ? ok(undefined) : fail(reason, { retryAfter: LIMIT_PERIOD_SECONDS });
  } catch {
    // Treated like a binding that does not answer in time.
  }
  deps.log({ event: "rate-limit-fault", reason });
  return ok(undefined);
}

/**
 * The key of the caller's address. For IPv6 it is the /64 network, since one visitor has all its addresses. Requests
 * without an address share one key.
 */
export function addressKey(headers: Headers): string {
  const address = headers.get("CF-Connecting-IP")?.trim().toLowerCase() || "unknown";
  if (!address.includes(":")) return address;
  // RFC 4291 §2.2: the first four groups, `::` spelled out
  const [head = "", tail] = address.split("::");
  const groups = head.split(":").filter(Boolean);
  if (tail !== undefined) {
    const rest = tail.split(":").filter(Boolean);
    groups.push(...Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => "0"), ...rest);
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
