/** What sign-ins have cost so far: everything that is billed, or limited by CometChat. */
export interface Counts {
  cometchat: number;
  kvReads: number;
  kvWrites: number;
  /** Calls of Durable Objects, alarms included. */
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

/** For each kind of cost, `of` what it was before and what it is now. */
export function combine(before: Counts, now: Counts, of: (before: number, now: number) => number): Counts {
  const result = noCounts();
  for (const name of names) result[name] = of(before[name], now[name]);
  return result;
}
