import { isUid } from "../cometchat/fields.ts";
import { base32, sha256 } from "../encoding.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import type { Issuer } from "../session/issuer.ts";

/** The uid of CometChat's own user, which no session may get. */
export const RESERVED = "app_system";

/**
 * The CometChat uid of a subject: the subject itself if it is a valid uid, else `x-` and a hash of issuer and subject,
 * in both cases after the issuer's prefix. It depends only on the arguments, so it is the key of everything that is
 * stored about a user.
 *
 * No two pairs of issuer and subject have the same uid: a subject that is used as it is never begins with `x-`, a hash
 * always does, and the configuration refuses a prefix that begins with another issuer's (unless the issuers share their
 * users).
 *
 * Fails with `subject-reserved`, or with `subject-form` for a text with lone surrogates, since UTF-8 encodes all of
 * them alike.
 */
export async function uidOf(
  issuer: Pick<Issuer, "issuer" | "uid">,
  subject: string,
): Promise<Result<string, GatewayError>> {
  const { prefix, shared } = issuer.uid;
  if (subject === "" || !subject.isWellFormed()) return fail("subject-form");
  const asIs = prefix + subject;
  if (asIs === RESERVED) return fail("subject-reserved");
  if (isUid(asIs) && !subject.startsWith("x-")) return ok(asIs);
  const digest = await sha256(shared ? subject : `${issuer.issuer}\n${subject}`);
  return ok(`${prefix}x-${base32(digest)}`);
}
