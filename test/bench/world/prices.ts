/**
 * Cloudflare's published prices in US dollars, as of November 2026, and how much use is assumed. One table: change it
 * and run again.
 */

export interface Price {
  /** What a month of the Workers Paid plan includes. */
  readonly included: number;
  /** For each unit above. */
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

/** What the plan without a subscription allows in a day (the same pages). */
export const FREE_PLAN = { requests: 100_000, kvReads: 100_000, kvWrites: 1_000, ledgerRequests: 100_000 } as const;

/** Calls a minute and app: https://www.cometchat.com/docs/rest-api/rate-limits. All are counted as core operations. */
export const COMETCHAT_LIMIT = { paid: 10_000, build: 500 } as const;

// Estimates, all of them
/** How often a person who uses the app on a day opens it anew, and asks for a token. */
export const SIGN_INS_A_DAY = 4;
/** Of these, in a session that has begun on that day; the others come with one that holds a token. */
export const NEW_SESSIONS_A_DAY = 1;
/** Of the people of a day, new ones. */
export const NEW_USERS = 0.01;
/** People known for each who comes on a day. */
export const KNOWN_USERS = 3;
/** The busiest minute against the average one. */
export const PEAK = 3;
/** A browser on another origin asks first (CORS), once for each sign-in at worst. */
export const PREFLIGHTS = 1;
/** Milliseconds of CPU for a request. `npm run bench` measures it on one machine; the dashboard shows it in production. */
export const CPU_MS = 2;
/** Seconds that an object is busy with one call, and its billed memory. */
export const LEDGER_SECONDS = 0.01;
export const LEDGER_GIGABYTES = 0.128;
/** Bytes that Workers Logs adds to a request's own line. */
export const LOG_ENVELOPE = 1_000;
/** Days that logs are kept (https://developers.cloudflare.com/observability/pricing/). */
export const LOG_DAYS = 7;
export const DAYS = 30;
