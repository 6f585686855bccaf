import type { Context as HonoContext } from "hono";
import { admitCookie } from "../admission/origin.ts";
import { type Caller, callerOf } from "../caller.ts";
import { isAuthToken } from "../cometchat/shapes.ts";
import { Refusal, unwrap } from "../errors.ts";
import { readJson } from "../http/body.ts";
import type { HonoEnv } from "../http/environment.ts";
import { flag, type Rules, readFields } from "../http/fields.ts";
import { BODY_BYTES } from "../limits.ts";
import { appFor, appsWith } from "../placement/apps.ts";
import type { Whereabouts } from "../placement/placement.ts";
import { flushUser, revokeSession, revokeToken } from "../revoke.ts";
import { type Credential, extract } from "../session/extract.ts";
import { signIn } from "../signin.ts";

const wish: Rules = { fresh: flag };

// A text without the form of an auth token is refused, since it would become a part of an address.
const named: Rules = { authToken: [isAuthToken, "must be an auth token"] };

/** POST /v1/token: returns an auth token for a session. */
export async function postToken(c: HonoContext<HonoEnv>): Promise<Response> {
  const [gateway, context] = [c.get("gateway"), c.get("context")];
  const credential = credentialOf(c);
  const { fresh = false } = readFields(await readJson(c, BODY_BYTES), wish) as { fresh?: boolean };
  const where = new Location(c.req.raw);
  const signedIn = unwrap(await signIn(credential, { fresh, where }, gateway, context));
  const { authToken, uid, app, created, reused, expiresAt } = signedIn;
  Object.assign(c.get("outcome"), { created, reused });
  const answer = { authToken, uid, appId: app.appId, region: app.region, created };
  const end = expiresAt === null ? {} : { expiresAt: new Date(expiresAt).toISOString() };
  return c.json({ ...answer, ...end }, reused ? 200 : 201);
}

/** DELETE /v1/token: ends the tokens of this session, or the one in the body. */
export async function deleteToken(c: HonoContext<HonoEnv>): Promise<Response> {
  const { gateway, context } = c.var;
  const credential = credentialOf(c);
  const { authToken: token } = readFields(await readJson(c, BODY_BYTES), named) as { authToken?: string };
  const caller = unwrap(await callerOf(credential, "out", gateway, context));
  if (token !== undefined) {
    unwrap(await revokeToken(gateway, (await appsOf(c, caller)).apps, caller.uid, token, context));
    return c.body(null, 204);
  }
  const app = gateway.ledgers.together ? undefined : (await appsOf(c, caller)).chat.app.name;
  const revoked = await revokeSession(gateway, caller, app, context);
  if (!revoked.ok && revoked.error.reason === "token-not-recorded") {
    // A user that CometChat does not know has no tokens, even if some are recorded.
    const user = await (await appsOf(c, caller)).chat.get(caller.uid, context);
    if (!user.ok && user.error.reason === "upstream-uid-unknown") return c.body(null, 204);
  }
  unwrap(revoked);
  return c.body(null, 204);
}

/** DELETE /v1/tokens: ends all tokens of this user. */
export async function deleteTokens(c: HonoContext<HonoEnv>): Promise<Response> {
  const { gateway, context } = c.var;
  const credential = credentialOf(c);
  readFields(await readJson(c, BODY_BYTES));
  const caller = unwrap(await callerOf(credential, "out", gateway, context));
  unwrap(await flushUser(gateway, (await appsOf(c, caller)).apps, caller.uid, context));
  return c.body(null, 204);
}

/** The app of a user who signs out, and those that may have unrecorded tokens. */
async function appsOf(c: HonoContext<HonoEnv>, caller: Caller) {
  const { gateway, context } = c.var;
  const reading = gateway.directory.read(caller.uid);
  const home = await context.timing.measure("directory", () =>
    appFor({ ...caller, reading }, undefined, gateway, context),
  );
  const { chat } = unwrap(home);
  Object.assign(context.timing.names, { app: chat.app.name, region: chat.app.region });
  return { chat, apps: appsWith(gateway, chat, caller.session.issuer, await reading) };
}

/** Reads the caller's session. A cookie counts only from an allowed page, and a query in the address is refused. */
function credentialOf(c: HonoContext<HonoEnv>): Credential {
  const gateway = c.get("gateway");
  // Addresses are stored in logs and histories, so they must not contain a token (RFC 6750 §5.3).
  if (c.req.raw.url.includes("?"))
    throw new Refusal({ reason: "query-present", detail: "This endpoint accepts no query." });
  const credential = unwrap(extract(c.req.raw.headers, gateway.config.issuers));
  if (credential.from === "cookie") admitCookie(c.req.raw.headers, gateway.origins);
  return credential;
}

/**
 * The caller's location by Cloudflare's `request.cf`. Headers are not read, since anybody can send them. It is a class
 * with getters, since few configurations need the location, and objects with getters of their own are slow to make.
 */
class Location implements Whereabouts {
  readonly #request: Request;

  constructor(request: Request) {
    this.#request = request;
  }

  get continent() {
    return this.#cf?.continent;
  }

  get country() {
    return this.#cf?.country ?? undefined;
  }

  get #cf() {
    return this.#request.cf as IncomingRequestCfProperties | undefined;
  }
}
