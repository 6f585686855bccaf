import type { Profile } from "../cometchat/cometchat.ts";
import type { GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import { digestsOf, type Session } from "../session/session.ts";
import { profileHash, profileOf } from "./profile.ts";
import { uidOf } from "./uid.ts";

/** What follows from a session alone, and is the same at each of its requests. */
export interface Identity {
  readonly uid: string;
  /** What tells the session from others, and what its provider calls it: base64url SHA-256 of each. */
  readonly digests: Awaited<ReturnType<typeof digestsOf>>;
  readonly profile: Profile;
  /** Names of the mapped fields that CometChat would have refused. */
  readonly dropped: readonly string[];
  readonly profileHash: string;
}

/** Plain values, no promises: a request must not wait for the work of another one. */
const known = new WeakMap<Session, Identity>();

/**
 * Who a session is of, as CometChat is told. Computed once for a session that the isolate remembers, and forgotten with
 * it: three SHA-256 less for each of its sign-ins. Fails as `uidOf` does.
 */
export async function identityOf(session: Session): Promise<Result<Identity, GatewayError>> {
  const before = known.get(session);
  if (before) return ok(before);
  const { issuer, subject, claims } = session;
  const uid = await uidOf(issuer, subject);
  if (!uid.ok) return uid;
  const mapped = profileOf(issuer, claims);
  const identity = {
    uid: uid.value,
    digests: await digestsOf(session),
    ...mapped,
    profileHash: await profileHash(mapped.profile),
  };
  known.set(session, identity);
  return ok(identity);
}
