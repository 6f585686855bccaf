/** The stages of a request that `Server-Timing` names. */
type Stage = "session" | "directory" | "cometchat";

/** The operator's names of the app and the issuer that a request is about. */
interface Names {
  app?: string;
  region?: string;
  issuer?: string;
}

export interface Timing {
  /**
   * The names that are known so far. Each step of the request adds what it has found, so that the log line of a failure
   * names the app or the issuer as well.
   */
  readonly names: Names;
  /** Runs `work` and adds its duration to the stage. */
  measure<T>(stage: Stage, work: () => Promise<T>): Promise<T>;
  /** The milliseconds of each stage so far, and the total since the start. */
  stages(): Readonly<Partial<Record<Stage, number>>> & { readonly total: number };
  /** Counts a call to CometChat. */
  called(): void;
  /** The number of calls to CometChat so far, retries included. */
  calls(): number;
  /** The value of the `Server-Timing` header (W3C Server Timing), which contains only durations. */
  header(): string;
}

/** Runs `work` as a span of that name in the runtime's trace, if the request is traced. */
export type Span = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/**
 * Measures the time of one request. In production the clock stands still during computation, so only I/O is measured.
 *
 * @param now milliseconds since 1970
 * @param spanOf returns the function that makes a span of each stage, or undefined without a trace; called at the first
 * stage
 */
export const createTiming = (now: () => number, spanOf?: () => Span | undefined): Timing =>
  new RequestTiming(now, spanOf);

/** It is a class because each request has one object: methods of a class are created only once. */
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
