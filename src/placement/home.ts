import type { CometChat } from "../cometchat/cometchat.ts";
import type { Issuer } from "../config/types.ts";
import type { Context } from "../context.ts";
import type { Mapping } from "../directory/directory.ts";
import { fail, type GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { ok, type Result } from "../result.ts";
import { place, type Whereabouts } from "./placement.ts";

type Answer = Promise<Result<CometChat, GatewayError>>;

/**
 * The app that serves a user who signs in. Placement by issuer or claim asks nobody; a home chosen by geography is in
 * the mapping, and only where that is missing is the one object asked that chooses it, once and for all. Without `where`
 * no home is chosen: who signs out has one, or needs none.
 */
export async function appFor(
  user: {
    readonly uid: string;
    readonly issuer: Issuer;
    readonly claims: Readonly<Record<string, unknown>>;
    readonly mapping: Mapping | undefined;
  },
  where: Whereabouts | undefined,
  gateway: Gateway,
  context: Context,
): Answer {
  const placed = place(gateway.config, user.issuer, user.claims, where ?? {});
  if (!placed.ok) return placed;
  if (placed.value.by === "configuration") return clientOf(gateway, placed.value.app);
  if (user.mapping) return clientOf(gateway, user.mapping.app);
  if (!where) return homeOf(gateway, user.uid, context);
  const { candidate } = placed.value;
  const home = await gateway.ledgers.home(user.uid, (ledger) => ledger.home(candidate), context.deadline.left());
  return home.ok ? clientOf(gateway, home.value ?? candidate) : home;
}

/** The app that a user lives in who is not there to say so: by the mapping, its home, or what the issuer is bound to. */
export async function homeOf(gateway: Gateway, uid: string, context: Context, issuer?: Issuer): Answer {
  if (issuer?.app !== undefined) return clientOf(gateway, issuer.app);
  const mapping = await gateway.directory.get(uid);
  if (mapping) return clientOf(gateway, mapping.app);
  const { placement } = gateway.config;
  if (!placement.byGeography) return clientOf(gateway, placement.default);
  const home = await gateway.ledgers.home(uid, (ledger) => ledger.home(), context.deadline.left());
  return home.ok ? clientOf(gateway, home.value ?? placement.default) : home;
}

/** A home that the configuration no longer names is a mistake of it: the user is not created anew elsewhere. */
function clientOf(gateway: Gateway, app: string): Result<CometChat, GatewayError> {
  const client = gateway.cometchat(app);
  return client
    ? ok(client)
    : fail("home-app-gone", { remedy: "A user's home app is no longer in COMETCHAT_APPS: add it again." });
}
