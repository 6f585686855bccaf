import type { Reason } from "../errors.ts";

export interface Failure {
  readonly reason: Reason;
  /** What the operator can do, for the log. CometChat's own texts are not used, since they may repeat the API key. */
  readonly remedy?: string;
}

const key: Failure = {
  reason: "upstream-key",
  remedy:
    "CometChat does not accept this app's API key: set the REST API key of scope fullAccess (dashboard, API & Auth Keys) as the secret that apiKeySecret names, COMETCHAT_API_KEY by default, and compare appId.",
};
const scope: Failure = {
  reason: "upstream-key",
  remedy:
    "This app's API key may not do this: set a REST API key with scope fullAccess, not an Auth Key (authOnly), as the secret that apiKeySecret names.",
};
const app: Failure = {
  reason: "upstream-app",
  remedy:
    "CometChat does not know this app in this region: compare appId and region in COMETCHAT_APPS with the dashboard.",
};
const path: Failure = {
  reason: "upstream-app",
  remedy: "CometChat does not know the address: baseUrl in COMETCHAT_APPS must end in the API version, as in …/v3.",
};
const plan: Failure = {
  reason: "upstream-plan",
  remedy:
    "The limit of this app's CometChat plan is reached, or the plan does not include this: see Billing in the dashboard.",
};
const role: Failure = {
  reason: "upstream-role",
  remedy: "CometChat has no such role: create it in the dashboard, or correct roles in SESSION_ISSUERS.",
};
const refused: Failure = {
  reason: "upstream-rejected",
  remedy: "CometChat refused what the gateway sent: please report it with the request id.",
};
const fault: Failure = { reason: "upstream-fault" };

/**
 * The meaning of each `error.code`. The code decides, not the status or the message: a 404 may be a wrong key, a
 * duplicate uid is a 400, and a temporary fault may have any status.
 * https://www.cometchat.com/docs/articles/error-guide
 */
export const failures: ReadonlyMap<string, Failure> = new Map([
  ["ERR_UID_ALREADY_EXISTS", { reason: "upstream-uid-exists" }],
  // The user is missing or deactivated: CometChat has one code for both.
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
  // Temporary faults of a part of CometChat; some have a 4xx status.
  ["ERR_OPERATION_FAILED", fault],
  ["ERR_MISSION_FAILED", fault],
  ["ERR_EXCEPTION", fault],
  ["ERR_BAD_ERROR_RESPONSE", fault],
  ["ERR_WS_USER_CREATION_FAILED", fault],
  ["ERR_WS_USER_UPDATION_FAILED", fault],
  ["ERR_AUTH_TOKEN_DELETE_FAILED", fault],
  ["ERR_AUTH_TOKENS_DELETE_FAILED", fault],
] satisfies [string, Failure][]);

/** The meaning of an error answer: by its code, by the fields that validation names, or else by its status. */
export function failureOf(status: number, code: string | undefined, fields: readonly string[]): Failure {
  if (status === 429) return { reason: "upstream-limited" };
  // An unknown role is reported either by its own code or as a validation error of that field.
  if (code === "ERR_BAD_REQUEST" && fields.includes("role")) return role;
  const documented = code === undefined ? undefined : failures.get(code);
  if (documented) return documented;
  if (status === 402) return plan;
  return status >= 400 && status < 500 ? refused : fault;
}
