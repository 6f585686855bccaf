import { type CometChat, createCometChat } from "../cometchat/cometchat.ts";
import { parseConfig } from "../config/parse.ts";
import type { RawEnv } from "../config/report.ts";
import type { Config } from "../config/types.ts";
import type { Deps } from "../context.ts";
import { createSeal, type Seal } from "./seal.ts";

/** What all objects of an isolate share: CometChat's clients know of its limits and faults for as long as it lives. */
export interface Parts {
  readonly tokens: Config["tokens"];
  readonly seal: Seal;
  readonly chats: ReadonlyMap<string, CometChat>;
}

/** Where the objects live; tests hand in their own. */
export interface Isolate {
  readonly deps: Deps;
  /** Throws where the environment describes no gateway. The Worker answers config-invalid before it ever comes here. */
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
      // Another call may have been first. The promise is not shared: a call must not wait for the I/O of another one.
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
