import type { GatewayError, Reason } from "../../errors.ts";
import { IMPORT_PAUSE_MOST_MS, IMPORT_PAUSE_MS, IMPORT_TRIES } from "../../limits.ts";
import type { Result } from "../../result.ts";
import type { Pace } from "./pace.ts";

/** CometChat cannot be gone on with: its key is wrong, its plan is used up, or it has been out of reach for too long. */
export class Unavailable extends Error {
  constructor(app: string, error: GatewayError | undefined) {
    super(`App ${app}: ${error?.remedy ?? "CometChat cannot be reached, or answers with errors only."}`);
  }
}

/** The same call may work later. */
export const PASSING: ReadonlySet<Reason> = new Set<Reason>([
  ...(["upstream-limited", "upstream-fault", "upstream-unreachable"] as const),
  ...(["upstream-answer", "upstream-open", "upstream-timeout"] as const),
]);
/** No call works. */
export const FATAL: ReadonlySet<Reason> = new Set<Reason>(["upstream-key", "upstream-app", "upstream-plan"]);

/** As long as CometChat asks for, or a pause that doubles; with jitter, so that what failed together is not sent together. */
export function waitFor(error: GatewayError | undefined, attempt: number, random: number): number {
  if (error?.reason === "upstream-limited") return (error.retryAfter ?? 1) * 1000 + random * IMPORT_PAUSE_MS;
  const most = Math.min(IMPORT_PAUSE_MOST_MS, IMPORT_PAUSE_MS * 2 ** attempt);
  return most / 2 + (random * most) / 2;
}

/** Makes a call again while its failures may pass. Rejects with `Unavailable` where no call works; else its own result. */
export async function patiently<T>(
  call: () => Promise<Result<T, GatewayError>>,
  { app, pace, random }: { readonly app: string; readonly pace: Pace; readonly random: () => number },
): Promise<Result<T, GatewayError>> {
  for (let attempt = 1; ; attempt++) {
    const result = await call();
    if (result.ok) return result;
    if (FATAL.has(result.error.reason)) throw new Unavailable(app, result.error);
    if (!PASSING.has(result.error.reason)) return result;
    if (attempt === IMPORT_TRIES) throw new Unavailable(app, result.error);
    await pace.pause(waitFor(result.error, attempt, random()));
  }
}
