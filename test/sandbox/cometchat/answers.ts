/**
 * An answer of the simulator, before it becomes a Response. The codes and texts come from CometChat's error guide. For
 * those that the guide does not list, they come from published test fixtures and from logs of the real API.
 */
export interface Answer {
  status: number;
  /** The body, as JSON. */
  json?: unknown;
  /** The body as it is sent, in place of `json`. The faults that break an answer use it. */
  raw?: string | ReadableStream<Uint8Array> | null;
  headers?: Record<string, string>;
}

export type Details = Record<string, string[]>;

/**
 * The status and the text of each code. No source gives the status of a wrong key (here 404), of a plan's limit (402)
 * or of a passing fault (500). A client therefore has to decide by the code.
 */
const table = {
  ERR_UID_ALREADY_EXISTS: [
    400,
    "The uid {uid} already exists. Please use another uid or try after permanently deleting the user.",
  ],
  ERR_UID_NOT_FOUND: [404, "The UID {uid} does not exist, please make sure you have created a user with UID {uid}."],
  ERR_GUID_NOT_FOUND: [
    404,
    "The group with GUID {guid} does not exist, please make sure you have created a group with GUID {guid}.",
  ],
  ERR_GROUP_NOT_JOINED: [401, "The user is not a member of the group. Please join the group to access it."],
  ERR_BAD_REQUEST: [400, "Failed to validate the data sent with the request."],
  ERR_INVALID_UID: [400, "The UID {uid} is invalid."],
  ERR_ROLE_NOT_FOUND: [404, "The role {role} does not exist. Please use correct role or use create role API."],
  ERR_ROLE_ALREADY_EXISTS: [400, "The role {role} already exists."],
  ERR_ROLE_DELETE_DENIED: [403, "The role {role} cannot be deleted."],
  AUTH_ERR_NO_ACCESS: [
    403,
    "The key {key} cannot be used to perform this operation. Please use API key with a correct scope to perform the operation.",
  ],
  AUTH_ERR_APIKEY_NOT_FOUND: [404, "The key {key} does not exist. Please use correct apiKey."],
  AUTH_ERR_EMPTY_APIKEY: [401, "The apiKey is missing. Please send the apiKey header."],
  AUTH_ERR_EMPTY_APPID: [400, "The appId is missing."],
  AUTH_ERR_INVALID_APPID: [404, "The app {app} does not exist in a region."],
  AUTH_ERR_AUTH_TOKEN_NOT_FOUND: [
    401,
    "The auth token {token} does not exist. Please make sure you are logged in and have a valid auth token or try login again.",
  ],
  ERR_PLAN_QUOTA_RESTRICTION: [402, "The limit of users of your plan is reached. Please upgrade the plan."],
  ERR_PLAN_RESTRICTION: [402, "This feature is not part of your plan."],
  ERR_SUBSCRIPTION_EXPIRED: [402, "The subscription has expired."],
  ERR_API_NOT_FOUND: [404, "The requested API does not exist."],
  ERR_INVALID_API_VERSION: [404, "The requested API version does not exist."],
  ERR_TOO_MANY_REQUESTS: [
    429,
    "Too many requests. You have exceeded the rate limit. Please retry after the specified time.",
  ],
  ERR_OPERATION_FAILED: [500, "The operation failed."],
  ERR_MISSION_FAILED: [500, "Something went wrong."],
  ERR_EXCEPTION: [500, "Something went wrong."],
  ERR_BAD_ERROR_RESPONSE: [417, "Something went wrong."],
  ERR_WS_USER_CREATION_FAILED: [500, "Failed to create the user."],
  ERR_WS_USER_UPDATION_FAILED: [500, "Failed to update the user."],
  ERR_AUTH_TOKEN_NOT_FOUND: [404, "The auth token does not exist."],
  ERR_AUTHTOKEN_NOT_ACCESSIBLE: [403, "The auth token belongs to another user."],
  ERR_AUTHTOKEN_UNAVAILABLE: [409, "The auth token is mapped to another device."],
  ERR_AUTH_TOKEN_DELETE_FAILED: [500, "Failed to delete the auth token."],
  ERR_AUTH_TOKENS_DELETE_FAILED: [500, "Failed to delete the auth tokens."],
  ERR_IMPORT_INVALID_USER_FORMAT: [400, "The user {uid} is not in the expected format."],
} as const satisfies Record<string, readonly [status: number, text: string]>;

export type Code = keyof typeof table;

/**
 * The values that a text contains. CometChat repeats a wrong key in clear (observed), so a gateway that logs or
 * forwards the text would leak the key.
 */
export interface Mentions {
  uid?: string | undefined;
  key?: string | undefined;
  role?: string | undefined;
  guid?: string | undefined;
  app?: string | undefined;
  token?: string | undefined;
}

export function isCode(code: string): code is Code {
  return Object.hasOwn(table, code);
}

export function statusOf(code: Code): number {
  return table[code][0];
}

export function textOf(code: string, mentions: Mentions = {}): string {
  const text = isCode(code) ? table[code][1] : "Something went wrong.";
  return text.replace(/\{(uid|key|role|guid|app|token)\}/g, (_, name: keyof Mentions) => mentions[name] ?? "");
}

export function succeed(data: unknown, status = 200): Answer {
  return { status, json: { data } };
}

/** An error. After a failed validation, `details` has every wrong field with its texts (observed). */
export function refuse(code: Code, mentions: Mentions = {}, details?: Details): Answer {
  return { status: statusOf(code), json: errorBody(code, textOf(code, mentions), details) };
}

export function errorBody(code: string, message: string, details?: Details) {
  return { error: { message, devMessage: message, source: "chat-api", ...(details && { details }), code } };
}
