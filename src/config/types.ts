import type { App } from "../cometchat/types.ts";
import type { Issuer } from "../session/issuer.ts";
import type { Problem } from "./report.ts";

/** The configuration, parsed and checked, with all defaults filled in. */
export interface Config {
  readonly origins: readonly string[];
  readonly apps: ReadonlyMap<string, App>;
  readonly issuers: readonly Issuer[];
  readonly tokens: {
    readonly reuse: "never" | "session";
    /** Lifetime of a token in seconds. Undefined: tokens do not expire, as CometChat's own. */
    readonly ttl: number | undefined;
    readonly maxPerSession: number | undefined;
  };
  readonly provisioning: {
    readonly mode: "create" | "existing";
    readonly sync: boolean;
    readonly reactivate: boolean;
  };
  readonly placement: Placement;
  /** The time limit of one request, in milliseconds. */
  readonly requestTimeout: number;
  /** If it is empty, the backend endpoints answer 404. */
  readonly backendSecrets: readonly string[];
  /** 32 bytes each. The first encrypts, and all of them decrypt. If it is empty, no token is stored. */
  readonly encryptionKeys: readonly Uint8Array<ArrayBuffer>[];
  /** Settings that are valid but leave a check out, for the log and /readyz. */
  readonly warnings: readonly Problem[];
}

export interface Placement {
  readonly default: string;
  /** True if continents or countries are configured. The place of a user's first sign-in then decides for good. */
  readonly byGeography: boolean;
  readonly continents: ReadonlyMap<string, string>;
  readonly countries: ReadonlyMap<string, string>;
  /** For each app, the jurisdiction of the Durable Objects that store its users' tokens. */
  readonly jurisdictions: ReadonlyMap<string, "eu" | "fedramp">;
}
