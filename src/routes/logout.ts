import type { Context as HonoContext } from "hono";
import { digestOf } from "../encoding.ts";
import { fail, type GatewayError, Refusal, unwrap } from "../errors.ts";
import { mediaType, readBytes } from "../http/body.ts";
import type { HonoEnv } from "../http/environment.ts";
import { proven } from "../http/proof.ts";
import { LOGOUT_BODY_BYTES, ONCE_MS } from "../limits.ts";
import { endLogout } from "../logout.ts";
import type { Result } from "../result.ts";
import type { Logout } from "../session/verify.ts";
import { within } from "../within.ts";

/**
 * POST /v1/backchannel-logout: the identity provider reports that a session, or all sessions of a user, have ended
 * (OpenID Connect Back-Channel Logout 1.0). The answer is 200 if no token of them is left, even if there never was one.
 * https://openid.net/specs/openid-connect-backchannel-1_0.html
 */
export async function postLogout(c: HonoContext<HonoEnv>): Promise<Response> {
  const { gateway, context } = c.var;
  const logout = await proven(c, async () => unwrap(await gateway.verifier.verifyLogout(await tokenOf(c), context)));
  const ended = endOnce(c, logout);
  // If the provider disconnects, the platform ends the request, but not this work: only its end decides whether the
  // logout may be delivered again.
  c.executionCtx.waitUntil(ended.catch(() => undefined));
  unwrap(await ended);
  return c.body(null, 200);
}

/**
 * Carries out a logout whose `jti` was not used before (§2.6 step 8). If the logout fails, or the provider does not get
 * the answer, the `jti` counts as unused, so that the provider may deliver the logout again.
 */
async function endOnce(c: HonoContext<HonoEnv>, logout: Logout): Promise<Result<void, GatewayError>> {
  const { gateway, context } = c.var;
  const name = await digestOf(`${logout.issuer.issuer}\n${logout.jti}`);
  const by = crypto.randomUUID();
  const { once } = gateway.ledgers;
  const first = await once(name, (once) => once.begin(by), context.deadline.left());
  const undo = () =>
    within(
      ONCE_MS,
      context.after("once", () => once(name, (once) => once.failed(by), ONCE_MS)),
    );
  // The `jti` may have been recorded although the answer was lost.
  if (!first.ok) {
    await undo();
    return first;
  }
  if (!first.value) return fail("logout-token-refused");
  const ended = await endLogout(logout, gateway, context);
  if (ended.ok && !c.req.raw.signal.aborted) context.after("once", () => once(name, (once) => once.done(by), ONCE_MS));
  else await undo();
  return ended;
}

/** Reads the form with one `logout_token` (§2.5). */
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
