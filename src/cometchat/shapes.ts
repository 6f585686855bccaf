import { AUTH_TOKEN_CHARS } from "../limits.ts";
import { isObject } from "../shape.ts";
import { isUid } from "./fields.ts";

/**
 * Whether a value has the form of an auth token, be it from CometChat, a caller or the ledger. The token becomes a part
 * of a path, so it must not be empty or a dot segment: `DELETE …/auth_tokens/` would flush all tokens, and `DELETE
 * …/auth_tokens/..` would deactivate the user. CometChat's tokens consist of letters, digits, `_` and `-`.
 */
export const isAuthToken = (token: unknown): token is string =>
  typeof token === "string" && token.length <= AUTH_TOKEN_CHARS && /^(?!\.+$)[\w.~+=-]+$/.test(token);

/** The member `data` of an answer; undefined if it is not an object. */
export const dataOf = (body: unknown): Readonly<Record<string, unknown>> | undefined =>
  isObject(body) && isObject(body.data) ? body.data : undefined;

/** Reads an answer without a result: true if it is empty (204), or JSON that reports no failure. */
export function done(body: unknown): true | undefined {
  if (!isObject(body)) return undefined;
  if (body.data === undefined) return true;
  const data = dataOf(body);
  return (data && (data.success === undefined || data.success === true)) || undefined;
}

/** The path `/users/{uid}…`; undefined if the uid is not valid, since nothing else may become a part of a path. */
export function pathOf(uid: string, rest = ""): string | undefined {
  return isUid(uid) ? `/users/${uid}${rest}` : undefined;
}
