import { createIsolate, type Isolate } from "../../src/ledger/parts.ts";
import { platform } from "../../src/platform.ts";

const deployed = createIsolate(platform);

/**
 * Runs the calls of a ledger, and the work that it does after their answers. Virtual time replaces it to count them.
 */
interface Run {
  readonly call: <T>(call: () => Promise<T>) => Promise<T>;
  readonly work: <T>(work: () => T) => T;
}
export const atOnce: Run = { call: (call) => call(), work: (work) => work() };

/**
 * The clock, network and configuration of the Durable Objects. A test may replace them. `working` has the work of the
 * objects that no call waits for.
 */
export const around: { isolate: Isolate; working: Set<unknown>; ledger: Run } = {
  isolate: deployed,
  working: new Set(),
  ledger: atOnce,
};

/** Gives the Durable Objects their deployed clock, network and configuration again. */
export const deploy = (): void => {
  around.isolate = deployed;
  around.working = new Set();
};

let ended = 0;

/** Ends the test for `kvOfThisTest`: requests that are still running no longer write keys. */
export const endTest = (): void => {
  ended += 1;
};

/**
 * KV that stores a provider's keys only until the end of this test. A request for which the test did not wait may write
 * them late. The next test's provider has other keys under the same names, so with these keys its sessions would be
 * invalid.
 */
export function kvOfThisTest<KV extends object | undefined>(kv: KV): KV {
  const before = ended;
  return (
    kv &&
    new Proxy(kv, {
      get(target, operation) {
        const value = Reflect.get(target, operation);
        if (typeof value !== "function") return value;
        return (...values: unknown[]) => {
          const late = ended !== before && operation === "put" && String(values[0]).startsWith("v1:k:");
          return late ? Promise.reject(new Error("The test is over.")) : Reflect.apply(value, target, values);
        };
      },
    })
  );
}

/**
 * Waits until the Durable Objects have done their work, for at most five seconds: an evicted object never ends its
 * work.
 */
export async function quiet(): Promise<void> {
  for (let ms = 0; ms < 5000 && around.working.size > 0; ms += 1) await scheduler.wait(1);
}
