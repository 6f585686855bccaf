import { RETRY_AFTER_DEFAULT_SECONDS, RETRY_AFTER_MAX_SECONDS } from "../limits.ts";

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
