import { env as bindings } from "cloudflare:workers";

/** KV, with a fault before each operation: it fails as `fault` does, and waits as long as `fault` does. */
export const faultyKv = (fault: (operation: string, key: string) => Promise<void> | undefined) =>
  new Proxy(bindings.USERS as unknown as Record<string, unknown>, {
    get(target, operation: string) {
      const value = target[operation];
      if (typeof value !== "function") return value;
      return async (...values: unknown[]) => {
        await fault(operation, String(values[0]));
        return value.apply(target, values);
      };
    },
  });

/** Durable Objects, with `around` in place of each call. `run` makes the call itself. */
export const objectsAround = (objects: Objects, around: (call: string, run: () => unknown) => unknown) => ({
  getByName: (name: string) => {
    const stub = objects.getByName(name) as Record<string, (...values: unknown[]) => unknown>;
    return new Proxy(
      {},
      {
        get:
          (_, call: string) =>
          (...values: unknown[]) =>
            around(call, () => stub[call]?.(...values)),
      },
    );
  },
});

interface Objects {
  readonly getByName: (name: string) => unknown;
}

/** The ledger, with `around` in place of each call. */
export const ledgerAround = (around: (call: string, run: () => unknown) => unknown) =>
  objectsAround(bindings.LEDGER, around);

/** The ledger. If `fault` returns a promise for a call, that promise is the answer. */
export const faultyLedger = (fault: (call: string) => Promise<never> | undefined) =>
  ledgerAround((call, run) => fault(call) ?? run());

export const never = () => new Promise<never>(() => undefined);
