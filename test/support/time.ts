import { env as bindings } from "cloudflare:workers";
import { afterEach, beforeEach } from "vitest";
import { type Clock, installClock } from "./clock.ts";

/** Only a timer, a real one, lets workerd's own loop turn. */
const { setTimeout } = globalThis;
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
/** A stream hands its pieces on over a few turns. */
const TURNS = 3;

/**
 * Virtual time in the tests of the file, or of the `describe` that this is called in. Where a test waits for nothing but
 * timers, its own or the gateway's, time jumps to the next one. It stands still while KV or a Durable Object is asked.
 *
 * The same holds for each object in `outside`, which a test asks and which answers in real time.
 *
 * Not for tests in which a Durable Object waits itself, as for CometChat: workerd wakes no object from outside of it.
 */
export function virtualTime(...outside: readonly object[]): void {
  let end: () => Promise<void>;
  beforeEach(() => {
    const clock = installClock(Date.now(), { outside: [bindings.USERS, ...outside], turn, turns: TURNS });
    const uncount = countObjects(clock);
    const stop = clock.flow();
    end = async () => {
      await stop();
      uncount();
      clock.restore();
    };
  });
  afterEach(() => end());
}

interface Namespace {
  getByName: (name: string) => object;
}

function countObjects(clock: Clock): () => void {
  const namespaces = [bindings.LEDGER, bindings.HOME, bindings.ONCE] as unknown as Namespace[];
  for (const namespace of namespaces) {
    const getByName = namespace.getByName.bind(namespace);
    const counted = (name: string) =>
      new Proxy(getByName(name), {
        get: (stub, method) => {
          const call = Reflect.get(stub, method) as (...values: unknown[]) => Promise<unknown>;
          return (...values: unknown[]) => clock.during(Reflect.apply(call, stub, values));
        },
      });
    Object.defineProperty(namespace, "getByName", { configurable: true, value: counted });
  }
  return () => {
    for (const namespace of namespaces) Reflect.deleteProperty(namespace, "getByName");
  };
}
