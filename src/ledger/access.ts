import type { DurableObject } from "cloudflare:workers";
import type { Config } from "../config/types.ts";
import type { Deps } from "../context.ts";
import type { Home } from "../directory/home.ts";
import { fail, type GatewayError } from "../errors.ts";
import { LEDGER_BUDGET_SHARE, LEDGER_TAKE_MS, LEDGER_TRIES } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import type { Once } from "../session/once.ts";
import { type Timer, within } from "../within.ts";
import type { Minted, Order, Taken, TokenLedger } from "./ledger.ts";
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
  readonly take: (uid: string, session: string, app: string | undefined, timer: Timer) => Answer<Taken | undefined>;
  readonly record: (uid: string, minted: Minted, ms: number) => Answer<void>;
  /**
   * Ends tokens in every object that may hold some. Returns whether a token of the scope is or was recorded. Fails with
   * `ledger-unavailable`, or as CometChat does if that did not end all of them.
   */
  readonly end: (uid: string, scope: Scope, order: Ending, ms: number) => Answer<boolean>;
  /** The object that knows the user's home, its newest event, and who updates its profile. */
  readonly home: Ask<Home, [uid: string]>;
  /** The object that knows whether something has happened once. `name` is a digest. */
  readonly once: Ask<Once, [name: string]>;
}

/** What is to be ended. */
export interface Ending extends Pick<Order, "at" | "flush"> {
  /** The user's app, where it is known. */
  readonly app: string | undefined;
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
  ) => call(() => (place === undefined ? env.LEDGER : env.LEDGER.jurisdiction(place)).getByName(uid), ask, ms, timer);

  const end: Ledgers["end"] = async (uid, scope, { app, ...given }, ms) => {
    const own = jurisdictions.get(app ?? "");
    const order = { ...given, budget: ms * LEDGER_BUDGET_SHARE };
    const answers = await Promise.all(
      [...places].map(async (place) => {
        const asked = place === own ? order : { ...order, flush: [], onlyHere: true };
        const answer = await tokens(uid, place, (ledger) => ledger.end(uid, scope, asked), ms);
        return answer.ok ? answer.value : answer;
      }),
    );
    const failed = answers.find(isUnreachable) ?? answers.find(({ ok }) => !ok);
    return failed ?? ok(answers.some((recorded) => recorded.ok && recorded.value));
  };

  return {
    records: config.encryptionKeys.length > 0,
    together: places.size === 1,
    take: (uid, session, app, timer) =>
      tokens(uid, jurisdictions.get(app ?? ""), (ledger) => ledger.take(session, app), LEDGER_TAKE_MS, timer),
    async record(uid, minted, ms) {
      const { app, moves, mintedAt: at } = minted;
      const recorded = await tokens(uid, jurisdictions.get(app), (ledger) => ledger.record(uid, minted), ms);
      if (!recorded.ok || !moves || places.size === 1) return recorded;
      // The user's tokens in another jurisdiction are in another object. If CometChat fails, that object tries again.
      const ended = await end(uid, `others ${app}`, { at, app }, ms);
      return isUnreachable(ended) ? ended : recorded;
    },
    end,
    home: (uid, ask, ms) => call(() => env.HOME.getByName(uid), ask, ms),
    once: (name, ask, ms) => call(() => env.ONCE.getByName(name), ask, ms),
  };
}

/** Whether a call to the ledger failed because the object could not be reached, and not because CometChat failed. */
export const isUnreachable = <T>(answer: Result<T, GatewayError>): answer is Result<never, GatewayError> =>
  !answer.ok && answer.error.reason === "ledger-unavailable";
