import { type CallerParts, callerOf } from "./caller.ts";
import type { App } from "./cometchat/types.ts";
import type { Config } from "./config/types.ts";
import type { Context } from "./context.ts";
import type { Directory } from "./directory/directory.ts";
import type { GatewayError } from "./errors.ts";
import { type FollowUpParts, followUp } from "./followup.ts";
import { fallbackName } from "./identity/profile.ts";
import { LEDGER_RECORD_MS } from "./limits.ts";
import { appFor, type PlacementParts } from "./placement/apps.ts";
import type { Whereabouts } from "./placement/placement.ts";
import { isDeactivated, provision } from "./provision/provision.ts";
import { ok, type Result } from "./result.ts";
import { revive } from "./revival.ts";
import type { Credential } from "./session/extract.ts";
import { type OwnParts, ownToken } from "./tokens/own.ts";
import { endOf, type RecordParts, recordSignIn } from "./tokens/record.ts";
import { within } from "./within.ts";

export interface SignIn {
  readonly authToken: string;
  readonly uid: string;
  readonly app: App;
  /** Whether this sign-in created the CometChat user. */
  readonly created: boolean;
  /** Whether the session got the token that it had already. */
  readonly reused: boolean;
  /** Milliseconds since 1970; null if the token does not expire. */
  readonly expiresAt: number | null;
}

/** The parts of the gateway that the steps of a sign-in need. */
type SignInParts = CallerParts &
  PlacementParts &
  OwnParts &
  RecordParts &
  FollowUpParts & {
    readonly config: Pick<Config, "tokens" | "provisioning">;
    readonly directory: Pick<Directory, "read">;
  };

/** Signs in: verifies the session and returns a CometChat auth token. */
export async function signIn(
  credential: Credential,
  wish: { readonly fresh: boolean; readonly where: Whereabouts },
  parts: SignInParts,
  context: Context,
): Promise<Result<SignIn, GatewayError>> {
  const { config, directory } = parts;
  const { timing } = context;

  // Who is calling
  const caller = await callerOf(credential, "in", parts, context);
  if (!caller.ok) return caller;
  const { uid, session, profile } = caller.value;
  const user = { ...caller.value, reading: directory.read(uid) };
  let serving: ReturnType<typeof appFor> | undefined;
  const served = () => {
    serving ??= appFor(user, wish.where, parts, context);
    return serving;
  };

  // The session's own token, where it has one
  const reuses = config.tokens.reuse === "session";
  if (reuses && !wish.fresh) {
    const own = await timing.measure("directory", () => ownToken(caller.value, served, parts, context));
    if (!own.ok) return own;
    if (own.value) {
      const { token, chat, expiresAt } = own.value;
      Object.assign(timing.names, { app: chat.app.name, region: chat.app.region });
      followUp({ ...user, created: false }, chat, parts, context);
      return ok({ authToken: token, uid, app: chat.app, created: false, reused: true, expiresAt });
    }
  }

  // Which app serves this user
  const place = await timing.measure("directory", served);
  if (!place.ok) return place;
  const { chat, known } = place.value;
  const app = chat.app.name;

  // A token from CometChat
  const named = { ...profile, name: profile.name ?? fallbackName(session.claims, uid) };
  const look = async () => (await directory.read(uid))?.app === app;
  const { mode, reactivate } = config.provisioning;
  const obtained = await timing.measure("cometchat", async () => {
    const provisioned = await provision({ uid, known, profile: named, look }, chat, mode, context);
    return reactivate && isDeactivated(provisioned) ? revive(uid, chat, parts, context) : provisioned;
  });
  if (!obtained.ok) return obtained;

  const { authToken: token, created, mintedAt, other } = obtained.value;
  const expiresAt = endOf(mintedAt, config.tokens);
  followUp({ ...user, created, other }, chat, parts, context);
  const recorded = recordSignIn(caller.value, { app, token, mintedAt, expiresAt }, parts, context);
  // With `reuse` the token must be recorded before the answer, so that the session's next request and a sign-out find
  // it.
  if (reuses) await timing.measure("directory", () => within(LEDGER_RECORD_MS, recorded));
  return ok({ authToken: token, uid, app: chat.app, created, reused: false, expiresAt });
}
