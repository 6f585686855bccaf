import {
  RATE_LOW_MS,
  RATE_LOW_REMAINING,
  RATE_LOW_SHARE,
  RETRY_AFTER_DEFAULT_SECONDS,
  RETRY_AFTER_MAX_SECONDS,
} from "../limits.ts";

/** What an app's answers said of its rate limit. */
export interface Quota {
  /** Reads an answer's headers; `limited`: the seconds that a 429 asked for. */
  readonly observe: (headers: Headers, limited: number | undefined) => void;
  /** Milliseconds until the app may be called again; 0: now. */
  readonly wait: () => number;
  /** Whether calls that can wait may be made. */
  readonly hasRoom: () => boolean;
}

/** Kept per isolate: another one learns of the limit by its own 429. */
export function createQuota(now: () => number): Quota {
  let blockedUntil = 0;
  let lowUntil = 0;
  const wait = () => Math.max(0, blockedUntil - now());
  return {
    observe(headers, limited) {
      if (limited !== undefined) blockedUntil = Math.max(blockedUntil, now() + limited * 1000);
      const remaining = number(headers, "x-ratelimit-remaining", "x-rate-limit-remaining");
      if (remaining === undefined) return;
      const limit = number(headers, "x-ratelimit-limit", "x-rate-limit");
      if (remaining > (limit === undefined ? RATE_LOW_REMAINING : limit * RATE_LOW_SHARE)) return;
      // Calls of another class have a limit of their own: their plenty does not end this; the minute does.
      const reset = (number(headers, "x-ratelimit-reset", "x-rate-limit-reset") ?? 0) * 1000;
      const sane = reset > now() && reset <= now() + RETRY_AFTER_MAX_SECONDS * 1000;
      lowUntil = Math.max(lowUntil, sane ? reset : now() + RATE_LOW_MS);
    },
    wait,
    hasRoom: () => wait() === 0 && lowUntil <= now(),
  };
}

/**
 * The seconds that a 429 asks for: whole, at least 1, bounded. It may be a number, a date, or absent (RFC 9110 §10.2.3).
 * https://www.cometchat.com/docs/rest-api/rate-limits
 */
export function retryAfter(headers: Headers, now: number): number {
  const text = headers.get("retry-after")?.trim() ?? "";
  let seconds = Number.NaN;
  if (/^\d+$/.test(text)) seconds = Number(text);
  // Date.parse takes almost anything; an HTTP date begins with the day's name.
  else if (/^[A-Z][a-z]{2}/.test(text)) seconds = Math.ceil((Date.parse(text) - now) / 1000);
  if (Number.isNaN(seconds)) seconds = RETRY_AFTER_DEFAULT_SECONDS;
  return Math.min(Math.max(seconds, 1), RETRY_AFTER_MAX_SECONDS);
}

/** CometChat's pages spell these headers in two ways. */
function number(headers: Headers, ...names: string[]): number | undefined {
  const text = names.map((name) => headers.get(name)).find((value) => value !== null);
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}
