import type { Context } from "./context.ts";
import { fail, type GatewayError } from "./errors.ts";
import { uidOf } from "./identity/uid.ts";
import { sessionDigest, sessionKey } from "./kv.ts";
import type { Ledgers } from "./ledger/access.ts";
import { LEDGER_WHOLE_SHARE, SESSION_READ_SHARE } from "./limits.ts";
import { appsOf, homeOf, type PlacementParts } from "./placement/apps.ts";
import { ok, type Result } from "./result.ts";
import { flushUser, type RevokeParts } from "./revoke.ts";
import type { Logout } from "./session/verify.ts";
import { within } from "./within.ts";

/** The parts that a provider's logout is done by. */
type LogoutParts = PlacementParts &
  RevokeParts & {
    readonly ledgers: Pick<Ledgers, "together">;
    readonly users: Pick<KVNamespace, "get">;
  };

/**
 * Ends the tokens that a provider's logout is about: those of its session where they can be told from the user's others,
 * else all of the user's. Done where there never were any.
 */
export async function endLogout(
  logout: Logout,
  parts: LogoutParts,
  context: Context,
): Promise<Result<void, GatewayError>> {
  const { issuer, subject, sid } = logout;
  // Where nobody writes down whose session it is, only the user can be found.
  if (subject === undefined && !issuer.sendsLogout) return fail("logout-token-refused");
  const user =
    subject === undefined ? await userOf(issuer.issuer, sid ?? "", parts, context) : await uidOf(issuer, subject);
  // A subject that may have no chat user has none.
  if (!user.ok) return subject === undefined ? user : ok(undefined);
  const uid = user.value;
  if (uid === undefined) return ok(undefined);
  if (sid !== undefined && parts.ledgers.records) {
    const told = await endSession(uid, sid, logout, parts, context);
    if (!told.ok || told.value) return told.ok ? ok(undefined) : told;
  }
  // It cannot be told which of the user's tokens are meant: too much ends rather than nothing.
  const apps = await appsOf(parts, uid, context, issuer);
  return apps.ok ? flushUser(parts, apps.value, uid, context) : apps;
}

/** Ends the tokens of one session. Whether they can be told from the user's others. */
async function endSession(
  uid: string,
  sid: string,
  { issuer, subject }: Logout,
  parts: LogoutParts,
  context: Context,
): Promise<Result<boolean, GatewayError>> {
  const { directory, ledgers } = parts;
  const home = ledgers.together ? undefined : await homeOf(parts, uid, context, issuer);
  if (home && !home.ok) return home;
  const left = context.deadline.left();
  const order = { at: context.now, budget: left * LEDGER_WHOLE_SHARE, app: home?.value.app.name };
  const digest = await sessionDigest(issuer.issuer, sid);
  const session = ledgers.end(uid, `session ${digest}`, order, left);
  // A logout that names the user is of its sessions without a name, too.
  const nameless = subject === undefined ? [] : [ledgers.end(uid, "nameless", order, left)];
  const [mapping, ended, ...others] = await Promise.all([directory.get(uid), session, ...nameless]);
  for (const answer of [ended, ...others]) {
    if (!answer.ok) return answer;
    if (!answer.value.done.ok) return answer.value.done;
  }
  // Sessions that go by another claim may have another name there than this one.
  const other = subject !== undefined && issuer.sessionIdClaim !== undefined && issuer.sessionIdClaim !== "sid";
  return ok(!mapping?.unrecorded && !(other && ended.ok && !ended.value.known));
}

/** Whose session that was, as the sign-in wrote it down. KV failing is our fault, not an unknown session. */
async function userOf(
  issuer: string,
  sid: string,
  parts: LogoutParts,
  context: Context,
): Promise<Result<string | undefined, GatewayError>> {
  const key = await sessionKey(issuer, sid);
  try {
    const uid = await within(context.deadline.left() * SESSION_READ_SHARE, parts.users.get(key));
    return uid === undefined ? fail("directory-unavailable") : ok(uid ?? undefined);
  } catch {
    return fail("directory-unavailable");
  }
}
