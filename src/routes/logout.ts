import type { Context as HonoContext } from "hono";
import { digestOf } from "../encoding.ts";
import { fail, type GatewayError, Refusal, unwrap } from "../errors.ts";
import { mediaType, readBytes } from "../http/body.ts";
import type { HonoEnv } from "../http/environment.ts";
import { proven } from "../http/proof.ts";
import { uidOf } from "../identity/uid.ts";
import { sessionDigest, sessionKey } from "../kv.ts";
import { LEDGER_WHOLE_SHARE, LOGOUT_BODY_BYTES, ONCE_MS } from "../limits.ts";
import { appsOf, homeOf } from "../placement/apps.ts";
import { ok, type Result } from "../result.ts";
import { flushUser } from "../revoke.ts";
import type { Logout } from "../session/verify.ts";
import { within } from "../within.ts";

/**
 * POST /v1/backchannel-logout: the identity provider says that a session, or all of a user's, has ended
 * (OpenID Connect Back-Channel Logout 1.0). 200 where no token of it is left here, also where there never was one.
 * https://openid.net/specs/openid-connect-backchannel-1_0.html
 */
export async function postLogout(c: HonoContext<HonoEnv>): Promise<Response> {
  const { gateway, context } = c.var;
  const logout = await proven(c, async () => unwrap(await gateway.verifier.verifyLogout(await tokenOf(c), context)));

  // §2.6 step 9: once per `jti`. What fails is taken back, so that the provider may deliver it again.
  const name = await digestOf(`${logout.issuer.issuer}\n${logout.jti}`);
  const by = crypto.randomUUID();
  const first = await gateway.ledgers.once(name, (once) => once.begin(by), context.deadline.left());
  const failed = () => gateway.ledgers.once(name, (once) => once.failed(by), ONCE_MS);
  // It may have been written down all the same.
  if (!first.ok && !(await failed()).ok) context.after("once", failed);
  if (!unwrap(first)) throw new Refusal({ reason: "logout-token-refused" });
  const ended = await end(logout, c);
  // So is what nobody is left to hear of.
  if (!ended.ok || c.req.raw.signal.aborted) {
    if (!(await failed()).ok) context.after("once", failed);
    unwrap(ended);
  } else {
    context.after("once", () => gateway.ledgers.once(name, (once) => once.done(by), ONCE_MS));
  }
  return c.body(null, 200);
}

async function end(logout: Logout, c: HonoContext<HonoEnv>): Promise<Result<void, GatewayError>> {
  const { gateway, context } = c.var;
  const { issuer, subject, sid } = logout;
  // Where nobody writes down whose session it is, only the user can be found.
  if (subject === undefined && !issuer.sendsLogout) return fail("logout-token-refused");
  const user = subject === undefined ? await userOf(issuer.issuer, sid ?? "", c) : await uidOf(issuer, subject);
  // A subject that may have no chat user has none.
  if (!user.ok) return subject === undefined ? user : ok(undefined);
  const uid = user.value;
  if (uid === undefined) return ok(undefined);
  if (sid !== undefined && gateway.ledgers.records) {
    const told = await endSession(uid, sid, logout, c);
    if (!told.ok || told.value) return told.ok ? ok(undefined) : told;
  }
  // It cannot be told which of the user's tokens are meant: too much ends rather than nothing.
  const apps = await appsOf(gateway, uid, context, issuer);
  return apps.ok ? flushUser(gateway, apps.value, uid, context) : apps;
}

/** Ends the tokens of one session. Whether they can be told from the user's others. */
async function endSession(
  uid: string,
  sid: string,
  { issuer, subject }: Logout,
  { var: { gateway, context } }: HonoContext<HonoEnv>,
): Promise<Result<boolean, GatewayError>> {
  const { directory, ledgers } = gateway;
  const home = ledgers.together ? undefined : await homeOf(gateway, uid, context, issuer);
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
  { var: { gateway, context } }: HonoContext<HonoEnv>,
): Promise<Result<string | undefined, GatewayError>> {
  const key = await sessionKey(issuer, sid);
  try {
    // Some of the time is left to tell the ledger that this logout is still to be done.
    const uid = await within(context.deadline.left() / 2, gateway.users.get(key));
    return uid === undefined ? fail("directory-unavailable") : ok(uid ?? undefined);
  } catch {
    return fail("directory-unavailable");
  }
}

/** §2.5: a form with one `logout_token`. */
async function tokenOf(c: HonoContext<HonoEnv>): Promise<string> {
  const { raw: request } = c.req;
  const refused = new Refusal({ reason: "logout-token-refused" });
  if (request.url.includes("?")) throw refused;
  const bytes = await readBytes(c, LOGOUT_BODY_BYTES);
  if (mediaType(request) !== "application/x-www-form-urlencoded") throw refused;
  const tokens = new URLSearchParams(new TextDecoder().decode(bytes)).getAll("logout_token");
  if (tokens.length !== 1 || !tokens[0]) throw refused;
  return tokens[0];
}
