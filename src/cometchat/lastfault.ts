import type { Deps } from "../context.ts";
import type { Reason } from "../errors.ts";
import { FAULT_KNOWN_MS } from "../limits.ts";
import type { Send } from "./resilience.ts";

/** Faults that keep every user of an app from a token. Any other failure is an answer about one user. */
const APP_FAULTS: ReadonlySet<Reason> = new Set<Reason>([
  ...(["upstream-key", "upstream-app", "upstream-plan", "upstream-limited"] as const),
  ...(["upstream-fault", "upstream-unreachable", "upstream-answer", "upstream-open", "upstream-timeout"] as const),
]);

/** Watches how an app's calls end, so that /readyz can name an app that fails without calling it. */
export function watched(send: Send, now: Deps["now"]): { send: Send; lastFault: () => Reason | undefined } {
  let last: { readonly reason: Reason; readonly at: number } | undefined;
  return {
    async send(call, context) {
      const result = await send(call, context);
      const reason = result.ok ? undefined : result.error.reason;
      last = reason !== undefined && APP_FAULTS.has(reason) ? { reason, at: now() } : undefined;
      return result;
    },
    // An old fault tells nothing about the present.
    lastFault: () => (last && now() - last.at < FAULT_KNOWN_MS ? last.reason : undefined),
  };
}
