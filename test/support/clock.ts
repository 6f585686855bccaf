import { sleep } from "../sandbox/cometchat/options.ts";

/**
 * Virtual time. It stands still while anything is computed, and then jumps to the next timer. So hours of sign-ins take
 * seconds, and the speed of the machine does not change the result.
 *
 * A library of fake timers cannot do this. It moves time only when a test says so, and does not know whether a
 * signature is still being verified on another thread. Here such work is counted, and time waits for it.
 */
export interface Clock {
  /** Milliseconds since 1970, with fractions. */
  readonly now: () => number;
  /** Rejects with the signal's reason when the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal | null) => Promise<void>;
  /** Runs the work and its timers to the end. Throws if the work waits for something that can never happen. */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>;
  /** Lets this time pass while no work is running. */
  readonly pass: (ms: number) => Promise<void>;
  /** Time stands still until this work is done. It is for calls that are answered outside of this process. */
  readonly during: <T>(work: Promise<T>) => Promise<T>;
  /** Counts a call that begins (1) or ends (-1). Time stands still while a counted call has not ended. */
  readonly count: (change: 1 | -1) => void;
  /** Moves time to the next timer whenever nothing else is running, until the returned function is called. */
  readonly flow: () => () => Promise<void>;
}

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly fire: () => void;
}

/** One turn of Node's event loop. All promise callbacks run before it. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Replaces the real time of the whole process by virtual time, until `restore`. It applies to the gateway's timers,
 * deadlines and caches too.
 *
 * @param outside objects whose methods are answered outside of this process, such as KV: time waits for the answers
 * @param turn resolves after one turn of the runtime's event loop
 * @param turns after so many turns without a counted call, nothing is running any more
 * @param ring gets the function of a timer when it is set, and whether the timer is still set; returns what is called
 * at   its time
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

  /** Waits until nothing is running. Work on other threads counts. */
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
    sleep: (ms, signal) => sleep(ms, signal ?? undefined),
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
          // Timers with the same time are called without waiting until all work of the first is done.
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
      // A test may have replaced `Date`.
      real.Date.now = real.now;
      AbortSignal.timeout = real.timeout;
    },
  };
}

/** Reports each call of the object's methods: +1 when it begins, -1 when its promise has settled. */
function countCalls(object: object, count: (change: 1 | -1) => void): () => void {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(object)).filter(
    (name) => name !== "constructor" && typeof Reflect.get(object, name) === "function",
  );
  for (const name of methods) {
    const method = Reflect.get(object, name) as (...args: unknown[]) => Promise<unknown>;
    Object.defineProperty(object, name, {
      configurable: true,
      value: async (...args: unknown[]) => {
        count(1);
        try {
          return await method.apply(object, args);
        } finally {
          count(-1);
        }
      },
    });
  }
  return () => {
    for (const name of methods) Reflect.deleteProperty(object, name);
  };
}
