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
  measure<T>(stage: Stage, work: () => Promise<T>): Promise<T>;
  /** Milliseconds per stage so far, and since the start. */
  stages(): Readonly<Partial<Record<Stage, number>>> & { readonly total: number };
  /** Counts a call to CometChat; `calls` so far, retries included. */
  called(): void;
  calls(): number;
  /** The header's value (W3C Server-Timing): durations only. */
  header(): string;
}

/** Runs `work` as a span of that name in the runtime's trace, where one is taken. */
export type Span = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/**
 * Time of one request. The clock stands still during pure computation in production: only I/O shows.
 *
 * @param now milliseconds since 1970
 * @param spanOf what makes each stage a span of the trace, where one is taken; asked at the first stage
 */
export const createTiming = (now: () => number, spanOf?: () => Span | undefined): Timing =>
  new RequestTiming(now, spanOf);

/** A class, since each request has one: its methods are made once. */
class RequestTiming implements Timing {
  readonly names: Names = {};
  readonly #now: () => number;
  readonly #start: number;
  #spanOf: (() => Span | undefined) | undefined;
  #span: Span | undefined;
  readonly #spent: Partial<Record<Stage, number>> = {};
  #calls = 0;

  constructor(now: () => number, spanOf: (() => Span | undefined) | undefined) {
    this.#now = now;
    this.#spanOf = spanOf;
    this.#start = now();
  }

  async measure<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    const before = this.#now();
    if (this.#spanOf) {
      this.#span = this.#spanOf();
      this.#spanOf = undefined;
    }
    try {
      return await (this.#span ? this.#span(stage, work) : work());
    } finally {
      this.#spent[stage] = (this.#spent[stage] ?? 0) + this.#now() - before;
    }
  }

  stages() {
    return { ...this.#spent, total: this.#now() - this.#start };
  }

  called(): void {
    this.#calls += 1;
  }

  calls(): number {
    return this.#calls;
  }

  header(): string {
    let header = "";
    for (const [stage, ms] of Object.entries(this.stages())) header += `${header && ", "}${stage};dur=${ms}`;
    return header;
  }
}
