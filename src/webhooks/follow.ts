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

/** What was done about an event, for the log. */
type Done = "created" | "known" | "updated" | "deactivated" | "unknown" | "unchanged" | "outdated" | "unplaced";
type Answer = Promise<Result<Done, GatewayError>>;

/** The parts that an event is followed by. */
type FollowParts = PlacementParts &
  RevokeParts & {
    readonly config: { readonly provisioning: Pick<Config["provisioning"], "mode"> };
    readonly ledgers: Pick<Ledgers, "home">;
  };

/**
 * Does at CometChat what a provider says of one of its users. Every step may be repeated, and none brings a deactivated
 * user back. Fails where CometChat or the ledger does, so that the provider delivers again; what has been done is not
 * done a second time, since somebody may have decided otherwise meanwhile.
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

  // A delivery that failed is repeated. By then a newer event may have been followed already.
  const { left } = context.deadline;
  const told = await parts.ledgers.home(uid, (home) => home.deliver(delivery, at, kind), left());
  if (!told.ok) return told;
  if (told.value.newer !== undefined) return ok("outdated");
  const before = told.value.done as Done | undefined;
  if (before !== undefined) return ok(before !== "created" ? before : kind === "created" ? "known" : "updated");
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
  // Where users are made on their own, the news of one may come before that of its making.
  return parts.config.provisioning.mode === "create" ? create(uid, event, issuer, parts, context) : ok("unknown");
}

async function create(uid: string, { claims }: Event, issuer: Issuer, parts: FollowParts, context: Context): Answer {
  const chat = await landing(uid, claims, issuer, parts, context);
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
 * Where a new user would live, if that can be told yet: not where a claim decides that this event does not hold, nor
 * where the user's own place does, which the provider's server does not share. The first sign-in knows.
 */
async function landing(
  uid: string,
  claims: Event["claims"],
  issuer: Issuer,
  { config, cometchat, homes }: FollowParts,
  context: Context,
): Promise<Result<CometChat | undefined, GatewayError>> {
  const placed = place(config, issuer, claims, {});
  if (!placed.ok) return ok(undefined);
  if (placed.value.by === "configuration") return ok(cometchat(placed.value.app));
  const { candidate } = placed.value;
  if (!config.placement.byGeography) {
    const home = await homes.choose(uid, candidate, context);
    return home.ok ? ok(cometchat(home.value.app)) : home;
  }
  const home = await homes.known(uid, context);
  return home.ok ? ok(home.value === undefined ? undefined : cometchat(home.value)) : home;
}

/** Supabase tells of every change to a row, each sign-in's included. */
async function unchanged({ before, claims }: Event, issuer: Issuer): Promise<boolean> {
  if (!before) return false;
  const [old, now] = [before, claims].map((each) => profileHash(profileOf(issuer, each).profile));
  return (await old) === (await now);
}

/**
 * Sends what the event holds. What it does not hold is left alone, since sessions may know more than events; only what
 * it says to be gone is taken away.
 */
async function update(uid: string, { claims }: Event, issuer: Issuer, chat: CometChat, context: Context): Answer {
  const { profile: paths } = issuer;
  const { profile } = profileOf(issuer, claims);
  const said = (path: string | undefined) => (path === undefined ? undefined : claim(claims, path));
  const unset = unsettableFields.filter((field) => said(paths[field]) === null);
  // A role that the operator's table no longer grants is taken back.
  const change: Profile = said(paths.role) === undefined ? profile : { role: "default", ...profile };
  if (Object.keys(change).length + unset.length === 0) return ok("unchanged");
  const done = await chat.update(uid, change, unset, context);
  return done.ok ? ok("updated") : done;
}
