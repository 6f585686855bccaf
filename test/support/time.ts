import { env as bindings } from "cloudflare:workers";
import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach } from "vitest";
import { around, atOnce, quiet } from "./around.ts";
import { type Clock, installClock } from "./clock.ts";

/** The real `setTimeout`. In workerd only a real timer ends a turn of the event loop. */
const { setTimeout: setRealTimeout } = globalThis;
const turn = () => new Promise<void>((resolve) => setRealTimeout(resolve, 0));
/** A stream needs a few turns to pass its chunks on. */
const TURNS = 3;

/**
 * Virtual time in the tests of the file, or of the `describe`, in which this is called. While only timers are left to
 * wait for, time jumps to the next one. These are the timers of the test, of the gateway and of a user's ledger. Time
 * stands still during a call to KV, and while a Durable Object computes.
 *
 * It also stands still during a call to an object in `outside`, which answers in real time.
 */
export function virtualTime(...outside: readonly object[]): void {
  let end: () => Promise<void>;
  beforeEach(() => {
    const clock: Clock & { restore: () => void } = installClock(Date.now(), {
      outside: [bindings.USERS, ...outside],
      turn,
      turns: TURNS,
      ring: (fire, isSet) => (inLedger.getStore() ? ringInLedger(clock, fire, isSet) : fire),
    });
    const uncount = countObjects(clock);
    const stop = clock.flow();
    end = async () => {
      await quiet();
      await stop();
      uncount();
      clock.restore();
    };
  });
  afterEach(() => end());
}

/** Waits for so many milliseconds, which pass at once in virtual time. */
export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Has a value in the code that runs inside of a ledger. */
const inLedger = new AsyncLocalStorage<true>();

/**
 * Calls a timer's function inside of the Durable Object that has set the timer. workerd does not let code outside of an
 * object resume it. The object therefore checks again and again whether the timer is due.
 */
function ringInLedger(clock: Clock, fire: () => void, isSet: () => boolean): () => void {
  let due = false;
  const check = () => {
    if (due) {
      fire();
      clock.count(-1);
    } else if (isSet()) setRealTimeout(check, 1);
  };
  setRealTimeout(check, 1);
  return () => {
    due = true;
    clock.count(1);
  };
}

/**
 * Counts the calls of Durable Objects, until the returned function is called. A call of a ledger is counted only while
 * the call and its answer are under way, since time may pass while the ledger waits.
 */
function countObjects(clock: Clock): () => void {
  let arriving = 0;
  around.ledger = {
    work: (work) => inLedger.run(true, work),
    async call(call) {
      // A call that the test itself makes is not counted.
      const counted = arriving > 0;
      if (counted) arriving -= 1;
      if (counted) clock.count(-1);
      try {
        return await inLedger.run(true, call);
      } finally {
        if (counted) clock.count(1);
      }
    },
  };
  const namespaces = [bindings.LEDGER, bindings.HOME, bindings.ONCE] as unknown as Namespace[];
  for (const namespace of namespaces) {
    const getByName = namespace.getByName.bind(namespace);
    const counted = (name: string) =>
      new Proxy(getByName(name), {
        get: (stub, method) => {
          const call = Reflect.get(stub, method) as (...values: unknown[]) => Promise<unknown>;
          return (...values: unknown[]) => {
            if (namespace === namespaces[0]) arriving += 1;
            return clock.during(Reflect.apply(call, stub, values));
          };
        },
      });
    Object.defineProperty(namespace, "getByName", { configurable: true, value: counted });
  }
  return () => {
    around.ledger = atOnce;
    for (const namespace of namespaces) Reflect.deleteProperty(namespace, "getByName");
  };
}

interface Namespace {
  getByName: (name: string) => object;
}
