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
  /** Time stands still until this is done. For what is answered outside of this process. */
  readonly during: <T>(work: Promise<T>) => Promise<T>;
  /** Time stands still while more such calls have begun (1) than have ended (-1). */
  readonly count: (change: 1 | -1) => void;
  /** Lets time pass by itself whenever everything waits, until the returned function is called. */
  readonly flow: () => () => Promise<void>;
}

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly fire: () => void;
}

/** In Node, where promise jobs run before the next turn. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Puts virtual time in the place of the real one for the whole process, until `restore`: the gateway's own timers,
 * deadlines and caches go by it without knowing.
 *
 * @param outside objects whose methods are answered outside of this process, as KV's are: time waits for these answers
 * @param turn resolves when the runtime's own loop has turned once
 * @param turns after so many of them nothing is left to be done, if no call is counted
 * @param ring gets the function of a timer when it is set, and whether the timer is still set; returns what is called at
 *   its time
 */
export function installClock(
  start: number,
  options: {
    outside?: readonly object[];
    turn?: () => Promise<void>;
    turns?: number;
    ring?: (fire: () => void, isSet: () => boolean) => () => void;
  } = {},
): Clock & { readonly restore: () => void } {
  const { outside = [], turn = nextTurn, turns = 1, ring = (fire) => fire } = options;
  let time = start;
  let lastId = 0;
  let computing = 0;
  const timers = new Map<number, Timer>();
  const real = { setTimeout, clearTimeout, Date, now: Date.now, timeout: AbortSignal.timeout };

  const schedule = (fire: () => void, ms: number): number => {
    lastId += 1;
    const id = lastId;
    timers.set(id, { id, at: time + Math.max(0, ms || 0), fire: ring(fire, () => timers.has(id)) });
    return id;
  };

  /** Until nothing is left to do but wait. Other threads are counted. */
  async function idle(): Promise<void> {
    do for (let count = 0; count < turns; count += 1) await turn();
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
    async during(work) {
      clock.count(1);
      try {
        return await work;
      } finally {
        clock.count(-1);
      }
    },
    count(change) {
      computing += change;
    },
    flow() {
      let flowing = true;
      const ended = (async () => {
        while (flowing) {
          await idle();
          if (!flowing) break;
          const timer = next();
          if (timer) advance(timer);
          // What is due at the same time need not wait for everything that follows from the first.
          for (let other = next(); other && other.at <= time; other = next()) {
            await turn();
            advance(other);
          }
        }
      })();
      return () => {
        flowing = false;
        return ended;
      };
    },
  };
  const uncount = [crypto.subtle, ...outside].map((object) => countCalls(object, clock.count));
  return {
    ...clock,
    restore() {
      for (const stop of uncount) stop();
      timers.clear();
      Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
      // A test may have put another one in its place.
      real.Date.now = real.now;
      AbortSignal.timeout = real.timeout;
    },
  };
}

/** Reports each call of the object's methods: +1 when it begins, -1 when its promise has settled. */
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
