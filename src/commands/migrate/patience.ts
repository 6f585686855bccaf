import type { GatewayError, Reason } from "../../errors.ts";
import { IMPORT_PAUSE_MOST_MS, IMPORT_PAUSE_MS, IMPORT_TRIES } from "../../limits.ts";
import type { Result } from "../../result.ts";
import type { Pace } from "./pace.ts";

/** The import cannot continue: the API key is wrong, the plan's limit is reached, or CometChat cannot be reached. */
export class Unavailable extends Error {
  constructor(app: string, error: GatewayError | undefined) {
    super(
      `App ${app}: ${error?.remedy ?? "CometChat cannot be reached, or answers only with errors. Try again later."}`,
    );
  }
}

/** Reasons of failures that may be temporary: the same call may succeed later. */
export const TEMPORARY: ReadonlySet<Reason> = new Set<Reason>([
  ...(["upstream-limited", "upstream-fault", "upstream-unreachable"] as const),
  ...(["upstream-answer", "upstream-open", "upstream-timeout"] as const),
]);
/** Reasons that make every call to the app fail. */
export const FATAL: ReadonlySet<Reason> = new Set<Reason>(["upstream-key", "upstream-app", "upstream-plan"]);

/**
 * Milliseconds to wait before the next try: as long as CometChat asks for, else a pause that doubles with each attempt.
 * The jitter prevents that calls which failed together are repeated together.
 */
export function waitFor(error: GatewayError | undefined, attempt: number, random: number): number {
  if (error?.reason === "upstream-limited") return (error.retryAfter ?? 1) * 1000 + random * IMPORT_PAUSE_MS;
  const most = Math.min(IMPORT_PAUSE_MOST_MS, IMPORT_PAUSE_MS * 2 ** attempt);
  return most / 2 + (random * most) / 2;
}

/**
 * Makes a call, and repeats it while its failure may be temporary. Resolves with the call's result; rejects with
 * `Unavailable` if every call fails, or with `Stopped`.
 */
export async function withRetries<T>(
  call: () => Promise<Result<T, GatewayError>>,
  { app, pace, random }: { readonly app: string; readonly pace: Pace; readonly random: () => number },
): Promise<Result<T, GatewayError>> {
  for (let attempt = 1; ; attempt++) {
    const result = await call();
    if (result.ok) return result;
    if (FATAL.has(result.error.reason)) throw new Unavailable(app, result.error);
    if (!TEMPORARY.has(result.error.reason)) return result;
    if (attempt === IMPORT_TRIES) throw new Unavailable(app, result.error);
    await pace.pause(waitFor(result.error, attempt, random()));
  }
}
