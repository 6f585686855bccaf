import type { App } from "../cometchat/types.ts";
import type { Issuer } from "../session/issuer.ts";
import type { Problem } from "./report.ts";

/** What the rest of the code may rely on: parsed, complete, cross-checked. Nothing here is undefined by accident. */
export interface Config {
  readonly origins: readonly string[];
  readonly apps: ReadonlyMap<string, App>;
  readonly issuers: readonly Issuer[];
  readonly tokens: {
    readonly reuse: "never" | "session";
    /** Seconds; undefined: for ever, as CometChat's own. */
    readonly ttl: number | undefined;
    readonly maxPerSession: number | undefined;
  };
  readonly provisioning: {
    readonly mode: "create" | "existing";
    readonly sync: boolean;
    readonly reactivate: boolean;
  };
  readonly placement: Placement;
  /** Milliseconds that one request may take altogether. */
  readonly requestTimeout: number;
  /** Empty: the backend endpoints are not there. */
  readonly backendSecrets: readonly string[];
  /** 32 bytes each: the first seals, all of them open. Empty: no token is held anywhere. */
  readonly encryptionKeys: readonly Uint8Array<ArrayBuffer>[];
  /** What works, but leaves a check out: for the log and /readyz. */
  readonly warnings: readonly Problem[];
}

export interface Placement {
  readonly default: string;
  /** True where continents or countries are configured: the user's first place decides, and is remembered. */
  readonly byGeography: boolean;
  readonly continents: ReadonlyMap<string, string>;
  readonly countries: ReadonlyMap<string, string>;
  /** App name → Durable Object jurisdiction of the objects that hold its users' tokens. */
  readonly jurisdictions: ReadonlyMap<string, "eu" | "fedramp">;
}
