import type { Context as HonoContext } from "hono";
import type { CometChat, Profile } from "../cometchat/cometchat.ts";
import { isUid, UID_LETTERS, UNSETTABLE } from "../cometchat/fields.ts";
import type { Context } from "../context.ts";
import { digestOf } from "../encoding.ts";
import { type GatewayError, Refusal, unwrap } from "../errors.ts";
import { readJson } from "../http/body.ts";
import type { HonoEnv } from "../http/environment.ts";
import { flag, nullable, oneOf, profileRules, readFields, subjectRule, wrong } from "../http/fields.ts";
import { bytesOf } from "../identity/profile.ts";
import { RESERVED, uidOf } from "../identity/uid.ts";
import { PROFILE_BYTES, UID_CHARS, USER_BODY_BYTES } from "../limits.ts";
import { appsOf, inEach, inOneOf } from "../placement/apps.ts";
import { provisioned } from "../profile/provisioned.ts";
import { type Known, provision } from "../provision/provision.ts";
import type { Result } from "../result.ts";
import { deactivateUser, flushUser } from "../revoke.ts";
import type { Issuer } from "../session/issuer.ts";
import { isObject } from "../shape.ts";
import { endOf, recordToken } from "../tokens/record.ts";

type C = HonoContext<HonoEnv>;

const changes = {
  ...profileRules,
  ...Object.fromEntries(UNSETTABLE.map((field) => [field, nullable(profileRules[field])])),
};

interface Newcomer extends Profile {
  subject: string;
  name: string;
  issuer?: string;
  app?: string;
  withAuthToken?: boolean;
}

/**
 * POST /v1/users: creates the user of a later session with this subject, and returns a token if the body asks for it.
 * It makes one call to CometChat, and a second one for the token of a user who existed already.
 */
export async function postUser(c: C): Promise<Response> {
  const { gateway, context, outcome } = c.var;
  const { subject, issuer, app: wish, withAuthToken = false, ...given } = await newcomerIn(c);
  context.timing.names.issuer = issuer.name;
  const uid = unwrap(await uidOf(issuer, subject));
  const { app, known } = await homeFor(c, issuer, uid, wish);
  const chat = gateway.chats.get(app);
  if (!chat) throw new Refusal({ reason: "home-app-gone" });

  const profile = sendable(given);
  const made = withAuthToken
    ? // Not reactivated, even where sign-ins do: a backend has its own call for that.
      await provision({ uid, known, profile }, chat, "create", context)
    : await chat.create(uid, profile, { withAuthToken }, context);
  if (!made.ok && made.error.reason !== "upstream-uid-exists") throw new Refusal(made.error);
  const authToken = made.ok ? made.value.authToken : undefined;
  const created = made.ok && (!("created" in made.value) || made.value.created);

  context.after("provisioned", (later) => provisioned({ uid, profile, created }, chat, gateway, later));
  const { ledgers, config } = gateway;
  if (authToken !== undefined && ledgers.records) {
    // It is recorded so that it can be ended like all others, as a session of its own.
    const session = await digestOf(authToken);
    const expiresAt = endOf(context.now, config.tokens);
    recordToken(
      uid,
      { app, token: authToken, session, name: null, mintedAt: context.now, expiresAt },
      ledgers,
      context,
    );
  }
  const { appId, region } = chat.app;
  outcome.created = created;
  return c.json({ uid, appId, region, created, authToken }, created ? 201 : 200);
}

async function newcomerIn(c: C): Promise<Omit<Newcomer, "issuer"> & { readonly issuer: Issuer }> {
  const { issuers, apps } = c.var.gateway.config;
  const body = await readJson(c, USER_BODY_BYTES);
  // The allowed apps depend on the issuer, which is read first so that everything wrong is reported at once.
  const named = isObject(body) ? body.issuer : undefined;
  const issuer = issuers.find((one) => one.issuer === named || (named === undefined && issuers.length === 1));
  const rules = {
    ...profileRules,
    subject: subjectRule,
    issuer: oneOf(
      issuers.map(({ issuer }) => issuer),
      "must be the issuer of one of SESSION_ISSUERS",
    ),
    app: issuer?.app
      ? oneOf([issuer.app], "must be the app of this issuer")
      : oneOf([...apps.keys()], "must be one of COMETCHAT_APPS"),
    withAuthToken: flag,
  };
  // If a claim of the session decides, the backend must name the app, since there is no session yet.
  const decided = issuer?.appClaim !== undefined;
  const required = ["subject", "name", ...(issuers.length > 1 ? ["issuer"] : []), ...(decided ? ["app"] : [])];
  const fields = readFields(body, rules, required) as unknown as Newcomer;
  if (!issuer) throw new Refusal({ reason: "bug" });
  return { ...fields, issuer };
}

