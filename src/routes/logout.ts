import type { Context as HonoContext } from "hono";
import { digestOf } from "../encoding.ts";
import { expect, fail, type GatewayError, Refusal } from "../errors.ts";
import { mediaType, readBytes } from "../http/body.ts";
import type { HonoEnv } from "../http/environment.ts";
import { proven } from "../http/refusals.ts";
import { uidOf } from "../identity/uid.ts";
import { LOGOUT_BODY_BYTES, ONCE_KEPT_MS } from "../limits.ts";
import { appsWith } from "../placement/apps.ts";
import { homeOf } from "../placement/home.ts";
import { ok, type Result } from "../result.ts";
import { flushUser, revokeSession } from "../revoke.ts";
import type { Logout } from "../session/verify.ts";
import { within } from "../within.ts";

/**
 * POST /v1/backchannel-logout: the identity provider says that a session, or all of a user's, has ended
 * (OpenID Connect Back-Channel Logout 1.0). 200 where nothing of it is left here, also where nothing ever was.
 * https://openid.net/specs/openid-connect-backchannel-1_0.html
 */
export async function postLogout(c: HonoContext<HonoEnv>): Promise<Response> {
  const { gateway, context } = c.var;
  const logout = await proven(c, async () => expect(await gateway.verifier.verifyLogout(await tokenOf(c), context)));

  // §2.6 step 9: once per `jti`. Taken back where the work fails, so that the provider may try again.
  const name = await digestOf(`${logout.issuer.issuer}\n${logout.jti}`);
  const first = await gateway.ledgers.once(
    name,
    (ledger) => ledger.once(context.now + ONCE_KEPT_MS),
    context.deadline.left(),
  );
  if (!expect(first)) throw new Refusal({ reason: "logout-token-refused" });
  const ended = await end(logout, c);
  if (!ended.ok) {
    await gateway.ledgers.once(name, (ledger) => ledger.again(), context.deadline.left());
    throw new Refusal(ended.error);
  }
  return c.body(null, 200);
}

async function end(logout: Logout, c: HonoContext<HonoEnv>): Promise<Result<void, GatewayError>> {
  const { gateway, context } = c.var;
  const { issuer, subject, sessionId } = logout;
  const user = subject === undefined ? await userOf(issuer.issuer, sessionId ?? "", c) : await uidOf(issuer, subject);
  // A subject that may have no chat user has none.
  if (!user.ok) return subject === undefined ? user : ok(undefined);
  const uid = user.value;
  if (uid === undefined) return ok(undefined);
  const home = await homeOf(gateway, uid, context, issuer);
  if (!home.ok) return home;
  // One session can be told from the user's others only where its tokens are recorded under the provider's own name
  // for it. Otherwise all of the user's end: too much rather than nothing.
  const bySession = sessionId !== undefined && issuer.sessionIdClaim !== undefined && gateway.ledgers.records;
  if (bySession) return revokeSession(gateway, home.value, uid, await digestOf(sessionId), context);
  const apps = await appsWith(gateway, home.value, uid, issuer, context);
  return apps.ok ? flushUser(gateway, apps.value, uid, context) : apps;
}

/** Whose session that was, as the sign-in wrote it down. KV failing is our fault, not an unknown session. */
async function userOf(
  issuer: string,
  sessionId: string,
  { var: { gateway, context } }: HonoContext<HonoEnv>,
): Promise<Result<string | undefined, GatewayError>> {
  const key = `v1:s:${await digestOf(`${issuer}\n${sessionId}`)}`;
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
