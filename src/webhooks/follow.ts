import type { CometChat, Profile } from "../cometchat/cometchat.ts";
import { unsettableFields } from "../cometchat/fields.ts";
import type { Config } from "../config/types.ts";
import type { Context } from "../context.ts";
import type { Delivery } from "../directory/home.ts";
import { fail, type GatewayError } from "../errors.ts";
import { fallbackName, profileHash, profileOf } from "../identity/profile.ts";
import { uidOf } from "../identity/uid.ts";
import type { Ledgers } from "../ledger/access.ts";
import { appsOf, inEach, inOneOf, type PlacementParts } from "../placement/apps.ts";
import { place } from "../placement/placement.ts";
import { provisioned } from "../profile/provisioned.ts";
import { ok, type Result } from "../result.ts";
import { deactivateUser, type RevokeParts } from "../revoke.ts";
import { claim, subject } from "../session/claims.ts";
import type { Issuer } from "../session/issuer.ts";
import type { Event } from "./event.ts";

/** What the gateway did about an event, for the log. */
type Done = "created" | "known" | "updated" | "deactivated" | "unknown" | "unchanged" | "outdated" | "unplaced";
type Answer = Promise<Result<Done, GatewayError>>;

/** The parts of the gateway that handle an event. */
type FollowParts = PlacementParts &
  RevokeParts & {
    readonly config: { readonly provisioning: Pick<Config["provisioning"], "mode"> };
    readonly ledgers: Pick<Ledgers, "home">;
  };

/**
 * Creates, updates or deactivates the CometChat user that an event is about. Every step may be repeated, and none
 * reactivates a deactivated user. Fails if CometChat or the user's object fails, so that the provider delivers the
 * event again. An event that was handled is not handled a second time, since an operator may have changed the user
 * meanwhile.
 */
export async function follow(
  event: Event,
  delivery: Delivery,
  issuer: Issuer,
  parts: FollowParts,
  context: Context,
): Answer {
  const who = subject(event.claims, issuer);
  if (!who.ok) return fail("body-shape", { detail: "The event names no user." });
  const identified = await uidOf(issuer, who.value);
  if (!identified.ok) return identified;
  const uid = identified.value;
  const { at, kind } = event;
  if (kind === "updated" && (await unchanged(event, issuer))) return ok("unchanged");

  // The provider repeats a delivery that failed. A later event may have been handled in between.
  const { left } = context.deadline;
  const recorded = await parts.ledgers.home(uid, (home) => home.deliver(delivery, at, kind), left());
  if (!recorded.ok) return recorded;
  if (recorded.value.newer !== undefined) return ok("outdated");
  const earlier = recorded.value.done as Done | undefined;
  if (earlier !== undefined) return ok(earlier !== "created" ? earlier : kind === "created" ? "known" : "updated");
  const done = await act(uid, event, issuer, parts, context);
  if (done.ok) {
    context.after("delivered", (later) =>
      parts.ledgers.home(uid, (home) => home.delivered(delivery.id, done.value), later.deadline.left()),
    );
  }
  return done;
}

async function act(uid: string, event: Event, issuer: Issuer, parts: FollowParts, context: Context): Answer {
  const { kind } = event;
  if (kind === "created") return create(uid, event, issuer, parts, context);
  const apps = await appsOf(parts, uid, context, issuer);
  if (!apps.ok) return apps;
  if (kind === "deleted") {
    const ended = await inEach(apps.value, (chat) => deactivateUser(parts, chat, uid, context));
    if (ended.ok) return ok("deactivated");
    return ended.error.reason === "upstream-uid-unknown" ? ok("unknown") : ended;
  }
  const done = await inOneOf(apps.value, (chat) => update(uid, event, issuer, chat, context));
  if (done.ok || done.error.reason !== "upstream-uid-unknown") return done;
  // If sign-ins create users, an update may arrive before the event of the user's creation.
  return parts.config.provisioning.mode === "create" ? create(uid, event, issuer, parts, context) : ok("unknown");
}

async function create(uid: string, { claims }: Event, issuer: Issuer, parts: FollowParts, context: Context): Answer {
  const chat = await appOfNewUser(uid, claims, issuer, parts, context);
  if (!chat.ok) return chat;
  if (!chat.value) return ok("unplaced");
  const { profile } = profileOf(issuer, claims);
  const named = { ...profile, name: profile.name ?? fallbackName(claims, uid) };
  const made = await chat.value.create(uid, named, { withAuthToken: false }, context);
  if (!made.ok && made.error.reason !== "upstream-uid-exists") return made;
  const home = chat.value;
  context.after("provisioned", (later) => provisioned({ uid, profile, created: made.ok }, home, parts, later));
  return ok(made.ok ? "created" : "known");
}

/**
 * The app of a new user; undefined if only the first sign-in can decide it. That is so if a claim decides that the
 * event does not contain, or the user's location, which a provider's server does not know.
 */
async function appOfNewUser(
  uid: string,
  claims: Event["claims"],
  issuer: Issuer,
  { config, chats, homes }: FollowParts,
  context: Context,
): Promise<Result<CometChat | undefined, GatewayError>> {
  const placed = place(config, issuer, claims, {});
  if (!placed.ok) return ok(undefined);
  if (placed.value.by === "configuration") return ok(chats.get(placed.value.app));
  if (!config.placement.byGeography) {
    const home = await homes.choose(uid, placed.value.app, context);
    return home.ok ? ok(chats.get(home.value.app)) : home;
  }
  const home = await homes.recorded(uid, context);
  return home.ok ? ok(home.value === undefined ? undefined : chats.get(home.value)) : home;
}

/**
 * Whether the profile is the same as before. Supabase sends an event for every change to a row, even for each sign-in.
 */
async function unchanged({ before, claims }: Event, issuer: Issuer): Promise<boolean> {
  if (!before) return false;
  const [old, now] = [before, claims].map((each) => profileHash(profileOf(issuer, each).profile));
  return (await old) === (await now);
}

/**
 * Updates the profile with the fields in the event. Fields that are not in it stay as they are, since a session may
 * contain more than an event; only a field that is null in the event is removed.
 */
async function update(uid: string, { claims }: Event, issuer: Issuer, chat: CometChat, context: Context): Answer {
  const { profile: paths } = issuer;
  const { profile } = profileOf(issuer, claims);
  const valueAt = (path: string | undefined) => (path === undefined ? undefined : claim(claims, path));
  const unset = unsettableFields.filter((field) => valueAt(paths[field]) === null);
  // A role that the issuer's table of roles no longer grants is removed.
  const change: Profile = valueAt(paths.role) === undefined ? profile : { role: "default", ...profile };
  if (Object.keys(change).length + unset.length === 0) return ok("unchanged");
  const done = await chat.update(uid, change, unset, context);
  return done.ok ? ok("updated") : done;
}
