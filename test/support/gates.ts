import { createRecordingWorld } from "./ledger.ts";
import type { World, WorldOptions } from "./world.ts";

/** The gateway's calls to CometChat that a test can block. */
type Call = "mint" | "flush" | "deactivate" | "reactivate";

/** Where one call is blocked. */
interface Gate {
  /** Resolves when a call has come to the gate. */
  readonly reached: Promise<void>;
  /** Lets the call go on. Later calls are not blocked. */
  readonly open: () => void;
}

export interface BlockingWorld extends World {
  /**
   * Blocks the next such call: before CometChat gets it, or after CometChat has done it and before the gateway gets the
   * answer.
   */
  readonly block: (call: Call, when: "before" | "after") => Gate;
}

const nameOf = (method: string | undefined, path: string): Call | undefined => {
  if (method === "POST" && path.endsWith("/auth_tokens")) return "mint";
  if (method === "PUT" && path.endsWith("/users")) return "reactivate";
  if (method !== "DELETE") return undefined;
  if (path.endsWith("/auth_tokens")) return "flush";
  return /\/users\/[^/]+$/.test(path) ? "deactivate" : undefined;
};

/**
 * A gateway that records its tokens. A test can block its calls to CometChat, and so make two requests overlap in
 * exactly one way. The calls that its Durable Objects make can be blocked too.
 */
export function createBlockingWorld(options: WorldOptions = {}): BlockingWorld {
  const base = createRecordingWorld(options);
  const gates: { call: Call; when: string; reached: boolean; open: boolean }[] = [];
  const pass = async (call: Call | undefined, when: string) => {
    const gate = gates.find((one) => one.call === call && one.when === when && !one.reached);
    if (!gate) return;
    gate.reached = true;
    await until(() => gate.open);
  };
  const world = createRecordingWorld({
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
    block(call, when) {
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

/**
 * Waits until the condition is true. It polls, because workerd crashes if a Durable Object waits for a promise that
 * code outside of the object resolves.
 */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await scheduler.wait(1);
}
