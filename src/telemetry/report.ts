import { REFUSALS_COUNTED_MS, REFUSALS_LOGGED, REFUSALS_REMEMBERED } from "../limits.ts";
import type { LogLine } from "./log.ts";

/** The content of a request's log line and data point. It contains no identity: neither uid nor subject nor token. */
export interface RequestLine extends LogLine {
  readonly event: "request";
  readonly route: string;
  readonly status: number;
  readonly code: string;
}

/**
 * The columns of a data point, by their names in the log line: `blob1` is the first text, `double1` the first number.
 * Dashboards read them by their position, so a new column must be added at the end.
 * https://developers.cloudflare.com/analytics/analytics-engine/get-started/
 */
export const TEXTS = ["route", "code", "app", "region", "colo", "issuer"] as const;
export const NUMBERS = [
  ...(["status", "total", "session", "directory", "cometchat"] as const),
  ...(["calls", "created", "reused"] as const),
];

export function pointOf(line: RequestLine): Required<AnalyticsEngineDataPoint> {
  return {
    indexes: [line.route],
    blobs: TEXTS.map((name) => String(line[name] ?? "")),
    doubles: NUMBERS.map((name) => Number(line[name] ?? 0)),
  };
}

/** Writes a request's log line, and its data point if there is a data set. Never fails. */
export type Report = (line: RequestLine, metrics: AnalyticsEngineDataset | undefined) => void;

/**
 * Makes the function that writes log lines and data points. To bound the log under an attack, only the first
 * REFUSALS_LOGGED refusals (4xx) of a minute with the same route, code and reason are written; one line reports the
 * number of the others. Data points are written for all requests.
 */
export function createReport({
  log,
  now,
}: {
  readonly log: (line: LogLine) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}): Report {
  const refusals = new Map<string, { readonly since: number; count: number; readonly line: RequestLine }>();

  function reportCounts(): void {
    for (const [key, { since, count, line }] of refusals) {
      if (now() < since + REFUSALS_COUNTED_MS) continue;
      refusals.delete(key);
      if (count <= REFUSALS_LOGGED) continue;
      const { route, code, reason } = line;
      log({ event: "refusals-not-logged", route, code, reason, count: count - REFUSALS_LOGGED, since });
    }
  }

  /** Counts a refusal, and returns whether it is written. */
  function isWritten(line: RequestLine): boolean {
    const key = `${line.route} ${line.code} ${line.reason}`;
    const same = refusals.get(key);
    if (same) {
      same.count += 1;
      return same.count <= REFUSALS_LOGGED;
    }
    if (refusals.size < REFUSALS_REMEMBERED) refusals.set(key, { since: now(), count: 1, line });
    return true;
  }

  return (line, metrics) => {
    if (refusals.size > 0) reportCounts();
    const isRefusal = line.status >= 400 && line.status < 500;
    if (!isRefusal || isWritten(line)) log(line);
    try {
      metrics?.writeDataPoint(pointOf(line));
    } catch {
      // A failure of the metrics must not fail the request.
    }
  };
}
