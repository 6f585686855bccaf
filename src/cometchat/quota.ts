import {
  RATE_LOW_MS,
  RATE_LOW_REMAINING,
  RATE_LOW_SHARE,
  RETRY_AFTER_DEFAULT_SECONDS,
  RETRY_AFTER_MAX_SECONDS,
} from "../limits.ts";

/** The state of an app's rate limit, as its answers describe it. */
export interface Quota {
  /** Reads an answer's headers. `limited`: the seconds to wait after a 429; undefined for any other answer. */
  readonly observe: (headers: Headers, limited: number | undefined) => void;
  /** Milliseconds until the app may be called again; 0 if it may be called now. */
  readonly wait: () => number;
  /** Whether calls that can wait may be made. */
  readonly hasRoom: () => boolean;
}

/** Makes the state for one isolate. Other isolates learn of a limit by their own 429. */
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
      // CometChat limits several classes of calls separately. A high number in an answer may be another class's, so it
      // does not end the shortage; the time does.
      const reset = (number(headers, "x-ratelimit-reset", "x-rate-limit-reset") ?? 0) * 1000;
      const isPlausible = reset > now() && reset <= now() + RETRY_AFTER_MAX_SECONDS * 1000;
      lowUntil = Math.max(lowUntil, isPlausible ? reset : now() + RATE_LOW_MS);
    },
    wait,
    hasRoom: () => wait() === 0 && lowUntil <= now(),
  };
}

/**
 * The whole seconds to wait after a 429, at least 1 and at most RETRY_AFTER_MAX_SECONDS. The header is a number, a
 * date, or missing (RFC 9110 §10.2.3). https://www.cometchat.com/docs/rest-api/rate-limits
 */
export function retryAfter(headers: Headers, now: number): number {
  const text = headers.get("retry-after")?.trim() ?? "";
  let seconds = Number.NaN;
  if (/^\d+$/.test(text)) seconds = Number(text);
  // An HTTP date begins with the name of the day. This is checked, since Date.parse accepts nearly every text.
  else if (/^[A-Z][a-z]{2}/.test(text)) seconds = Math.ceil((Date.parse(text) - now) / 1000);
  if (Number.isNaN(seconds)) seconds = RETRY_AFTER_DEFAULT_SECONDS;
  return Math.min(Math.max(seconds, 1), RETRY_AFTER_MAX_SECONDS);
}

/** Reads a header with a whole number. CometChat's documentation spells the names in two ways. */
function number(headers: Headers, ...names: string[]): number | undefined {
  const text = names.map((name) => headers.get(name)).find((value) => value !== null);
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}
