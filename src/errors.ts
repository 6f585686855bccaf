import {
  KEYS_UNAVAILABLE_SECONDS,
  LIMIT_PERIOD_SECONDS,
  RETRY_AFTER_DEFAULT_SECONDS,
  UNAVAILABLE_SECONDS,
} from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/**
 * The part of the gateway that refuses with a code. In /openapi.json the errors of an operation follow from the parts
 * that it passes. `always`: every request; `request`: every request to an endpoint with a purpose; `json`: requests
 * with a JSON body.
 */
export type Part =
  | ("always" | "request" | "body" | "json" | "session" | "keys" | "backend")
  | ("subject" | "deactivated" | "provisioning" | "cometchat");

type Row = readonly [status: number, title: string, part: Part, retryAfter?: number];

/**
 * What the caller is told: a stable code, its HTTP status, and a title (RFC 9457). Each code has one title only, so
 * that an answer does not reveal which check failed. The number is the default `Retry-After` in seconds, long enough
 * that many clients do not overload the gateway.
 */
const rows = {
  "bad-request": [400, "The request is not of the expected form.", "request"],
  "session-missing": [401, "No session was presented.", "session"],
  "session-malformed": [401, "The session is not a compact JWS.", "session"],
  "session-invalid": [401, "The session was not accepted.", "session"],
  "session-expired": [401, "The session has expired.", "session"],
  "backend-unauthorized": [401, "The backend secret was not accepted.", "backend"],
  "origin-not-allowed": [403, "This origin may not use the gateway.", "session"],
  "user-deactivated": [403, "This user is deactivated.", "deactivated"],
  "user-not-provisioned": [403, "This user has not been provisioned.", "provisioning"],
  "subject-not-allowed": [403, "This subject may not have a chat user.", "subject"],
  "not-found": [404, "There is nothing here.", "backend"],
  "method-not-allowed": [405, "This method is not allowed here.", "always"],
  "body-too-large": [413, "The body is too large.", "body"],
  "unsupported-media-type": [415, "The body must be JSON.", "json"],
  "rate-limited": [429, "Too many requests.", "always", LIMIT_PERIOD_SECONDS],
  "config-invalid": [500, "The gateway is not configured correctly.", "always"],
  internal: [500, "Something went wrong in the gateway.", "always"],
  "cometchat-rejected": [502, "CometChat refused the gateway's request.", "cometchat"],
  "cometchat-unavailable": [503, "CometChat is not available.", "cometchat", UNAVAILABLE_SECONDS],
  "cometchat-rate-limited": [503, "CometChat's rate limit is reached.", "cometchat", RETRY_AFTER_DEFAULT_SECONDS],
  "keys-unavailable": [503, "The identity provider's keys are not available.", "keys", KEYS_UNAVAILABLE_SECONDS],
  "cometchat-timeout": [504, "CometChat did not answer in time.", "cometchat", UNAVAILABLE_SECONDS],
} as const satisfies Record<string, Row>;

export type Code = keyof typeof rows;

export const codes: Readonly<Record<Code, Row>> = rows;

/**
 * Why a request failed, for the log, and the code that the caller is told. A reason without a code does not compile.
 */
