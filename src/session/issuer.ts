import type { FieldName } from "../cometchat/fields.ts";
import type { Algorithm } from "./algorithms.ts";

/** Where the keys of an issuer's sessions come from. */
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
type ProfileClaims = { readonly [F in FieldName]?: string | undefined } & {
  readonly metadata: ReadonlyMap<string, string>;
};
