import type { CometChat } from "../cometchat/cometchat.ts";
import type { Config } from "../config/types.ts";
import type { Context } from "../context.ts";
import type { Directory, Mapping } from "../directory/directory.ts";
import { fail, type GatewayError } from "../errors.ts";
import type { Ledgers } from "../ledger/access.ts";
import type { Known } from "../provision/provision.ts";
import { ok, type Result } from "../result.ts";
import type { Issuer } from "../session/issuer.ts";
import type { Homes } from "./home.ts";
import { inSeveralApps, place, type Whereabouts } from "./placement.ts";

/** The parts that say where a user lives. */
export interface PlacementParts {
  readonly config: Pick<Config, "apps" | "placement" | "issuers">;
  readonly directory: Pick<Directory, "get" | "remembered">;
  readonly homes: Homes;
  readonly cometchat: (app: string) => CometChat | undefined;
  readonly apps: () => readonly CometChat[];
}

type Answer = Promise<Result<CometChat, GatewayError>>;

interface Caller {
  readonly uid: string;
  readonly issuer: Issuer;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What KV says, as it is being read. */
  readonly reading: Promise<Mapping | null | undefined>;
}

/** The app that serves a user who signs in. */
export interface Served {
  readonly chat: CometChat;
  /** Whether the user is there. Where placement asks nobody, KV is still being read. */
  readonly known: Known | Promise<Known>;
}

/** The app of a user who signs in. Placement by issuer or claim, or with one app, asks nobody; else the user's home is found. */
export async function appFor(
  { uid, issuer, claims, reading }: Caller,
  where: Whereabouts,
  parts: PlacementParts,
  context: Context,
): Promise<Result<Served, GatewayError>> {
  const placed = place(parts.config, issuer, claims, where);
  if (!placed.ok) return placed;
  if (placed.value.by === "home") {
    const home = await parts.homes.choose(uid, placed.value.candidate, context, reading);
    if (!home.ok) return home;
    const chat = clientOf(parts, home.value.app);
    if (!chat.ok) return chat;
    const { app, first } = home.value;
    // Where only the home is known, the user may be in the middle of being created.
    const known = first ? "absent" : reading.then((mapping) => (mapping?.app === app ? "there" : "unsure"));
    return ok({ chat: chat.value, known });
  }
  const { app } = placed.value;
  const chat = clientOf(parts, app);
  if (!chat.ok) return chat;
  const known = reading.then((mapping) =>
    mapping === undefined ? "unsure" : mapping?.app === app ? "there" : "absent",
  );
  return ok({ chat: chat.value, known });
}

/** The app of a user who signs out. One that lives nowhere has nothing to end; it is looked for where it would live. */
export async function appOf({ uid, issuer, claims, reading }: Caller, parts: PlacementParts, context: Context): Answer {
  const placed = place(parts.config, issuer, claims, {});
  if (!placed.ok) return placed;
  if (placed.value.by === "configuration") return clientOf(parts, placed.value.app);
  const { candidate } = placed.value;
  const home = await parts.homes.find(uid, candidate, context, reading);
  return home.ok ? clientOf(parts, home.value ?? candidate) : home;
}

/** The app that a user lives in, where there is no session to place it: the issuer's own, the mapping's, or its home. */
export async function homeOf(parts: PlacementParts, uid: string, context: Context, issuer?: Issuer): Answer {
  if (issuer?.app !== undefined) return clientOf(parts, issuer.app);
  const { apps, placement } = parts.config;
  const mapping = await parts.directory.get(uid);
  if (mapping || apps.size === 1) return clientOf(parts, mapping?.app ?? placement.default);
  const home = await parts.homes.find(uid, placement.default, context);
  return home.ok ? clientOf(parts, home.value ?? placement.default) : home;
}

/** A home that the configuration no longer names is a mistake of it: the user is not created anew elsewhere. */
function clientOf({ cometchat }: Pick<PlacementParts, "cometchat">, app: string): Result<CometChat, GatewayError> {
  const client = cometchat(app);
  return client
    ? ok(client)
    : fail("home-app-gone", { remedy: "A user's home app is no longer in COMETCHAT_APPS: add it again." });
}

/**
 * The apps in which a user may live, where there is no session to place it; the likeliest first. Only a mapping is sure.
 * Where KV has none, a claim may have placed the user, and its deactivation must reach every app it may live in.
 */
export async function appsOf(
  parts: PlacementParts,
  uid: string,
  context: Context,
  issuer?: Issuer,
): Promise<Result<readonly CometChat[], GatewayError>> {
  const home = await homeOf(parts, uid, context, issuer);
  if (!home.ok) return home;
  const shared = issuer?.uid.shared;
  const several = inSeveralApps(issuer && !shared ? [issuer] : parts.config.issuers);
  const sure = (!shared && issuer?.app !== undefined) || (!several && parts.directory.remembered(uid));
  if (sure) return ok([home.value]);
  return ok([...new Set([home.value, ...parts.apps()])]);
}

/**
 * The apps in which the tokens of a user end who signs out of this one. Where issuers share users, or a claim moves them,
 * these may be several; the ledger sees to the others by itself, unless it records nothing, or another object does.
 */
export const appsWith = async (
  parts: PlacementParts & { readonly ledgers: Pick<Ledgers, "records"> },
  chat: CometChat,
  uid: string,
  issuer: Issuer,
  context: Context,
): Promise<Result<readonly CometChat[], GatewayError>> =>
  (issuer.uid.shared || issuer.appClaim !== undefined) &&
  (!parts.ledgers.records || parts.config.placement.jurisdictions.size > 0)
    ? appsOf(parts, uid, context, issuer)
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