export const reasons = {
  // Extraction and form of the session
  "credential-absent": "session-missing",
  "scheme-other": "session-missing",
  "authorization-form": "session-malformed",
  "cookie-ambiguous": "session-malformed",
  "token-too-large": "session-malformed",
  "token-segments": "session-malformed",
  "token-base64url": "session-malformed",
  "token-header": "session-malformed",
  "token-payload": "session-malformed",
  // Algorithm, key and signature
  "alg-not-allowed": "session-invalid",
  "crit-present": "session-invalid",
  "zip-or-nested": "session-invalid",
  "typ-other": "session-invalid",
  "key-unknown": "session-invalid",
  "signature-wrong": "session-invalid",
  // Claims
  "issuer-unknown": "session-invalid",
  "audience-other": "session-invalid",
  "azp-other": "session-invalid",
  "exp-form": "session-invalid",
  "nbf-form": "session-invalid",
  "iat-form": "session-invalid",
  "nbf-future": "session-invalid",
  "iat-future": "session-invalid",
  "subject-form": "session-invalid",
  "logout-token": "session-invalid",
  "proof-needed": "session-invalid",
  "session-pending": "session-invalid",
  "session-expired": "session-expired",
  // Keys
  "keys-unavailable": "keys-unavailable",
  "keys-cooling-down": "keys-unavailable",
  // The request
  "query-present": "bad-request",
  "body-json": "bad-request",
  "body-late": "bad-request",
  "body-shape": "bad-request",
  "uid-form": "bad-request",
  "logout-token-refused": "bad-request",
  "token-not-recorded": "bad-request",
  "body-too-large": "body-too-large",
  "media-type": "unsupported-media-type",
  "route-unknown": "not-found",
  "method-other": "method-not-allowed",
  "origin-other": "origin-not-allowed",
  "origin-absent": "origin-not-allowed",
  "address-limited": "rate-limited",
  "user-limited": "rate-limited",
  "backend-secret": "backend-unauthorized",
  // Identity, placement and provisioning
  "subject-reserved": "subject-not-allowed",
  "app-claim": "subject-not-allowed",
  "user-deactivated": "user-deactivated",
  "user-unknown": "user-not-provisioned",
  // Ourselves
  "config-invalid": "config-invalid",
  "home-app-gone": "config-invalid",
  bug: "internal",
  // CometChat
  "upstream-key": "cometchat-rejected",
  "upstream-app": "cometchat-rejected",
  "upstream-plan": "cometchat-rejected",
  "upstream-role": "cometchat-rejected",
  "upstream-rejected": "cometchat-rejected",
  "upstream-uid-exists": "cometchat-rejected",
  "upstream-uid-unknown": "not-found",
  "upstream-token-unknown": "cometchat-rejected",
  "upstream-limited": "cometchat-rate-limited",
  "upstream-fault": "cometchat-unavailable",
  "upstream-unreachable": "cometchat-unavailable",
  "upstream-answer": "cometchat-unavailable",
  "upstream-open": "cometchat-unavailable",
  "upstream-timeout": "cometchat-timeout",
  // Faults of the gateway itself, after which the caller can try again
  "home-unknown": "cometchat-unavailable",
  "ledger-unavailable": "cometchat-unavailable",
  "directory-unavailable": "cometchat-unavailable",
} as const satisfies Record<string, Code>;

export type Reason = keyof typeof reasons;

export interface GatewayError {
  readonly reason: Reason;
  /** When the caller may try again, in whole seconds, at least 1. */
  readonly retryAfter?: number | undefined;
  /** A fixed text for the caller. It never contains anything that a caller, a provider or CometChat sent. */
  readonly detail?: string;
  /** For status 405, the methods of the path. */
  readonly allow?: string;
  /** What the operator can do, for the log only. It never contains a secret, a claim or a text of another server. */
  readonly remedy?: string | undefined;
}

/** Makes a failed Result with this reason. */
export const fail = (reason: Reason, more?: Omit<GatewayError, "reason">): Result<never, GatewayError> =>
  err({ reason, ...more });

/** The first failure of calls that end tokens. "No such user" is no failure, since such a user has no tokens. */
export const firstFailure = (outcomes: readonly Result<void, GatewayError>[]): Result<void, GatewayError> =>
  outcomes.find((outcome) => !outcome.ok && outcome.error.reason !== "upstream-uid-unknown") ?? ok(undefined);

/**
 * Thrown to end a request with an expected failure, which is answered as problem+json. It is no `Error`, since
 * collecting the stack, which nobody reads, would cost more than the rest of a refusal.
 */
export class Refusal {
  readonly error: GatewayError;
  constructor(error: GatewayError) {
    this.error = error;
  }
}

/** The value of a Result, or the failure thrown as a Refusal. Only routes and middleware use it. */
export function unwrap<T>(result: Result<T, GatewayError>): T {
  if (result.ok) return result.value;
  throw new Refusal(result.error);
}
