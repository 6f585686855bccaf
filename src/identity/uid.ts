import { isUid } from "../cometchat/fields.ts";
import { base32, sha256 } from "../encoding.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import type { Issuer } from "../session/issuer.ts";

/** CometChat's own user. */
export const RESERVED = "app_system";

/**
 * The CometChat uid of a subject: the subject itself where CometChat can hold it, else `x-` and a hash of
 * issuer and subject; the issuer's prefix in front. A function of its arguments alone, so that it is the key of
 * everything that is kept of a user.
 *
 * No two (issuer, subject) pairs share a uid: as-is subjects never begin with `x-`, hashes always do, and the
 * configuration refuses issuers whose prefixes begin one another (unless they share their users).
 *
 * Fails with `subject-reserved`, or `subject-form` for a text that is no Unicode (two of those would be encoded alike).
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
