/** The stages of a request that `Server-Timing` names. */
type Stage = "session" | "directory" | "cometchat";

/** The operator's own names for whom a request is for. */
interface Names {
  app?: string;
  region?: string;
  issuer?: string;
}

export interface Timing {
  /**
   * What is known by now of whom the request is for, whatever becomes of it: each step writes what it has found. A
   * failure's log line tells by this which app or provider it was.
   */
  readonly names: Names;
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
  const names: Names = {};
  const spent: Partial<Record<Stage, number>> = {};
  const stages = () => ({ ...spent, total: now() - start });
  return {
    names,
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
