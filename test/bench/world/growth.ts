import { type Counts, combine, noCounts } from "./counts.ts";
import * as prices from "./prices.ts";
import type { Outcome } from "./signins.ts";

export interface Month {
  /** People per day. */
  readonly daily: number;
  /** Calls to CometChat in the busiest minute. */
  readonly callsPerMinute: number;
  readonly use: prices.Use;
  /** US dollars, with the subscription. */
  readonly dollars: number;
  readonly lines: Readonly<Record<keyof prices.Use, number>>;
}

/** The costs of one person on one day, from the counts of the simulation. */
export function personDay({ cost }: Outcome): Counts {
  const { NEW_USERS, NEW_SESSIONS_A_DAY, SIGN_INS_A_DAY } = prices;
  const begun = NEW_SESSIONS_A_DAY - NEW_USERS;
  const others = SIGN_INS_A_DAY - NEW_SESSIONS_A_DAY;
  const parts: [number, Counts][] = [
    [NEW_USERS, cost.first],
    [begun, cost.anew],
    [others, cost.later],
  ];
  return parts.reduce((sum, [times, counts]) => combine(sum, counts, (a, b) => a + times * b), noCounts());
}

/** A month with so many people on each of its days. */
export function month(daily: number, day: Counts, bytes: Outcome["bytes"]): Month {
  const times = daily * prices.DAYS;
  const requests = times * prices.SIGN_INS_A_DAY * (1 + prices.PREFLIGHTS);
  const logGigabytes = (times * day.logBytes + requests * prices.LOG_ENVELOPE) / 1e9;
  const known = daily * prices.KNOWN_USERS;
  const use: prices.Use = {
    requests,
    cpuMs: times * prices.SIGN_INS_A_DAY * prices.CPU_MS,
    kvReads: times * day.kvReads,
    kvWrites: times * day.kvWrites,
    kvGigabytes: (known * bytes.kv) / 1e9,
    ledgerRequests: times * day.ledger,
    ledgerGigabyteSeconds: times * day.ledger * prices.LEDGER_SECONDS * prices.LEDGER_GIGABYTES,
    rowsWritten: times * day.rowsWritten,
    ledgerGigabytes: (known * bytes.ledger) / 1e9,
    dataPoints: times * day.dataPoints,
    logGigabytes,
    logGigabyteMonths: (logGigabytes * prices.LOG_DAYS) / prices.DAYS,
  };
  const names = Object.keys(prices.PRICES) as (keyof prices.Use)[];
  const lines = Object.fromEntries(
    names.map((name) => [name, charge(use[name], prices.PRICES[name])]),
  ) as Month["lines"];
  return {
    daily,
    callsPerMinute: (daily * day.cometchat * prices.PEAK) / 1440,
    use,
    dollars: prices.SUBSCRIPTION + Object.values(lines).reduce((sum, line) => sum + line, 0),
    lines,
  };
}

export const charge = (used: number, { included, each }: prices.Price): number => Math.max(0, used - included) * each;

/** The number of people per day at which each limit is reached. */
export function limits(day: Counts): readonly { readonly limit: string; readonly people: number }[] {
  const { COMETCHAT_LIMIT, FREE_PLAN, PEAK, SIGN_INS_A_DAY, PREFLIGHTS } = prices;
  const calls = (limit: number) => (limit * 1440) / (day.cometchat * PEAK);
  return [
    { limit: "CometChat, free plan: 500 calls a minute", people: calls(COMETCHAT_LIMIT.build) },
    { limit: "CometChat: 10,000 calls a minute and app", people: calls(COMETCHAT_LIMIT.paid) },
    { limit: "Workers Free: 100,000 requests a day", people: FREE_PLAN.requests / (SIGN_INS_A_DAY * (1 + PREFLIGHTS)) },
    { limit: "Workers Free: 100,000 KV reads a day", people: FREE_PLAN.kvReads / day.kvReads },
    { limit: "Workers Free: 1,000 KV writes a day", people: FREE_PLAN.kvWrites / day.kvWrites },
    { limit: "Workers Free: 100,000 Durable Object requests a day", people: FREE_PLAN.ledgerRequests / day.ledger },
  ];
}
