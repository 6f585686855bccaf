import type { DurableObject } from "cloudflare:workers";
import type { Config } from "../config/types.ts";
import type { Deps } from "../context.ts";
import type { Home } from "../directory/home.ts";
import { fail, type GatewayError } from "../errors.ts";
import { LEDGER_TRIES } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import type { Once } from "../session/once.ts";
import { within } from "../within.ts";
import type { Ledger } from "./ledger.ts";

/** An object as it is called from afar. (The generated stub's types add disposal, which plain values do not need.) */
type Remote<O> = {
  readonly [K in Exclude<keyof O, keyof DurableObject | "alarm">]: O[K] extends (...values: infer V) => infer R
    ? (...values: V) => Promise<Awaited<R>>
    : never;
};

export type RemoteLedger = Remote<Ledger>;

/** The way to the Durable Objects. What goes wrong on it is `ledger-unavailable`. */
export interface Ledgers {
  /** The object that holds the tokens of a user of this app: in the app's jurisdiction, where one is configured. */
  readonly tokens: Ask<Ledger, [uid: string, app: string]>;
  /** The object that knows the user's home, its newest event, and who updates its profile. */
  readonly home: Ask<Home, [uid: string]>;
  /** The object that knows whether something has happened once. `name` is a digest. */
  readonly once: Ask<Once, [name: string]>;
  /** Whether tokens are recorded at all: only what can be encrypted is kept. */
  readonly records: boolean;
}

/** Calls an object, within `ms` milliseconds. */
type Ask<O, Which extends unknown[]> = <T>(
  ...values: [...Which, ask: (object: Remote<O>) => Promise<T>, ms: number]
) => Answer<T>;

type Answer<T> = Promise<Result<T, GatewayError>>;

export function createLedgers(env: Pick<Env, "LEDGER" | "HOME" | "ONCE">, config: Config, deps: Deps): Ledgers {
  const { jurisdictions } = config.placement;

  function ledgerOf(uid: string, app: string): unknown {
    const jurisdiction = jurisdictions.get(app);
    return (jurisdiction === undefined ? env.LEDGER : env.LEDGER.jurisdiction(jurisdiction)).getByName(uid);
  }

  /** Every call is one that may be repeated. A stub that has failed is broken: each try makes its own. */
  async function call<O, T>(stub: () => unknown, ask: (object: Remote<O>) => Promise<T>, ms: number): Answer<T> {
    const end = deps.now() + ms;
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await within(Math.max(0, end - deps.now()), ask(stub() as Remote<O>).then(ok));
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
    tokens: (uid, app, ask, ms) => call(() => ledgerOf(uid, app), ask, ms),
    home: (uid, ask, ms) => call(() => env.HOME.getByName(uid), ask, ms),
    once: (name, ask, ms) => call(() => env.ONCE.getByName(name), ask, ms),
    records: config.encryptionKeys.length > 0,
  };
}
