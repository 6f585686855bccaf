import { env as bindings } from "cloudflare:workers";
import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach } from "vitest";
import { around, atOnce, quiet } from "./around.ts";
import { type Clock, installClock } from "./clock.ts";

/** Only a timer, a real one, lets workerd's own loop turn. */
const { setTimeout: setRealTimeout } = globalThis;
const turn = () => new Promise<void>((resolve) => setRealTimeout(resolve, 0));
/** A stream hands its pieces on over a few turns. */
const TURNS = 3;

/**
 * Virtual time in the tests of the file, or of the `describe` that this is called in. Where a test waits for nothing but
 * timers, its own, the gateway's, or those of a user's ledger, time jumps to the next one. It stands still while KV is
 * asked, and while a Durable Object computes.
 *
 * It also stands still for each object in `outside`, which a test asks and which answers in real time.
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

/** Has a value in all that a ledger does. */
const inLedger = new AsyncLocalStorage<true>();

/**
 * Calls a timer's function inside of the object that has set the timer, since workerd does not let an object go on that
 * is woken from outside. The object therefore looks again and again whether it is time.
 */
function ringInLedger(clock: Clock, fire: () => void, isSet: () => boolean): () => void {
  let due = false;
  const look = () => {
    if (due) {
      fire();
      clock.count(-1);
    } else if (isSet()) setRealTimeout(look, 1);
  };
  setRealTimeout(look, 1);
  return () => {
    due = true;
    clock.count(1);
  };
}

/**
 * Counts the calls of Durable Objects, until the returned function is called. A call of a ledger is counted on its way
 * there and back only, since time may pass while the ledger waits.
 */
function countObjects(clock: Clock): () => void {
  let arriving = 0;
  around.ledger = {
    work: (work) => inLedger.run(true, work),
    async call(call) {
      // A test's own call is not counted.
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
