import type { Deps } from "../context.ts";
import { fail, type GatewayError, type Reason } from "../errors.ts";
import { LIMIT_PERIOD_SECONDS, RATE_LIMIT_MS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { type Timer, within } from "../within.ts";

/**
 * Counts one request against a rate-limit binding; fails with `reason` when it is over.
 *
 * A binding that fails lets the request through, and says so in the log: it is a brake, not a lock, and a fault of
 * it must not cost a sign-in.
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
    // As one that does not answer.
  }
  deps.log({ event: "rate-limit-fault", reason });
  return ok(undefined);
}

/**
 * The caller's address as a key. An IPv6 visitor owns a /64, so that is what counts; requests without an address
 * share one key, never none.
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
