import { env as bindings } from "cloudflare:workers";
import { keeping } from "./ledger.ts";
import type { World, WorldOptions } from "./world.ts";

/** The gateway's calls that a test can hold up. */
type Held = "mint" | "flush" | "deactivate";

interface Gate {
  /** A call has come to it. */
  readonly reached: Promise<void>;
  /** Lets it go on, and all that come after it. */
  readonly open: () => void;
}

export interface HoldingWorld extends World {
  /** Holds the next such call up: before CometChat hears of it, or when CometChat has done it and not yet said so. */
  readonly hold: (call: Held, when: "before" | "after") => Gate;
}

const nameOf = (method: string | undefined, path: string): Held | undefined => {
  if (method === "POST" && path.endsWith("/auth_tokens")) return "mint";
  if (method !== "DELETE") return undefined;
  if (path.endsWith("/auth_tokens")) return "flush";
  return /\/users\/[^/]+$/.test(path) ? "deactivate" : undefined;
};

/**
 * A gateway that records its tokens, and whose own calls to CometChat a test can hold up, so that two requests overlap
 * in exactly one way. What its objects call is held up as well.
 */
export function holding(options: WorldOptions = {}): HoldingWorld {
  const base = keeping(options);
  const gates: { call: Held; when: string; reached: boolean; open: boolean }[] = [];
  const pass = async (call: Held | undefined, when: string) => {
    const gate = gates.find((one) => one.call === call && one.when === when && !one.reached);
    if (!gate) return;
    gate.reached = true;
    await until(() => gate.open);
  };
  const world = keeping({
    ...options,
    deps: {
      ...options.deps,
      fetch: async (input, init) => {
        const call = nameOf(init.method, new URL(input).pathname);
        await pass(call, "before");
        const response = await base.fetch(input, init);
        await pass(call, "after");
        return response;
      },
    },
  });
  return {
    ...world,
    simulator: base.simulator,
    provider: base.provider,
    signIn: async (session = {}, init = {}) =>
      world.signIn(typeof session === "string" ? session : await base.provider.issue(session), init),
    hold(call, when) {
      const gate = { call, when, reached: false, open: false };
      gates.push(gate);
      return {
        get reached() {
          return until(() => gate.reached);
        },
        open: () => {
          gate.open = true;
        },
      };
    },
  };
}

/** An object must not wait for a promise that somebody outside of it resolves: the runtime does not survive it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await scheduler.wait(1);
}

/** KV as it is, but for the calls that `fault` rejects, or holds up until it resolves. */
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

/** The ledger as it is, but for the calls that `fault` answers itself. */
export const faultyLedger = (fault: (call: string) => Promise<never> | undefined) => ({
  getByName: (name: string) => {
    const stub = bindings.LEDGER.getByName(name) as unknown as Record<string, (...values: unknown[]) => unknown>;
    return new Proxy(
      {},
      {
        get:
          (_, call: string) =>
          (...values: unknown[]) =>
            fault(call) ?? stub[call]?.(...values),
      },
    );
  },
});

export const never = () => new Promise<never>(() => undefined);
