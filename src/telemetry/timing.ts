/** The stages of a request that `Server-Timing` names. */
type Stage = "session" | "directory" | "cometchat";

export interface Timing {
  /** Runs `work` and adds its duration to the stage. */
  readonly measure: <T>(stage: Stage, work: () => Promise<T>) => Promise<T>;
  /** Milliseconds per stage so far, and since the start. */
  readonly stages: () => Readonly<Partial<Record<Stage, number>>> & { readonly total: number };
  /** Counts a call to CometChat; `calls` so far, retries included. */
  readonly called: () => void;
  readonly calls: () => number;
  /** The header's value (W3C Server-Timing): durations only. */
  readonly header: () => string;
}

/** Time of one request. The clock stands still during pure computation in production: only I/O shows. */
export function createTiming(now: () => number): Timing {
  const start = now();
  let calls = 0;
  const spent: Partial<Record<Stage, number>> = {};
  const stages = () => ({ ...spent, total: now() - start });
  return {
    async measure(stage, work) {
      const before = now();
      try {
        return await work();
      } finally {
        spent[stage] = (spent[stage] ?? 0) + now() - before;
      }
    },
    stages,
    called: () => {
      calls += 1;
    },
    calls: () => calls,
    header: () =>
      Object.entries(stages())
        .map(([stage, ms]) => `${stage};dur=${ms}`)
        .join(", "),
  };
}
