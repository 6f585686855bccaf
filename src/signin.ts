import { obtainToken } from "./cometchat/obtain.ts";
import type { App } from "./config/types.ts";
import type { Context } from "./context.ts";
import { digestOf } from "./encoding.ts";
import type { GatewayError } from "./errors.ts";
import type { Gateway } from "./gateway.ts";
import { limit } from "./http/ratelimit.ts";
import { fallbackName, profileOf } from "./identity/profile.ts";
import { uidOf } from "./identity/uid.ts";
import { reusable } from "./ledger/held.ts";
import { appFor } from "./placement/home.ts";
import type { Whereabouts } from "./placement/placement.ts";
import { ok, type Result } from "./result.ts";
import type { Credential } from "./session/extract.ts";
import { settle } from "./settle.ts";

export interface SignIn {
  readonly authToken: string;
  readonly uid: string;
  readonly app: App;
  /** This sign-in created the CometChat user. */
  readonly created: boolean;
  /** The session was given the token that it already had. */
  readonly reused: boolean;
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null;
}

/** A verified session in, a CometChat auth token out. */
export async function signIn(
  credential: Credential,
  wish: { readonly fresh: boolean; readonly where: Whereabouts },
  gateway: Gateway,
  context: Context,
): Promise<Result<SignIn, GatewayError>> {
  const { config, deps, directory, held, verifier } = gateway;
  const { now, timing } = context;

  // Who is calling
  const verified = await timing.measure("session", () => verifier.verify(credential, context));
  if (!verified.ok) return verified;
  const { issuer, subject, claims } = verified.value;
  const identified = await uidOf(issuer, subject);
  if (!identified.ok) return identified;
  const uid = identified.value;
  const allowed = await limit(gateway.limits.user, uid, "user-limited", deps);
  if (!allowed.ok) return allowed;

  // What is known of this user, and which app serves it
  const session = await digestOf(verified.value.sessionId);
  const [mapping, holding] = await timing.measure("directory", () =>
    Promise.all([directory.get(uid), wish.fresh ? undefined : held?.get(uid, session)]),
  );
  const home = await timing.measure("directory", () =>
    appFor({ uid, issuer, claims, mapping }, wish.where, gateway, context),
  );
  if (!home.ok) return home;
  const chat = home.value;
  Object.assign(timing.names, { app: chat.app.name, region: chat.app.region });
  const { profile, dropped } = profileOf(issuer, claims);
  const user = { uid, issuer, profile, dropped, session: verified.value, sessionHash: session, mapping };

  // The token: the session's own, or from CometChat
  if (holding && reusable(holding, chat.app.name, mapping?.tokensNotBefore, now)) {
    settle({ ...user, created: false, revived: false, minted: undefined }, chat, gateway, context);
    return ok({
      authToken: holding.token,
      uid,
      app: chat.app,
      created: false,
      reused: true,
      expiresAt: holding.expiresAt ?? null,
    });
  }
  const obtained = await timing.measure("cometchat", () =>
    obtainToken(
      chat,
      {
        uid,
        known: mapping?.app === chat.app.name,
        profile: { ...profile, name: profile.name ?? fallbackName(claims, uid) },
      },
      config.provisioning,
      () => directory.recall(uid) !== mapping,
      context,
    ),
  );
  if (!obtained.ok) return obtained;

  const { authToken, created, revived } = obtained.value;
  const expiresAt = config.tokens.ttl === undefined ? null : now + config.tokens.ttl * 1000;
  settle({ ...user, created, revived, minted: { token: authToken, expiresAt } }, chat, gateway, context);
  return ok({ authToken, uid, app: chat.app, created, reused: false, expiresAt });
}
