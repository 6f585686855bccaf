import type { Reason } from "../errors.ts";

export interface Failure {
  readonly reason: Reason;
  /** What an operator can do, for the log. Texts of ours: CometChat's own repeat the API key. */
  readonly remedy?: string;
}

const key: Failure = {
  reason: "upstream-key",
  remedy:
    "CometChat does not accept this app's API key: set the REST API key (scope fullAccess) of the app that appId names, from the dashboard, API & Auth Keys.",
};
const scope: Failure = {
  reason: "upstream-key",
  remedy: "This app's API key may not do this: set a REST API key with scope fullAccess, not an Auth Key (authOnly).",
};
const app: Failure = {
  reason: "upstream-app",
  remedy: "CometChat does not know this app in this region: compare appId and region with the dashboard.",
};
const path: Failure = {
  reason: "upstream-app",
  remedy: "CometChat does not know the address: baseUrl must end in the API version, as in …/v3.",
};
const plan: Failure = {
  reason: "upstream-plan",
  remedy: "This app's CometChat plan is used up or does not include this: see Billing in the dashboard.",
};
const role: Failure = {
  reason: "upstream-role",
  remedy: "CometChat has no such role: create it, or mend the issuer's roles table.",
};
const refused: Failure = {
  reason: "upstream-rejected",
  remedy: "CometChat refused what the gateway sent: please report it with the request id.",
};
const fault: Failure = { reason: "upstream-fault" };

/**
 * `error.code` → what it means here. The code decides, never the status or the message: a 404 may be a wrong key,
 * a duplicate uid is a 400, and a passing fault may come with any status.
 * https://www.cometchat.com/docs/articles/error-guide
 */
export const failures: ReadonlyMap<string, Failure> = new Map([
  ["ERR_UID_ALREADY_EXISTS", { reason: "upstream-uid-exists" }],
  // Missing or deactivated: CometChat does not tell the two apart here.
  ["ERR_UID_NOT_FOUND", { reason: "upstream-uid-unknown" }],
  ["ERR_AUTH_TOKEN_NOT_FOUND", { reason: "upstream-token-unknown" }],
  ["ERR_AUTHTOKEN_NOT_ACCESSIBLE", { reason: "upstream-token-unknown" }],
  ["ERR_AUTHTOKEN_UNAVAILABLE", refused],
  ["ERR_BAD_REQUEST", refused],
  ["ERR_INVALID_UID", refused],
  ["ERR_ROLE_NOT_FOUND", role],
  ["AUTH_ERR_NO_ACCESS", scope],
  ["AUTH_ERR_APIKEY_NOT_FOUND", key],
  ["AUTH_ERR_EMPTY_APIKEY", key],
  ["AUTH_ERR_EMPTY_APPID", app],
  ["AUTH_ERR_INVALID_APPID", app],
  ["ERR_API_NOT_FOUND", path],
  ["ERR_INVALID_API_VERSION", path],
  ["ERR_PLAN_QUOTA_RESTRICTION", plan],
  ["ERR_PLAN_RESTRICTION", plan],
  ["ERR_SUBSCRIPTION_EXPIRED", plan],
  ["ERR_TOO_MANY_REQUESTS", { reason: "upstream-limited" }],
  // Passing faults: a database or a part of CometChat failed; some come with a 4xx status.
  ["ERR_OPERATION_FAILED", fault],
  ["ERR_MISSION_FAILED", fault],
  ["ERR_EXCEPTION", fault],
  ["ERR_BAD_ERROR_RESPONSE", fault],
  ["ERR_WS_USER_CREATION_FAILED", fault],
  ["ERR_WS_USER_UPDATION_FAILED", fault],
  ["ERR_AUTH_TOKEN_DELETE_FAILED", fault],
  ["ERR_AUTH_TOKENS_DELETE_FAILED", fault],
] satisfies [string, Failure][]);

/** A refusal by what it says: its code, or the field that validation named, or else its status. */
export function failureOf(status: number, code: string | undefined, fields: readonly string[]): Failure {
  if (status === 429) return { reason: "upstream-limited" };
  // An unknown role is reported either by its own code or as a validation error of that field.
  if (code === "ERR_BAD_REQUEST" && fields.includes("role")) return role;
  const known = code === undefined ? undefined : failures.get(code);
  if (known) return known;
  if (status === 402) return plan;
  return status >= 400 && status < 500 ? refused : fault;
}
