import type { CometChat } from "../cometchat/cometchat.ts";
import type { Config } from "../config/types.ts";
import type { Context } from "../context.ts";
import type { Directory, Mapping } from "../directory/directory.ts";
import { fail, type GatewayError } from "../errors.ts";
import type { Ledgers } from "../ledger/access.ts";
import type { Known } from "../provision/provision.ts";
import { ok, type Result } from "../result.ts";
import type { Issuer } from "../session/issuer.ts";
import type { Session } from "../session/session.ts";
import type { Homes } from "./home.ts";
import { inSeveralApps, place, type Whereabouts } from "./placement.ts";

/** The parts of the gateway that decide in which app a user lives. */
export interface PlacementParts {
  readonly config: Pick<Config, "apps" | "placement" | "issuers">;
  readonly directory: Pick<Directory, "read" | "inMemory">;
  readonly homes: Homes;
  /** The client of each app, by its configured name. */
  readonly chats: ReadonlyMap<string, CometChat>;
}

type Answer = Promise<Result<CometChat, GatewayError>>;

/** A user with a session. */
interface User {
  readonly uid: string;
  readonly session: Pick<Session, "issuer" | "claims">;
  /** The user's mapping, which is being read from KV. */
  readonly reading: Promise<Mapping | null | undefined>;
}

/** The app that serves a user who signs in. */
export interface Served {
  readonly chat: CometChat;
  /** Whether the user exists in the app. A promise if KV is still being read, since placement did not need it. */
  readonly known: Known | Promise<Known>;
}

/**
 * The app that serves a user with a session. If the configuration or a claim decides it, nothing is read. Otherwise the
 * user's home is found. A new user who signs in is given one, by `where`; a user without a home who signs out has no
 * tokens, and none is chosen. Fails as `place` and `Homes.choose` do, or with `home-app-gone`.
 */
export async function appFor(
  { uid, session: { issuer, claims }, reading }: User,
  where: Whereabouts | undefined,
  parts: PlacementParts,
  context: Context,
): Promise<Result<Served, GatewayError>> {
  const placed = place(parts.config, issuer, claims, where ?? {});
  if (!placed.ok) return placed;
  const decided = placed.value.by === "configuration";
  const { find, choose } = parts.homes;
  const home = decided
    ? ok({ app: placed.value.app, first: false })
    : await (where ? choose : find)(uid, placed.value.app, context, reading);
  if (!home.ok) return home;
  const { app, first } = home.value;
  const chat = clientOf(parts, app);
  if (!chat.ok) return chat;
  const knownBy = (mapping: Mapping | null | undefined): Known => {
    if (mapping?.app === app) return "there";
    // A user with a home but without a mapping may be being created by another request.
    return decided && mapping !== undefined ? "absent" : "unsure";
  };
  return ok({ chat: chat.value, known: first ? "absent" : reading.then(knownBy) });
}

/** The app of a user without a session: the issuer's app, or the app in the mapping, or the user's home. */
export async function homeOf(parts: PlacementParts, uid: string, context: Context, issuer?: Issuer): Answer {
  if (issuer?.app !== undefined) return clientOf(parts, issuer.app);
  const { apps, placement } = parts.config;
  const mapping = await parts.directory.read(uid);
  if (mapping || apps.size === 1) return clientOf(parts, mapping?.app ?? placement.default);
  const home = await parts.homes.find(uid, placement.default, context);
  return home.ok ? clientOf(parts, home.value.app) : home;
}

/** The client of an app. Fails if the app is no longer configured: the user must not be created anew in another app. */
function clientOf({ chats }: Pick<PlacementParts, "chats">, app: string): Result<CometChat, GatewayError> {
  const chat = chats.get(app);
  return chat
    ? ok(chat)
    : fail("home-app-gone", { remedy: "COMETCHAT_APPS no longer has the home app of a user: add it again." });
}

/**
 * The apps in which a user without a session may live, the most likely one first. Without a mapping it is not known
 * where a claim has placed the user; a deactivation must then reach every app.
 */
export async function appsOf(
  parts: PlacementParts,
  uid: string,
  context: Context,
  issuer?: Issuer,
): Promise<Result<readonly CometChat[], GatewayError>> {
  const home = await homeOf(parts, uid, context, issuer);
  if (!home.ok) return home;
  const isCertain =
    (issuer?.app !== undefined && !issuer.uid.shared) ||
    (!inSeveralApps(parts.config.issuers, issuer) && parts.directory.inMemory(uid));
  return ok(isCertain ? [home.value] : [...new Set([home.value, ...parts.chats.values()])]);
}

/**
 * The apps in which the tokens of a user must be ended who signs out of `chat`. The user's ledger ends recorded tokens
 * in all apps by itself, unless no tokens are recorded or jurisdictions divide the ledger. A token that could not be
 * recorded is in the app where the user lives now, if this session is older than a move. Without a mapping that app is
 * not known.
 */
export function appsWith(
  { ledgers, config, chats }: PlacementParts & { readonly ledgers: Pick<Ledgers, "records" | "together"> },
  chat: CometChat,
  issuer: Issuer,
  mapping: Mapping | null | undefined,
): readonly CometChat[] {
  const isCertain = ledgers.records && ledgers.together && mapping;
  const everywhere = inSeveralApps(config.issuers, issuer) && !isCertain;
  const now = mapping ? chats.get(mapping.app) : undefined;
  return [...new Set([chat, ...(now ? [now] : []), ...(everywhere ? chats.values() : [])])];
}

/**
 * Calls `act` with one app after the other until one knows the user. Fails with `upstream-uid-unknown` if none does.
 */
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

/**
 * Calls `act` with every app. Fails with the first failure, or with `upstream-uid-unknown` if no app knows the user.
 */
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
