import type { CometChat } from "../cometchat/cometchat.ts";
import type { Issuer } from "../config/types.ts";
import type { Context } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { ok, type Result } from "../result.ts";
import { homeOf } from "./home.ts";

/**
 * The apps in which a user may live who is not there to say so, the likeliest first. Only a mapping is sure; where KV
 * does not have it, the user may have been placed by a claim, and nobody must miss its deactivation.
 */
export async function appsOf(
  gateway: Gateway,
  uid: string,
  context: Context,
  issuer?: Issuer,
): Promise<Result<readonly CometChat[], GatewayError>> {
  const home = await homeOf(gateway, uid, context, issuer);
  if (!home.ok) return home;
  const shared = issuer?.uid.shared;
  // Where a claim moves users, one may be in several, and where issuers with apps of their own share them.
  const several = (issuer && !shared ? [issuer] : gateway.config.issuers).some(
    ({ app, appClaim, uid }) => appClaim !== undefined || (uid.shared && app !== undefined),
  );
  const sure = (!shared && issuer?.app !== undefined) || (!several && gateway.directory.recall(uid));
  if (sure) return ok([home.value]);
  return ok([...new Set([home.value, ...gateway.apps()])]);
}

/**
 * The apps in which the tokens of a user end who signs out of this one. Where issuers share users these may be several;
 * the ledger sees to the others by itself, unless it records nothing, or another object does.
 */
export const appsWith = async (
  gateway: Gateway,
  chat: CometChat,
  uid: string,
  issuer: Issuer,
  context: Context,
): Promise<Result<readonly CometChat[], GatewayError>> =>
  issuer.uid.shared && (!gateway.ledgers.records || gateway.config.placement.jurisdictions.size > 0)
    ? appsOf(gateway, uid, context, issuer)
    : ok([chat]);

/** What the first of these apps says that knows the user; fails with `upstream-uid-unknown` where none does. */
export async function inOneOf<T>(
  apps: readonly CometChat[],
  act: (chat: CometChat) => Promise<Result<T, GatewayError>>,
): Promise<Result<T, GatewayError>> {
  for (const chat of apps) {
    const done = await act(chat);
    if (done.ok || done.error.reason !== "upstream-uid-unknown") return done;
  }
  return fail("upstream-uid-unknown");
}

/** Does it in each of these apps that knows the user; fails with the first failure, or where none does. */
export async function inEach(
  apps: readonly CometChat[],
  act: (chat: CometChat) => Promise<Result<void, GatewayError>>,
): Promise<Result<void, GatewayError>> {
  let outcome: Result<void, GatewayError> = fail("upstream-uid-unknown");
  for (const chat of apps) {
    const done = await act(chat);
    if (done.ok) outcome = done;
    else if (done.error.reason !== "upstream-uid-unknown") return done;
  }
  return outcome;
}
