import type { Context as HonoContext } from "hono";
import { digestOf } from "../encoding.ts";
import { expect, Refusal } from "../errors.ts";
import { readJson } from "../http/body.ts";
import type { HonoEnv } from "../http/environment.ts";
import { flag, type Rules, readFields } from "../http/fields.ts";
import { admitCookie } from "../http/origin.ts";
import { limit } from "../http/ratelimit.ts";
import { uidOf } from "../identity/uid.ts";
import { BODY_BYTES } from "../limits.ts";
import { appsWith } from "../placement/apps.ts";
import { appFor } from "../placement/home.ts";
import type { Whereabouts } from "../placement/placement.ts";
import { flushUser, revokeSession, revokeToken } from "../revoke.ts";
import { type Credential, extract } from "../session/extract.ts";
import { signIn } from "../signin.ts";

const wish: Rules = { fresh: flag };

// What could not be a token is refused: it would stand in an address (`..` would be another one).
const named: Rules = {
  authToken: [(value) => typeof value === "string" && /^[\w-]{1,512}$/.test(value), "must be an auth token"],
};

/** POST /v1/token: a session in, an auth token out. */
export async function postToken(c: HonoContext<HonoEnv>): Promise<Response> {
  const { gateway, context, outcome } = c.var;
  const credential = credentialOf(c);
  const { fresh = false } = readFields(await readJson(c, BODY_BYTES), wish) as { fresh?: boolean };
  const where = whereabouts(c.req.raw);
  const signedIn = expect(await signIn(credential, { fresh, where }, gateway, context));
  const { authToken, uid, app, created, reused, expiresAt } = signedIn;
  Object.assign(outcome, { created, reused });
  const answer = { authToken, uid, appId: app.appId, region: app.region, created };
  const end = expiresAt === null ? {} : { expiresAt: new Date(expiresAt).toISOString() };
  return c.json({ ...answer, ...end }, reused ? 200 : 201);
}

/** DELETE /v1/token: the tokens of this session end, or the one that is named. */
export async function deleteToken(c: HonoContext<HonoEnv>): Promise<Response> {
  const { gateway, context } = c.var;
  const credential = credentialOf(c);
  const { authToken: token } = readFields(await readJson(c, BODY_BYTES), named) as { authToken?: string };
  const { session, uid, chat } = await callerOf(c, credential);
  const revoked =
    token === undefined
      ? await revokeSession(gateway, chat, uid, await digestOf(session.sessionId), context)
      : await revokeToken(gateway, chat, uid, token, context);
  expect(revoked);
  return c.body(null, 204);
}

/** DELETE /v1/tokens: every token of this user ends. */
export async function deleteTokens(c: HonoContext<HonoEnv>): Promise<Response> {
  const { gateway, context } = c.var;
  const credential = credentialOf(c);
  readFields(await readJson(c, BODY_BYTES));
  const { session, uid, chat } = await callerOf(c, credential);
  const apps = await appsWith(gateway, chat, uid, session.issuer, context);
  expect(await flushUser(gateway, expect(apps), uid, context));
  return c.body(null, 204);
}

/** Who signs out, and in which app. */
async function callerOf(c: HonoContext<HonoEnv>, credential: Credential) {
  const { gateway, context } = c.var;
  const session = expect(await context.timing.measure("session", () => gateway.verifier.verify(credential, context)));
  const uid = expect(await uidOf(session.issuer, session.subject));
  expect(await limit(gateway.limits.user, uid, "user-limited", gateway.deps));
  const mapping = await context.timing.measure("directory", () => gateway.directory.get(uid));
  const { issuer, claims } = session;
  const chat = expect(await appFor({ uid, issuer, claims, mapping }, undefined, gateway, context));
  Object.assign(context.timing.names, { app: chat.app.name, region: chat.app.region });
  return { session, uid, chat };
}

/** The caller's session as it was presented; a cookie only from a page of ours, never anything in the address. */
function credentialOf(c: HonoContext<HonoEnv>): Credential {
  const { gateway } = c.var;
  // RFC 6750 §5.3: addresses end up in logs and histories
  if (c.req.raw.url.includes("?")) throw new Refusal({ reason: "query-present", detail: "No query is taken here." });
  const credential = expect(extract(c.req.raw.headers, gateway.config.issuers));
  if (credential.from === "cookie") admitCookie(c.req.raw.headers, gateway.origins);
  return credential;
}

/** Where Cloudflare says that the caller is: `request.cf` only, since anybody can send a header. */
function whereabouts(request: Request): Whereabouts {
  const { continent, country } = (request.cf ?? {}) as IncomingRequestCfProperties;
  return { continent, country };
}
