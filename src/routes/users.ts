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
import { endOf, record } from "../tokens/keep.ts";

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
 * POST /v1/users: provisions the user that a later session of this subject will be, with a token if one is wanted.
 * One call to CometChat; a second only for the token of a user that was there already.
 */
export async function postUser(c: C): Promise<Response> {
  const { gateway, context, outcome } = c.var;
  const { subject, issuer, app: wish, withAuthToken = false, ...given } = await newcomerIn(c);
  context.timing.names.issuer = issuer.name;
  const uid = unwrap(await uidOf(issuer, subject));
  const { app, known } = await homeFor(c, issuer, uid, wish);
  const chat = gateway.cometchat(app);
  if (!chat) throw new Refusal({ reason: "home-app-gone" });

  const profile = sendable(given);
  const made = withAuthToken
    ? // Not reactivated, even where sign-ins do: a backend has its own call for that.
      await provision({ uid, known, profile }, chat, { mode: "create", reactivate: false }, context)
    : await chat.create(uid, profile, { withAuthToken }, context);
  if (!made.ok && made.error.reason !== "upstream-uid-exists") throw new Refusal(made.error);
  const authToken = made.ok ? made.value.authToken : undefined;
  const created = made.ok && (!("created" in made.value) || made.value.created);

  context.after("provisioned", (later) => provisioned({ uid, profile, created }, chat, gateway, later));
  if (authToken !== undefined) recordOwn(c, chat, uid, authToken);
  const { appId, region } = chat.app;
  outcome.created = created;
  return c.json({ uid, appId, region, created, authToken }, created ? 201 : 200);
}

async function newcomerIn(c: C): Promise<Omit<Newcomer, "issuer"> & { readonly issuer: Issuer }> {
  const { issuers, apps } = c.var.gateway.config;
  const body = await readJson(c, USER_BODY_BYTES);
  // Which apps are right depends on the issuer, and everything that is wrong is told at once.
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
  // Where a claim of the session decides, there is none yet.
  const decided = issuer?.appClaim !== undefined;
  const required = ["subject", "name", ...(issuers.length > 1 ? ["issuer"] : []), ...(decided ? ["app"] : [])];
  const fields = readFields(body, rules, required) as unknown as Newcomer;
  if (!issuer) throw new Refusal({ reason: "bug" });
  return { ...fields, issuer };
}

/** Where the user lives, or is to live: where its sessions will look for it. */
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
  // The place of the backend's server tells nothing about its users' places; and a user who has a home stays there,
  // whatever app the request names.
  const home = unwrap(await gateway.homes.choose(uid, app, context));
  return { app: home.app, known: home.first ? "absent" : "there" };
}

/** A token of the backend's asking ends as all others do; it belongs to no session but its own. */
function recordOwn({ var: { gateway, context } }: C, chat: CometChat, uid: string, token: string): void {
  const { ledgers, config } = gateway;
  if (!ledgers.records) return;
  const minted = { app: chat.app.name, token, name: null, mintedAt: context.now };
  const entry = digestOf(token).then((session) => ({
    ...minted,
    session,
    expiresAt: endOf(minted.mintedAt, config.tokens),
  }));
  record(uid, entry, ledgers, context);
}

/** GET /v1/users/{uid}: the user as CometChat has it. A deactivated one is unknown there. */
export const getUser = async (c: C): Promise<Response> =>
  c.json(await withUser(c, (chat, uid, context) => chat.get(uid, context)));

/** PATCH /v1/users/{uid}: `null` takes away an avatar, a link or the metadata. */
export async function patchUser(c: C): Promise<Response> {
  const uid = uidIn(c);
  const body = readFields(await readJson(c, USER_BODY_BYTES), changes);
  if (Object.keys(body).length === 0) throw wrong(["The body names nothing to change."]);
  const profile = sendable(Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)));
  const unset = UNSETTABLE.filter((field) => Object.hasOwn(body, field) && profile[field] === undefined);
  return c.json(await withUser(c, (chat, _, context) => chat.update(uid, profile, unset, context)));
}

/** DELETE /v1/users/{uid}: deactivated in every app that knows it; older sessions may still lead to a former one. */
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
    // CometChat calls it done for a uid that it never had, too.
    const user = await chat.get(uid, context);
    if (!user.ok) return user;
    // What was to be revoked meanwhile could not be: CometChat called the user unknown.
    return flushUser(c.var.gateway, [chat], uid, context);
  });
  // Should a provider deliver once more that the user was deleted, that was before.
  const { gateway, context } = c.var;
  context.after("event", (later) =>
    gateway.ledgers.home(uidIn(c), (home) => home.recordEvent(context.now, "reactivated"), later.deadline.left()),
  );
  return c.body(null, 204);
}

/** DELETE /v1/users/{uid}/tokens. A user without tokens, or none at all, has none left either. */
export async function deleteUserTokens(c: C): Promise<Response> {
  const { gateway, context } = c.var;
  const uid = uidIn(c);
  unwrap(await flushUser(gateway, unwrap(await appsOf(gateway, uid, context)), uid, context));
  return c.body(null, 204);
}

/** Does it in the app that knows the user; 404 where none does. */
async function withUser<T>(
  c: C,
  act: (chat: CometChat, uid: string, context: Context) => Promise<Result<T, GatewayError>>,
): Promise<T> {
  const { gateway, context } = c.var;
  const uid = uidIn(c);
  const apps = unwrap(await appsOf(gateway, uid, context));
  return unwrap(await inOneOf(apps, (chat) => act(chat, uid, context)));
}

/** The uid as it stands in the address: nothing is decoded, so that there is one way to write it. */
function uidIn(c: C): string {
  const uid = c.req.path.split("/")[3] ?? "";
  if (!isUid(uid))
    throw new Refusal({ reason: "uid-form", detail: `A uid is of ${UID_LETTERS}, at most ${UID_CHARS}.` });
  if (uid === RESERVED) throw new Refusal({ reason: "subject-reserved" });
  return uid;
}

/** Each field may be right and all together too much. Empty metadata would come back as a list; left out it is none. */
function sendable<P extends Profile>(profile: P): P {
  if (bytesOf(profile) > PROFILE_BYTES) throw wrong([`profile: must be at most ${PROFILE_BYTES} bytes.`]);
  if (!profile.metadata || Object.keys(profile.metadata).length > 0) return profile;
  const { metadata: _, ...rest } = profile;
  return rest as P;
}
