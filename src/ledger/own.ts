import type { CometChat } from "../cometchat/cometchat.ts";
import type { Context } from "../context.ts";
import type { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { LEDGER_TAKE_MS } from "../limits.ts";
import { appFor } from "../placement/home.ts";
import { place, type Whereabouts } from "../placement/placement.ts";
import { ok, type Result } from "../result.ts";
import { digestsOf, type Session } from "../session/session.ts";

interface Own {
  readonly token: string;
  /** The app that it is of; where geography places users, that is the user's home. */
  readonly chat: CometChat;
  readonly expiresAt: number | null;
}

/**
 * The token that a session has already: one read of one object. Undefined where it has none, or where that cannot be said
 * in time. Only where jurisdictions keep tokens apart has the user's home to be known first.
 */
export async function ownToken(
  uid: string,
  { issuer, claims, ...session }: Session,
  where: Whereabouts,
  gateway: Gateway,
  context: Context,
): Promise<Result<Own | undefined, GatewayError>> {
  const { config, directory, ledgers, cometchat } = gateway;
  const placed = place(config, issuer, claims, where);
  if (!placed.ok) return placed;
  let app = placed.value.by === "configuration" ? placed.value.app : undefined;
  if (app === undefined && !ledgers.together) {
    const home = await appFor({ uid, issuer, claims, mapping: await directory.get(uid) }, where, gateway, context);
    if (!home.ok) return home;
    app = home.value.app.name;
  }
  const { session: digest } = await digestsOf(session);
  const taken = await ledgers.take(uid, digest, app, LEDGER_TAKE_MS);
  const chat = taken.ok && taken.value && cometchat(taken.value.app);
  return ok(chat ? { ...taken.value, chat } : undefined);
}
