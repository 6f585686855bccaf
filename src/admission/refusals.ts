import type { Deps } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ADDRESSES_REMEMBERED, LIMIT_PERIOD_SECONDS } from "../limits.ts";
import { createMemory } from "../memory.ts";
import { ok, type Result } from "../result.ts";
import { ownTimer } from "../within.ts";
import { addressKey, limit } from "./ratelimit.ts";

/**
 * The limit for callers that prove themselves by a signature or a secret: a backend, or a provider with its webhooks and
 * logouts, is one address with everybody behind it. Only refusals count, so one that behaves never reaches the limit.
 *
 * A rate-limit binding cannot be asked without being counted. So what it said is remembered here: an address that is
 * over its limit is refused for a period before its body is read and before anything is computed for it.
 */
export interface Refusals {
  /** Fails with `address-limited` where the address is over its limit. No I/O. */
  readonly admit: (headers: Headers) => Result<void, GatewayError>;
  /** Counts a refusal; fails as above where it is one too many. */
  readonly count: (headers: Headers) => Promise<Result<void, GatewayError>>;
}

export function createRefusals(binding: RateLimit, deps: Deps): Refusals {
  /** Address → when it may try again, in milliseconds since 1970. */
  const over = createMemory<number>(ADDRESSES_REMEMBERED, deps.now, LIMIT_PERIOD_SECONDS * 1000);
  return {
    admit(headers) {
      // Most of the time there is nobody.
      const until = over.size === 0 ? undefined : over.get(addressKey(headers));
      return until === undefined ? ok(undefined) : fail("address-limited", { retryAfter: (until - deps.now()) / 1000 });
    },
    async count(headers) {
      const address = addressKey(headers);
      // A counter of their own: sign-ins from that address are no guesses.
      const counted = await limit(binding, `refused ${address}`, "address-limited", deps, ownTimer);
      if (!counted.ok) over.set(address, deps.now() + LIMIT_PERIOD_SECONDS * 1000);
      return counted;
    },
  };
}
