/** The costs of sign-ins: everything that Cloudflare bills or CometChat limits. */
export interface Counts {
  cometchat: number;
  kvReads: number;
  kvWrites: number;
  /** Calls of Durable Objects. Alarms count too. */
  ledger: number;
  rowsWritten: number;
  dataPoints: number;
  logLines: number;
  logBytes: number;
}

export const noCounts = (): Counts => ({
  cometchat: 0,
  kvReads: 0,
  kvWrites: 0,
  ledger: 0,
  rowsWritten: 0,
  dataPoints: 0,
  logLines: 0,
  logBytes: 0,
});

const names = Object.keys(noCounts()) as (keyof Counts)[];

/** Applies `of` to each kind of cost, with its value in `before` and its value in `now`. */
export function combine(before: Counts, now: Counts, of: (before: number, now: number) => number): Counts {
  const result = noCounts();
  for (const name of names) result[name] = of(before[name], now[name]);
  return result;
}
