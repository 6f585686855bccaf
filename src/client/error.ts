/** The gateway's error codes, and two of this package's own: `network` and `aborted`. */
export type GatewayErrorCode =
  | "bad-request"
  | "session-missing"
  | "session-malformed"
  | "session-invalid"
  | "session-expired"
  | "backend-unauthorized"
  | "origin-not-allowed"
  | "user-deactivated"
  | "user-not-provisioned"
  | "subject-not-allowed"
  | "not-found"
  | "method-not-allowed"
  | "body-too-large"
  | "unsupported-media-type"
  | "rate-limited"
  | "config-invalid"
  | "internal"
  | "cometchat-rejected"
  | "cometchat-unavailable"
  | "cometchat-rate-limited"
  | "keys-unavailable"
  | "cometchat-timeout"
  /** The gateway, the identity provider or CometChat could not be reached. */
  | "network"
  /** The app signed out before the sign-in was complete. */
  | "aborted";

/** The error that every call rejects with. It contains no session and no auth token, so it is safe to log. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  declare readonly code: GatewayErrorCode;
  /** The HTTP status of the answer; 401 if there was no session to send, 0 if there was no answer. */
  declare readonly status: number;
  /** The id of this request in the gateway's log; empty if the gateway did not answer. */
  declare readonly requestId: string;
  /** How long to wait before the next try, in seconds. */
  declare readonly retryAfter?: number | undefined;

  constructor(code: GatewayErrorCode, status = 0, message: string = code, requestId = "", retryAfter?: number) {
    super(message);
    this.code = code;
    this.status = status;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}
