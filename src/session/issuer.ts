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
  /** The issuer's name in the address of its webhooks and in the log. */
  readonly name: string;
  /** The `iss` claim, which must be equal exactly. */
  readonly issuer: string;
  readonly keys: KeySource;
  /** The allowed algorithms. They depend on the configuration and the key, never on the token (RFC 8725 §3.1). */
  readonly algorithms: readonly Algorithm[];
  /**
   * `aud` must contain one of these. If the list is empty, a session must have no `aud`; if it is undefined, `aud` is not
   * checked. Both need `audienceRequired` to be false.
   */
  readonly audience: readonly string[] | undefined;
  readonly audienceRequired: boolean;
  readonly authorizedParties: readonly string[] | undefined;
  readonly cookie: string | undefined;
  readonly sessionIdClaim: string | undefined;
  /** Whether it may send back-channel logouts. */
  readonly sendsLogout: boolean;
  /** Whether `sts: "pending"` is refused (Clerk's own name for it). */
  readonly treatPendingAsSignedOut: boolean;
  /** How much clocks may differ, in seconds. */
  readonly clockTolerance: number;
  /** The greatest age of a session in seconds since `iat`; undefined if only `exp` limits it. */
  readonly maxAge: number | undefined;
  readonly app: string | undefined;
  readonly appClaim: string | undefined;
  readonly appByClaim: ReadonlyMap<string, string>;
  readonly uid: { readonly claim: string; readonly prefix: string; readonly shared: boolean };
  readonly profile: ProfileClaims;
  /** The CometChat role for each value of the claim. */
  readonly roles: ReadonlyMap<string, string>;
  /** The keys that may sign its webhooks; if there are none, webhooks are refused. */
  readonly webhookKeys: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Dotted claim paths. The names of the fields come from the table of fields, so that a new field is one row there. Only
 * this type is imported; to verify a session, nothing of CometChat is needed.
 */
type ProfileClaims = { readonly [F in FieldName]?: string | undefined } & {
  readonly metadata: ReadonlyMap<string, string>;
};
