import type { DurableObject } from "cloudflare:workers";
import type { Config } from "../config/types.ts";
import type { Deps } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { LEDGER_TRIES } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { within } from "../within.ts";
import type { Ledger } from "./ledger.ts";

type Calls = Exclude<keyof Ledger, keyof DurableObject | "alarm">;

/** The object as it is called from afar. (The generated stub's types add disposal, which plain values do not need.) */
export type RemoteLedger = {
  readonly [K in Calls]: (...values: Parameters<Ledger[K]>) => Promise<Awaited<ReturnType<Ledger[K]>>>;
};

/** The way to the ledger's objects. What goes wrong on it is `ledger-unavailable`. */
export interface Ledgers {
  /** The object that holds the tokens of a user of this app: in the app's jurisdiction, where one is configured. */
  readonly tokens: <T>(uid: string, app: string, ask: (ledger: RemoteLedger) => Promise<T>, ms: number) => Answer<T>;
  /** The object that knows the user's home; it holds nothing else where a jurisdiction is configured. */
  readonly home: <T>(uid: string, ask: (ledger: RemoteLedger) => Promise<T>, ms: number) => Answer<T>;
  /** The object that knows whether something has happened once. `name` is a digest. */
  readonly once: <T>(name: string, ask: (ledger: RemoteLedger) => Promise<T>, ms: number) => Answer<T>;
  /** Whether tokens are recorded at all: only what can be encrypted is kept. */
  readonly records: boolean;
}

type Answer<T> = Promise<Result<T, GatewayError>>;

export function createLedgers(namespace: DurableObjectNamespace<Ledger>, config: Config, deps: Deps): Ledgers {
  const { jurisdictions } = config.placement;

  function namespaceOf(app: string): DurableObjectNamespace<Ledger> {
    const jurisdiction = jurisdictions.get(app);
    return jurisdiction === undefined ? namespace : namespace.jurisdiction(jurisdiction);
  }

  /** Every call is one that may be repeated. A stub that has failed is broken: each try makes its own. */
  async function call<T>(stub: () => unknown, ask: (ledger: RemoteLedger) => Promise<T>, ms: number): Answer<T> {
    const end = deps.now() + ms;
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await within(Math.max(0, end - deps.now()), ask(stub() as RemoteLedger).then(ok));
        if (answer) return answer;
        deps.log({ event: "ledger-fault", late: true });
        return fail("ledger-unavailable");
      } catch (error) {
        const { retryable = false, overloaded = false } = error as { retryable?: boolean; overloaded?: boolean };
        if (retryable && !overloaded && tries < LEDGER_TRIES && deps.now() < end) continue;
        deps.log({ event: "ledger-fault", retryable, overloaded });
        return fail("ledger-unavailable");
      }
    }
  }

  return {
    tokens: (uid, app, ask, ms) => call(() => namespaceOf(app).getByName(uid), ask, ms),
    home: (uid, ask, ms) => call(() => namespace.getByName(uid), ask, ms),
    // No uid holds a colon.
    once: (name, ask, ms) => call(() => namespace.getByName(`once:${name}`), ask, ms),
    records: config.encryptionKeys.length > 0,
  };
}
