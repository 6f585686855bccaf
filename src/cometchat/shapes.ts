import * as z from "zod/mini";
import { AUTH_TOKEN_CHARS, UID_CHARS } from "../limits.ts";
import { is, text } from "../shape.ts";

/**
 * What an auth token may look like, wherever one comes from: CometChat, a caller, or the ledger. It has to fit into an
 * address, which is resolved before it is sent: `DELETE …/auth_tokens/` would flush every token, and
 * `DELETE …/auth_tokens/..` would deactivate the user. Documented ones are of letters, digits, `_` and `-`.
 */
export const isAuthToken = (token: unknown): token is string =>
  typeof token === "string" && token.length <= AUTH_TOKEN_CHARS && /^(?!\.+$)[\w.~+=-]+$/.test(token);

export const authToken = text.check(z.refine(isAuthToken));

const succeeded = z.object({
  data: z.optional(z.object({ success: z.optional(is<true>((success) => success === true)) })),
});

/** Whether a call without a result of its own was done: JSON that does not deny it, or nothing at all (204). */
export const done = (body: unknown): true | undefined => succeeded.safeParse(body).success || undefined;

/** `/users/{uid}…`, or undefined for what CometChat would never have as a uid: nothing else may reach a path. */
export function pathOf(uid: string, rest = ""): string | undefined {
  return uid.length <= UID_CHARS && /^[a-z0-9_-]+$/.test(uid) ? `/users/${uid}${rest}` : undefined;
}
