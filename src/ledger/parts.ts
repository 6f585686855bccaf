import { type CometChat, createCometChat } from "../cometchat/cometchat.ts";
import { parseConfig } from "../config/parse.ts";
import type { RawEnv } from "../config/report.ts";
import type { Config } from "../config/types.ts";
import type { Deps } from "../context.ts";
import { createSeal, type Seal } from "./seal.ts";

/**
 * What all objects of an isolate share. The CometChat clients remember rate limits and faults as long as the isolate
 * lives.
 */
export interface Parts {
  readonly tokens: Config["tokens"];
  readonly seal: Seal;
  readonly chats: ReadonlyMap<string, CometChat>;
}

/** The isolate's functions for the objects. Tests replace them. */
export interface Isolate {
  readonly deps: Deps;
  /** Throws if the configuration is invalid. The Worker answers config-invalid before it calls an object. */
  readonly partsOf: (env: object) => Promise<Parts>;
}

export function createIsolate(deps: Deps): Isolate {
  const made = new WeakMap<object, Parts>();
  return {
    deps,
    async partsOf(env) {
      const before = made.get(env);
      if (before) return before;
      const parsed = await parseConfig(env as RawEnv);
      if (!parsed.ok) throw new Error("config-invalid");
      const { tokens, encryptionKeys, apps } = parsed.value;
      // Another call may have made the parts meanwhile. No promise is shared: a call must not wait for another's I/O.
      const parts = made.get(env) ?? {
        tokens,
        seal: createSeal(encryptionKeys),
        chats: new Map([...apps].map(([name, app]) => [name, createCometChat(app, deps)])),
      };
      made.set(env, parts);
      return parts;
    },
  };
}
