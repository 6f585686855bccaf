import { createOrigins, type Origins } from "./admission/origin.ts";
import { createRefusals, type Refusals } from "./admission/refusals.ts";
import { type CometChat, createCometChat } from "./cometchat/cometchat.ts";
import { parseConfig } from "./config/parse.ts";
import type { Problem, RawEnv } from "./config/report.ts";
import type { Config } from "./config/types.ts";
import type { Deps } from "./context.ts";
import { createDirectory, type Directory } from "./directory/directory.ts";
import { createLedgers, type Ledgers } from "./ledger/access.ts";
import { DIRECTORY_READ_MS, DIRECTORY_SHARE } from "./limits.ts";
import { createHomes, type Homes } from "./placement/home.ts";
import { inSeveralApps } from "./placement/placement.ts";
import { ok, type Result } from "./result.ts";
import { createVerifier, type Verifier } from "./session/verify.ts";

/** The configuration and the parts made from it, with their caches. They live as long as the isolate. */
export interface Gateway {
  readonly config: Config;
  readonly deps: Deps;
  readonly origins: Origins;
  readonly verifier: Verifier;
  readonly directory: Directory;
  readonly ledgers: Ledgers;
  readonly homes: Homes;
  /** The client of each app, by its configured name. */
  readonly chats: ReadonlyMap<string, CometChat>;
  readonly users: KVNamespace;
  readonly limits: { readonly address: RateLimit; readonly user: RateLimit };
  readonly refusals: Refusals;
  readonly metrics: AnalyticsEngineDataset | undefined;
}

/** Makes the gateway of an environment. Fails with everything that is wrong with the configuration. */
export async function createGateway(env: RawEnv, deps: Deps): Promise<Result<Gateway, readonly Problem[]>> {
  const parsed = await parseConfig(env);
  if (!parsed.ok) return parsed;
  const config = parsed.value;
  // The configuration has checked that the bindings are there.
  const bindings = env as unknown as Env;
  const chats = new Map([...config.apps].map(([name, app]) => [name, createCometChat(app, deps)]));
  const patience = Math.min(DIRECTORY_READ_MS, config.requestTimeout * DIRECTORY_SHARE);
  const directory = createDirectory(bindings.USERS, deps, patience);
  const ledgers = createLedgers(bindings, config, deps);
  return ok({
    config,
    deps,
    origins: createOrigins(config.origins),
    verifier: createVerifier({
      issuers: config.issuers,
      deps,
      kv: bindings.USERS,
      requestTimeout: config.requestTimeout,
    }),
    directory,
    ledgers,
    homes: createHomes({
      directory,
      home: ledgers.home,
      apps: [...chats.values()],
      copies: !inSeveralApps(config.issuers),
    }),
    chats,
    users: bindings.USERS,
    limits: { address: bindings.RATE_LIMIT_IP, user: bindings.RATE_LIMIT_USER },
    refusals: createRefusals(bindings.RATE_LIMIT_IP, deps),
    metrics: bindings.METRICS,
  });
}
