import * as z from "zod/mini";
import { AUTH_TOKEN_CHARS, UID_CHARS } from "../limits.ts";
import { is, text } from "../shape.ts";

/** An opaque secret; printable, so that it can go wherever the SDK sends it. */
export const authToken = text.check(
  z.refine((token) => token.length <= AUTH_TOKEN_CHARS && /^[\x21-\x7e]+$/.test(token)),
);

const succeeded = z.object({
  data: z.optional(z.object({ success: z.optional(is<true>((success) => success === true)) })),
});

/** Whether a call without a result of its own was done: JSON that does not deny it, or nothing at all (204). */
export const done = (body: unknown): true | undefined => succeeded.safeParse(body).success || undefined;

/** `/users/{uid}…`, or undefined for what CometChat would never have as a uid: nothing else may reach a path. */
export function pathOf(uid: string, rest = ""): string | undefined {
  return uid.length <= UID_CHARS && /^[a-z0-9_-]+$/.test(uid) ? `/users/${uid}${rest}` : undefined;
}
