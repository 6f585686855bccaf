import type { Deps } from "../context.ts";
import type { Reason } from "../errors.ts";
import { TROUBLE_KNOWN_MS } from "../limits.ts";
import type { Send } from "./resilience.ts";

/** What stands between an app and every one of its users; anything else is an answer about one of them. */
const TROUBLES: ReadonlySet<Reason> = new Set<Reason>([
  ...(["upstream-key", "upstream-app", "upstream-plan", "upstream-limited"] as const),
  ...(["upstream-fault", "upstream-unreachable", "upstream-answer", "upstream-open", "upstream-timeout"] as const),
]);

/** Watches what becomes of an app's calls, so that /readyz can name the app without calling it. */
export function watched(send: Send, now: Deps["now"]): { send: Send; trouble: () => Reason | undefined } {
  let last: { readonly reason: Reason; readonly at: number } | undefined;
  return {
    async send(call, context) {
      const result = await send(call, context);
      const reason = result.ok ? undefined : result.error.reason;
      last = reason !== undefined && TROUBLES.has(reason) ? { reason, at: now() } : undefined;
      return result;
    },
    // What was seen long ago says nothing of now.
    trouble: () => (last && now() - last.at < TROUBLE_KNOWN_MS ? last.reason : undefined),
  };
}
