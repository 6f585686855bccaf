import type { Deps } from "../context.ts";
import type { Reason } from "../errors.ts";
import { FAULT_KEPT_MS } from "../limits.ts";
import type { Send } from "./resilience.ts";

/** The reasons that concern the whole app. Any other failure concerns one user. */
const APP_FAULTS: ReadonlySet<Reason> = new Set<Reason>([
  ...(["upstream-key", "upstream-app", "upstream-plan", "upstream-limited"] as const),
  ...(["upstream-fault", "upstream-unreachable", "upstream-answer", "upstream-open", "upstream-timeout"] as const),
]);

/** Records the last fault of an app's calls, so that /readyz can report it without a call. */
export function watched(send: Send, now: Deps["now"]): { send: Send; lastFault: () => Reason | undefined } {
  let last: { readonly reason: Reason; readonly at: number } | undefined;
  return {
    async send(call, context) {
      const result = await send(call, context);
      const reason = result.ok ? undefined : result.error.reason;
      last = reason !== undefined && APP_FAULTS.has(reason) ? { reason, at: now() } : undefined;
      return result;
    },
    // After a while, a fault shows nothing about the app's present state.
    lastFault: () => (last && now() - last.at < FAULT_KEPT_MS ? last.reason : undefined),
  };
}
