import { REFUSALS_COUNTED_MS, REFUSALS_LOGGED, REFUSALS_REMEMBERED } from "../limits.ts";
import type { LogLine } from "./log.ts";

/** What is told of one request, in its log line and its data point. No identity: neither uid nor subject nor token. */
export interface RequestLine extends LogLine {
  readonly event: "request";
  readonly route: string;
  readonly status: number;
  readonly code: string;
}

/**
 * The columns of a data point, by the names that they have in the log line: `blob1` is the first of the texts, `double1`
 * the first of the numbers. Dashboards read them by their place, so a new one goes to the end.
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

/** Writes the line of each request, and its data point where there is a dataset. Never fails. */
export type Report = (line: RequestLine, metrics: AnalyticsEngineDataset | undefined) => void;

/**
 * Under an attack the log stays bounded: of refusals (4xx) that are equal in route, code and reason, the first hundred
 * of a minute are written, and the others are counted and told in one line. Data points are written for all.
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

  function tellEnded(): void {
    for (const [key, { since, count, line }] of refusals) {
      if (now() < since + REFUSALS_COUNTED_MS) continue;
      refusals.delete(key);
      if (count <= REFUSALS_LOGGED) continue;
      const { route, code, reason } = line;
      log({ event: "refusals-not-logged", route, code, reason, count: count - REFUSALS_LOGGED, since });
    }
  }

  /** Whether a refusal is written: it is not one too many of its kind. */
  function isWritten(line: RequestLine): boolean {
    const key = `${line.route} ${line.code} ${line.reason}`;
    const before = refusals.get(key);
    if (before) {
      before.count += 1;
      return before.count <= REFUSALS_LOGGED;
    }
    if (refusals.size < REFUSALS_REMEMBERED) refusals.set(key, { since: now(), count: 1, line });
    return true;
  }

  return (line, metrics) => {
    if (refusals.size > 0) tellEnded();
    const isRefusal = line.status >= 400 && line.status < 500;
    if (!isRefusal || isWritten(line)) log(line);
    try {
      metrics?.writeDataPoint(pointOf(line));
    } catch {
      // Numbers about a request must not cost the request.
    }
  };
}
