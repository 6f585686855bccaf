/**
 * Virtual time: it stands still while anything is being computed, and then jumps to the next timer. A night of
 * sign-ins takes seconds, and the machine it runs on has no part in the result.
 *
 * Own code rather than a library of fake timers: those advance when they are told to, and cannot tell whether a
 * signature is still being verified on another thread. Here such work is counted, and time waits for it.
 */
export interface Clock {
  /** Milliseconds since 1970; fractions are kept. */
  readonly now: () => number;
  /** Rejects with the signal's reason when that aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal | null) => Promise<void>;
  /** Runs the work to its end, its timers included. Throws where it waits for something that can never come. */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>;
  /** Lets an idle time pass. */
  readonly pass: (ms: number) => Promise<void>;
}

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly fire: () => void;
}

/**
 * Puts virtual time in the place of the real one for the whole process, until `restore`: the gateway's own timers,
 * deadlines and caches go by it without knowing.
 */
export function installClock(start: number): Clock & { readonly restore: () => void } {
  let time = start;
  let lastId = 0;
  let computing = 0;
  const timers = new Map<number, Timer>();
  const real = { setTimeout, clearTimeout, setImmediate, now: Date.now, timeout: AbortSignal.timeout };

  const schedule = (fire: () => void, ms: number): number => {
    lastId += 1;
    timers.set(lastId, { id: lastId, at: time + Math.max(0, ms || 0), fire });
    return lastId;
  };

  /** Until nothing is left to do but wait. Promise jobs run before the next turn; other threads are counted. */
  async function idle(): Promise<void> {
    do await new Promise((resolve) => real.setImmediate(resolve));
    while (computing > 0);
  }

  function next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of timers.values()) if (!first || timer.at < first.at) first = timer;
    return first;
  }

  function advance(timer: Timer): void {
    timers.delete(timer.id);
    time = Math.max(time, timer.at);
    timer.fire();
  }

  const replacements: Record<string, unknown> = {
    setTimeout: (fire: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => schedule(() => fire(...args), ms),
    clearTimeout: (id: number) => void timers.delete(id),
  };
  Object.assign(globalThis, replacements);
  Date.now = () => Math.floor(time);
  AbortSignal.timeout = (ms: number) => {
    const controller = new AbortController();
    schedule(() => controller.abort(new DOMException("The operation timed out.", "TimeoutError")), ms);
    return controller.signal;
  };
  const uncount = countCalls(crypto.subtle, (change) => {
    computing += change;
  });

  const clock: Clock = {
    now: () => time,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const stop = () => {
          timers.delete(id);
          reject(signal?.reason);
        };
        const id = schedule(() => {
          signal?.removeEventListener("abort", stop);
          resolve();
        }, ms);
        signal?.addEventListener("abort", stop, { once: true });
      }),
    async run(work) {
      let ended = false;
      const end = () => {
        ended = true;
      };
      const running = work();
      running.then(end, end);
      for (await idle(); !ended; await idle()) {
        const timer = next();
        if (!timer) throw new Error("the simulation is stuck: everything waits, and no timer is set");
        advance(timer);
      }
      return running;
    },
    async pass(ms) {
      const end = time + ms;
      for (let timer = next(); timer && timer.at <= end; timer = next()) {
        advance(timer);
        await idle();
      }
      time = Math.max(time, end);
    },
  };
  return {
    ...clock,
    restore() {
      uncount();
      Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
      Date.now = real.now;
      AbortSignal.timeout = real.timeout;
    },
  };
}

/** Tells of every call of the object's methods, +1 when it begins and -1 when its promise has settled. */
function countCalls(object: object, tell: (change: 1 | -1) => void): () => void {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(object)).filter(
    (name) => name !== "constructor" && typeof Reflect.get(object, name) === "function",
  );
  for (const name of methods) {
    const method = Reflect.get(object, name) as (...args: unknown[]) => Promise<unknown>;
    Object.defineProperty(object, name, {
      configurable: true,
      value: async (...args: unknown[]) => {
        tell(1);
        try {
          return await method.apply(object, args);
        } finally {
          tell(-1);
        }
      },
    });
  }
  return () => {
    for (const name of methods) Reflect.deleteProperty(object, name);
  };
}
