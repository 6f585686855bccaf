import type { Deps } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ADDRESSES_REMEMBERED, LIMIT_PERIOD_SECONDS } from "../limits.ts";
import { createMemory } from "../memory.ts";
import { ok, type Result } from "../result.ts";
import { ownTimer } from "../within.ts";
import { addressKey, limit } from "./ratelimit.ts";

/**
 * The rate limit for callers with a secret or a signature: backends, and providers with their webhooks and logouts. All
 * users' requests come from one such address, so only refusals are counted, and a correct caller never reaches the
 * limit.
 *
 * A rate-limit binding counts each time it is asked. Therefore its answer is remembered here: an address that has
 * exceeded the limit is refused for one period, before its body is read or anything is computed.
 */
export interface Refusals {
  /** Fails with `address-limited` if the address has exceeded its limit. Does no I/O. */
  readonly admit: (headers: Headers) => Result<void, GatewayError>;
  /** Counts a refusal; fails with `address-limited` if it exceeds the limit. */
  readonly count: (headers: Headers) => Promise<Result<void, GatewayError>>;
}

export function createRefusals(binding: RateLimit, deps: Deps): Refusals {
  /** For each address, when it may try again, in milliseconds since 1970. */
  const over = createMemory<number>(ADDRESSES_REMEMBERED, deps.now, LIMIT_PERIOD_SECONDS * 1000);
  return {
    admit(headers) {
      // The memory is nearly always empty; then the address need not be read.
      const until = over.size === 0 ? undefined : over.get(addressKey(headers));
      return until === undefined ? ok(undefined) : fail("address-limited", { retryAfter: (until - deps.now()) / 1000 });
    },
    async count(headers) {
      const address = addressKey(headers);
      // The prefix gives refusals a counter apart from that of the sign-ins from the same address.
      const counted = await limit(binding, `refused ${address}`, "address-limited", deps, ownTimer);
      if (!counted.ok) over.set(address, deps.now() + LIMIT_PERIOD_SECONDS * 1000);
      return counted;
    },
  };
}
