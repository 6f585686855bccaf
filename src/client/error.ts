/** Why the gateway refused, in its own words, or that it could not be asked. */
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
  /** A sign-out came before the sign-in was done. */
  | "aborted";

/** What every call fails with. It holds no session and no token, so it may be logged. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  declare readonly code: GatewayErrorCode;
  /** The HTTP status; 401 where there was no session to send, 0 where nothing was answered. */
  declare readonly status: number;
  /** What the gateway's log has this request under; empty where the gateway did not answer. */
  declare readonly requestId: string;
  /** Seconds. */
  declare readonly retryAfter?: number | undefined;

  constructor(code: GatewayErrorCode, status = 0, message: string = code, requestId = "", retryAfter?: number) {
    super(message);
    this.code = code;
    this.status = status;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}
