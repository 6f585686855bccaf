import { createIsolate, type Isolate } from "../../src/ledger/parts.ts";
import { platform } from "../../src/platform.ts";

const deployed = createIsolate(platform);

/** How a ledger's calls, and its work beside them, are run. Virtual time counts them. */
interface Run {
  readonly call: <T>(call: () => Promise<T>) => Promise<T>;
  readonly work: <T>(work: () => T) => T;
}
export const atOnce: Run = { call: (call) => call(), work: (work) => work() };

/**
 * The clock, network and configuration that the Durable Objects use. A test may replace them. `working`: what they do
 * beside a request.
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

/** From here on nothing that a request of this test still does is written. */
export const endTest = (): void => {
  ended += 1;
};

/**
 * KV that takes a provider's keys until the end of this test. A request that nobody waited for may write them late. Found by
 * the next test, whose provider has other keys under the same names, they would make its sessions invalid.
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

/** No object is at work beside a request any more. Five seconds at most, since one that was evicted is never done. */
export async function quiet(): Promise<void> {
  for (let ms = 0; ms < 5000 && around.working.size > 0; ms += 1) await scheduler.wait(1);
}
