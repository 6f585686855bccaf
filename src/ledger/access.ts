import type { DurableObject } from "cloudflare:workers";
import type { Config } from "../config/types.ts";
import type { Deps } from "../context.ts";
import type { Home } from "../directory/home.ts";
import { fail, firstFailure, type GatewayError } from "../errors.ts";
import { LEDGER_BUDGET_SHARE, LEDGER_TRIES } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import type { Once } from "../session/once.ts";
import { type Timer, within } from "../within.ts";
import type { Ended, Minted, Order, Taken, TokenLedger } from "./ledger.ts";
import type { Scope } from "./store.ts";

/** An object as its stub is called. (The generated types add disposal, which plain values do not need.) */
type Remote<O> = {
  readonly [K in Exclude<keyof O, keyof DurableObject | "alarm">]: O[K] extends (...values: infer V) => infer R
    ? (...values: V) => Promise<Awaited<R>>
    : never;
};

/** The calls to the Durable Objects. They fail with `ledger-unavailable`. `ms`: the time limit in milliseconds. */
export interface Ledgers {
  /** Whether tokens are recorded: only if there is a key to encrypt them with. */
  readonly records: boolean;
  /** Whether all tokens of a user are in one object, of all apps. */
  readonly together: boolean;
  /** The session's newest token that lives, in this app or in any (where tokens are `together`). */
  readonly take: (
    uid: string,
    session: string,
    app: string | undefined,
    ms: number,
    timer: Timer,
  ) => Answer<Taken | undefined>;
  readonly record: (uid: string, minted: Minted, ms: number) => Answer<void>;
  /** Ends tokens in every object that may hold some; `app` is the user's, where it is known. */
  readonly end: (
    uid: string,
    scope: Scope,
    order: Omit<Order, "onlyHere"> & { readonly app?: string | undefined },
    ms: number,
  ) => Answer<Ended>;
  /** The object that knows the user's home, its newest event, and who updates its profile. */
  readonly home: Ask<Home, [uid: string]>;
  /** The object that knows whether something has happened once. `name` is a digest. */
  readonly once: Ask<Once, [name: string]>;
}

/** Calls an object, within `ms` milliseconds. */
type Ask<O, Which extends unknown[]> = <T>(
  ...values: [...Which, ask: (object: Remote<O>) => Promise<T>, ms: number]
) => Answer<T>;

type Answer<T> = Promise<Result<T, GatewayError>>;

export function createLedgers(env: Pick<Env, "LEDGER" | "HOME" | "ONCE">, config: Config, deps: Deps): Ledgers {
  const { jurisdictions } = config.placement;
  /**
   * The jurisdictions in which tokens may be stored; undefined for tokens from before a jurisdiction was configured.
   */
  const places = new Set([undefined, ...jurisdictions.values()]);

  const ledgerIn = (place: DurableObjectJurisdiction | undefined, uid: string): unknown =>
    (place === undefined ? env.LEDGER : env.LEDGER.jurisdiction(place)).getByName(uid);

  /**
   * Calls an object, with retries: every call may be repeated. Each try makes a stub, since one that failed stays
   * broken.
   */
  async function call<O, T>(
    stub: () => unknown,
    ask: (object: Remote<O>) => Promise<T>,
    ms: number,
    timer?: Timer,
  ): Answer<T> {
    const end = deps.now() + ms;
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await within(Math.max(0, end - deps.now()), ask(stub() as Remote<O>).then(ok), timer);
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

  const tokens = <T>(
    uid: string,
    place: DurableObjectJurisdiction | undefined,
    ask: (ledger: Remote<TokenLedger>) => Promise<T>,
    ms: number,
    timer?: Timer,
  ) => call(() => ledgerIn(place, uid), ask, ms, timer);

  const end: Ledgers["end"] = async (uid, scope, { app, ...order }, ms) => {
    const own = jurisdictions.get(app ?? "");
    const answers = await Promise.all(
      [...places].map((place) => {
        const asked = place === own ? order : { ...order, flush: [], onlyHere: true };
        return tokens(uid, place, (ledger) => ledger.end(uid, scope, asked), ms);
      }),
    );
    const unreachable = answers.find(({ ok }) => !ok);
    if (unreachable) return unreachable;
    const ended = answers.flatMap((answer) => (answer.ok ? [answer.value] : []));
    return ok({ recorded: ended.some(({ recorded }) => recorded), done: firstFailure(ended.map(({ done }) => done)) });
  };

  return {
    records: config.encryptionKeys.length > 0,
    together: places.size === 1,
    take: (uid, session, app, ms, timer) =>
      tokens(uid, jurisdictions.get(app ?? ""), (ledger) => ledger.take(session, app), ms, timer),
    async record(uid, minted, ms) {
      const { app, moves, mintedAt: at } = minted;
      const recorded = await tokens(uid, jurisdictions.get(app), (ledger) => ledger.record(uid, minted), ms);
      // What the user was given in another jurisdiction is in another object.
      const elsewhere = recorded.ok && moves && places.size > 1;
      const ended = elsewhere
        ? await end(uid, `others ${app}`, { at, app, budget: ms * LEDGER_BUDGET_SHARE }, ms)
        : recorded;
      return ended.ok ? ok(undefined) : ended;
    },
    end,
    home: (uid, ask, ms) => call(() => env.HOME.getByName(uid), ask, ms),
    once: (name, ask, ms) => call(() => env.ONCE.getByName(name), ask, ms),
  };
}
