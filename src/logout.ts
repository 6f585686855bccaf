import type { Context } from "./context.ts";
import { fail, type GatewayError } from "./errors.ts";
import { uidOf } from "./identity/uid.ts";
import { sessionDigest, sessionKey } from "./kv.ts";
import type { Ledgers } from "./ledger/access.ts";
import type { Scope } from "./ledger/store.ts";
import { SESSION_READ_SHARE } from "./limits.ts";
import { appsOf, homeOf, type PlacementParts } from "./placement/apps.ts";
import { ok, type Result } from "./result.ts";
import { flushUser, type RevokeParts } from "./revoke.ts";
import type { Logout } from "./session/verify.ts";
import { within } from "./within.ts";

/** The parts of the gateway that do a provider's logout. */
type LogoutParts = PlacementParts &
  RevokeParts & {
    readonly ledgers: Pick<Ledgers, "together">;
    readonly users: Pick<KVNamespace, "get">;
  };

/**
 * Does a provider's logout: ends the tokens of its session if they are known, else all tokens of the user. Succeeds if
 * there are none.
 */
export async function endLogout(
  logout: Logout,
  parts: LogoutParts,
  context: Context,
): Promise<Result<void, GatewayError>> {
  const { issuer, subject, sid } = logout;
  // For these issuers no sign-in stores which user a `sid` belongs to, so the logout must name the subject.
  if (subject === undefined && !issuer.sendsLogout) return fail("logout-token-refused");
  const user =
    subject === undefined ? await userOf(issuer.issuer, sid ?? "", parts, context) : await uidOf(issuer, subject);
  // A subject that can have no uid has no tokens.
  if (!user.ok) return subject === undefined ? user : ok(undefined);
  const uid = user.value;
  if (uid === undefined) return ok(undefined);
  if (sid !== undefined && parts.ledgers.records) {
    const ended = await endSession(uid, sid, logout, parts, context);
    if (!ended.ok) return ended;
    if (ended.value) return ok(undefined);
  }
  // The tokens of the session are not known, so all of the user's are ended.
  const apps = await appsOf(parts, uid, context, issuer);
  return apps.ok ? flushUser(parts, apps.value, uid, context) : apps;
}

/** Ends the tokens of one session. False if some of them may be unknown. */
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
  const order = { at: context.now, app: home?.value.app.name };
  const end = (scope: Scope) => ledgers.end(uid, scope, order, context.deadline.left());
  const [mapping, ended, nameless] = await Promise.all([
    directory.read(uid),
    end(`session ${await sessionDigest(issuer.issuer, sid)}`),
    // Sessions without a name cannot be told from this one. They end too, if the logout names the user.
    subject === undefined ? undefined : end("nameless"),
  ]);
  if (!ended.ok) return ended;
  if (nameless && !nameless.ok) return nameless;
  // With another `sessionIdClaim`, the session may be recorded under another name than its `sid`.
  const other = subject !== undefined && issuer.sessionIdClaim !== undefined && issuer.sessionIdClaim !== "sid";
  return ok(!mapping?.unrecorded && (ended.value || !other));
}

/** The user whose sign-in stored this `sid`; undefined if none did. Fails if KV cannot be read. */
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
