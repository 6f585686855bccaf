import { AUTH_TOKEN_CHARS } from "../limits.ts";
import { isObject } from "../shape.ts";
import { isUid } from "./fields.ts";

/**
 * What an auth token may look like, wherever one comes from: CometChat, a caller, or the ledger. It has to fit into an
 * address, which is resolved before it is sent: `DELETE …/auth_tokens/` would flush every token, and
 * `DELETE …/auth_tokens/..` would deactivate the user. Documented ones are of letters, digits, `_` and `-`.
 */
export const isAuthToken = (token: unknown): token is string =>
  typeof token === "string" && token.length <= AUTH_TOKEN_CHARS && /^(?!\.+$)[\w.~+=-]+$/.test(token);

/** What an answer holds, where that is an object. */
export const dataOf = (body: unknown): Readonly<Record<string, unknown>> | undefined =>
  isObject(body) && isObject(body.data) ? body.data : undefined;

/** Whether a call without a result of its own was done: JSON that does not deny it, or nothing at all (204). */
export function done(body: unknown): true | undefined {
  if (!isObject(body)) return undefined;
  if (body.data === undefined) return true;
  const data = dataOf(body);
  return (data && (data.success === undefined || data.success === true)) || undefined;
}

/** `/users/{uid}…`, or undefined for what CometChat would never have as a uid: nothing else may reach a path. */
export function pathOf(uid: string, rest = ""): string | undefined {
  return isUid(uid) ? `/users/${uid}${rest}` : undefined;
}