/** The app in which the user lives or will live: the one that its sessions will get. */
async function homeFor(
  { var: { gateway, context } }: C,
  issuer: Issuer,
  uid: string,
  wish?: string,
): Promise<{ app: string; known: Known }> {
  const { apps, placement } = gateway.config;
  const app = wish ?? issuer.app ?? placement.default;
  const decided = issuer.app !== undefined || issuer.appClaim !== undefined || apps.size === 1;
  if (decided) return { app, known: "absent" };
  // The location of the backend's server says nothing about its users. A user with a home stays there, even if the
  // request names another app.
  const home = unwrap(await gateway.homes.choose(uid, app, context));
  return { app: home.app, known: home.first ? "absent" : "there" };
}

/** GET /v1/users/{uid}: the user as CometChat returns it. CometChat does not find a deactivated one. */
export const getUser = async (c: C): Promise<Response> =>
  c.json(await withUser(c, (chat, uid, context) => chat.get(uid, context)));

/** PATCH /v1/users/{uid}: updates the profile. `null` removes an avatar, a link or the metadata. */
export async function patchUser(c: C): Promise<Response> {
  const uid = uidIn(c);
  const body = readFields(await readJson(c, USER_BODY_BYTES), changes);
  if (Object.keys(body).length === 0) throw wrong(["The body names nothing to change."]);
  const profile = sendable(Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)));
  const unset = UNSETTABLE.filter((field) => Object.hasOwn(body, field) && profile[field] === undefined);
  return c.json(await withUser(c, (chat, _, context) => chat.update(uid, profile, unset, context)));
}

/**
 * DELETE /v1/users/{uid}: deactivates the user in every app that has it, since older sessions may lead to a former app.
 */
export async function deleteUser(c: C): Promise<Response> {
  const { gateway, context } = c.var;
  const uid = uidIn(c);
  const apps = unwrap(await appsOf(gateway, uid, context));
  unwrap(await inEach(apps, (chat) => deactivateUser(gateway, chat, uid, context)));
  return c.body(null, 204);
}

/** POST /v1/users/{uid}/reactivate */
export async function postReactivate(c: C): Promise<Response> {
  await withUser(c, async (chat, uid, context) => {
    const done = await chat.reactivate(uid, context);
    if (!done.ok) return done;
    // CometChat reports success even for a uid that it never had.
    const user = await chat.get(uid, context);
    if (!user.ok) return user;
    // While the user was deactivated, its tokens could not be revoked, so they are ended now.
    return flushUser(c.var.gateway, [chat], uid, context);
  });
  // If a provider repeats its "deleted" event, that event is older than this call and must not deactivate the user
  // again.
  const { gateway, context } = c.var;
  context.after("event", (later) =>
    gateway.ledgers.home(uidIn(c), (home) => home.recordEvent(context.now, "reactivated"), later.deadline.left()),
  );
  return c.body(null, 204);
}

/**
 * DELETE /v1/users/{uid}/tokens: ends all tokens. It succeeds also for a user without tokens and for an unknown uid.
 */
export async function deleteUserTokens(c: C): Promise<Response> {
  const { gateway, context } = c.var;
  const uid = uidIn(c);
  unwrap(await flushUser(gateway, unwrap(await appsOf(gateway, uid, context)), uid, context));
  return c.body(null, 204);
}

/** Calls `act` with the app that has the user; 404 if none has it. */
async function withUser<T>(
  c: C,
  act: (chat: CometChat, uid: string, context: Context) => Promise<Result<T, GatewayError>>,
): Promise<T> {
  const { gateway, context } = c.var;
  const uid = uidIn(c);
  const apps = unwrap(await appsOf(gateway, uid, context));
  return unwrap(await inOneOf(apps, (chat) => act(chat, uid, context)));
}

/** The uid in the address. Nothing is decoded, so that each uid has one address only. */
function uidIn(c: C): string {
  const uid = c.req.path.split("/")[3] ?? "";
  if (!isUid(uid))
    throw new Refusal({
      reason: "uid-form",
      detail: `A uid consists of ${UID_LETTERS}, at most ${UID_CHARS} characters.`,
    });
  if (uid === RESERVED) throw new Refusal({ reason: "subject-reserved" });
  return uid;
}

/**
 * Checks the size of the whole profile, which may be too large although each field is within its limit. Empty metadata
 * is left out, since CometChat would return it as a list.
 */
function sendable<P extends Profile>(profile: P): P {
  if (bytesOf(profile) > PROFILE_BYTES) throw wrong([`profile: must be at most ${PROFILE_BYTES} bytes.`]);
  if (!profile.metadata || Object.keys(profile.metadata).length > 0) return profile;
  const { metadata: _, ...rest } = profile;
  return rest as P;
}
