import { obtainToken } from "./cometchat/obtain.ts";
import type { App } from "./config/types.ts";
import type { Context } from "./context.ts";
import { upkeep } from "./directory/upkeep.ts";
import { fail, type GatewayError } from "./errors.ts";
import type { Gateway } from "./gateway.ts";
import { limit } from "./http/ratelimit.ts";
import { fallbackName, profileOf } from "./identity/profile.ts";
import { uidOf } from "./identity/uid.ts";
import { place, type Whereabouts } from "./placement/placement.ts";
import { ok, type Result } from "./result.ts";
import type { Credential } from "./session/extract.ts";

export interface SignIn {
  readonly authToken: string;
  readonly uid: string;
  readonly app: App;
  readonly created: boolean;
}

/** A verified session in, a CometChat auth token out. */
export async function signIn(
  credential: Credential,
  where: Whereabouts,
  gateway: Gateway,
  context: Context,
): Promise<Result<SignIn, GatewayError>> {
  const { config, deps, directory, verifier } = gateway;
  const { timing } = context;

  const session = await timing.measure("session", () => verifier.verify(credential, context));
  if (!session.ok) return session;
  const { issuer, subject, claims } = session.value;
  const uid = await uidOf(issuer, subject);
  if (!uid.ok) return uid;
  const allowed = await limit(gateway.limits.user, uid.value, "user-limited", deps);
  if (!allowed.ok) return allowed;

  const mapping = await timing.measure("directory", () => directory.get(uid.value));
  const home = place(config, session.value, where);
  if (!home.ok) return home;
  const chat = gateway.cometchat(home.value.by === "configuration" ? home.value.app : home.value.candidate);
  if (!chat) return fail("home-app-gone");

  const { profile, dropped } = profileOf(issuer, claims);
  const known = mapping?.app === chat.app.name;
  const obtained = await timing.measure("cometchat", () =>
    obtainToken(
      chat,
      { uid: uid.value, known, profile: { ...profile, name: profile.name ?? fallbackName(claims, uid.value) } },
      config.provisioning,
      () => directory.recall(uid.value) !== mapping,
      context,
    ),
  );
  if (!obtained.ok) return obtained;

  const { authToken, created } = obtained.value;
  if (dropped.length > 0)
    deps.log({ event: "profile-dropped", requestId: context.requestId, fields: dropped.join(" ") });
  context.after("upkeep", (later) =>
    upkeep({ uid: uid.value, issuer, profile, mapping, created }, chat, gateway, later),
  );
  return ok({ authToken, created, uid: uid.value, app: chat.app });
}
