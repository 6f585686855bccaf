/**
 * Cloudflare's published prices in US dollars as of November 2026, and estimates of the use. To try others, change them
 * here and run the simulation again.
 */

export interface Price {
  /** The units that the Workers Paid plan includes in a month. */
  readonly included: number;
  /** The price of each further unit. */
  readonly each: number;
}

const million = (dollars: number) => dollars / 1e6;

/** https://developers.cloudflare.com/workers/platform/pricing/ */
export const SUBSCRIPTION = 5;
export const PRICES = {
  requests: { included: 10e6, each: million(0.3) },
  cpuMs: { included: 30e6, each: million(0.02) },
  /** https://developers.cloudflare.com/kv/platform/pricing/ */
  kvReads: { included: 10e6, each: million(0.5) },
  kvWrites: { included: 1e6, each: million(5) },
  kvGigabytes: { included: 1, each: 0.5 },
  /** https://developers.cloudflare.com/durable-objects/platform/pricing/ */
  ledgerRequests: { included: 1e6, each: million(0.15) },
  ledgerGigabyteSeconds: { included: 400e3, each: million(12.5) },
  rowsWritten: { included: 50e6, each: million(1) },
  ledgerGigabytes: { included: 5, each: 0.2 },
  /** https://developers.cloudflare.com/analytics/analytics-engine/pricing/ */
  dataPoints: { included: 10e6, each: million(0.25) },
  /** From 2026-12-01: https://developers.cloudflare.com/observability/pricing/ */
  logGigabytes: { included: 50, each: 0.25 },
  logGigabyteMonths: { included: 12, each: 0.1 },
} as const satisfies Record<string, Price>;

export type Use = { readonly [K in keyof typeof PRICES]: number };

/** The limits per day of the Workers Free plan (on the same pages). */
export const FREE_PLAN = { requests: 100_000, kvReads: 100_000, kvWrites: 1_000, ledgerRequests: 100_000 } as const;

/**
 * Calls per minute and app (https://www.cometchat.com/docs/rest-api/rate-limits). All calls count as core operations.
 */
export const COMETCHAT_LIMIT = { paid: 10_000, build: 500 } as const;

// All numbers from here on are estimates.
/** How often a person opens the app on a day, and so asks for a token. */
export const SIGN_INS_A_DAY = 4;
/** How many of these are the first of a new session. The others have a session that already has a token. */
export const NEW_SESSIONS_A_DAY = 1;
/** The share of a day's people who are new. */
export const NEW_USERS = 0.01;
/** The number of all users, divided by the people of a day. */
export const KNOWN_USERS = 3;
/** The calls in the busiest minute, divided by those in an average one. */
export const PEAK = 3;
/** Preflights for each sign-in. One is the most that a browser on another origin sends. */
export const PREFLIGHTS = 1;
/**
 * Milliseconds of CPU per request. `npm run bench` measures it on one machine. In production the dashboard shows it.
 */
export const CPU_MS = 2;
/** The seconds that one call keeps an object busy, and the memory that is billed for that time. */
export const LEDGER_SECONDS = 0.01;
export const LEDGER_GIGABYTES = 0.128;
/** The bytes that Workers Logs adds to the gateway's line of a request. */
export const LOG_ENVELOPE = 1_000;
/** The days for which logs are stored (https://developers.cloudflare.com/observability/pricing/). */
export const LOG_DAYS = 7;
export const DAYS = 30;
