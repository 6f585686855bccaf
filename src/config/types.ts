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

/** One CometChat app. */
export interface App {
  /** The operator's name for it: the key of its table. */
  readonly name: string;
  readonly appId: string;
  readonly region: "us" | "eu" | "in";
  /** REST API base address, version segment included, no slash at the end. */
  readonly baseUrl: string;
  readonly apiKey: string;
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

export type Algorithm =
  | "HS256"
  | "HS384"
  | "HS512"
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA"
  | "Ed25519";

export type KeySource =
  | { readonly from: "discovery" }
  | { readonly from: "jwks"; readonly url: string }
  /** PEM (SPKI) or JWK as JSON text. */
  | { readonly from: "public"; readonly text: string }
  /** An HMAC key: the UTF-8 bytes of the secret. */
  | { readonly from: "secret"; readonly bytes: Uint8Array<ArrayBuffer> };

/** One identity provider. */
export interface Issuer {
  /** In the address of its webhooks, and in the log. */
  readonly name: string;
  /** The `iss` claim, compared to the letter. */
  readonly issuer: string;
  readonly keys: KeySource;
  /** What a token may be signed with: fixed here and by the key, never by the token (RFC 8725 §3.1). */
  readonly algorithms: readonly Algorithm[];
  /** Any of; empty: none at all may be named; undefined: not looked at. Either only where `audienceRequired` is false. */
  readonly audience: readonly string[] | undefined;
  readonly audienceRequired: boolean;
  readonly authorizedParties: readonly string[] | undefined;
  readonly cookie: string | undefined;
  readonly sessionIdClaim: string | undefined;
  /** Whether it may send back-channel logouts. */
  readonly sendsLogout: boolean;
  /** Whether `sts: "pending"` is refused (Clerk's own name for it). */
  readonly treatPendingAsSignedOut: boolean;
  /** Seconds. */
  readonly clockTolerance: number;
  /** Seconds since `iat`; undefined: as long as `exp` says. */
  readonly maxAge: number | undefined;
  readonly app: string | undefined;
  readonly appClaim: string | undefined;
  readonly appByClaim: ReadonlyMap<string, string>;
  readonly uid: { readonly claim: string; readonly prefix: string; readonly shared: boolean };
  readonly profile: ProfileClaims;
  /** Claim value → CometChat role. */
  readonly roles: ReadonlyMap<string, string>;
  /** What its webhooks are signed with, any of; empty: none are taken. */
  readonly webhookKeys: readonly Uint8Array<ArrayBuffer>[];
}

/** Dotted claim paths. */
interface ProfileClaims {
  readonly name: string | undefined;
  readonly avatar: string | undefined;
  readonly link: string | undefined;
  readonly role: string | undefined;
  readonly tags: string | undefined;
  readonly metadata: ReadonlyMap<string, string>;
}
