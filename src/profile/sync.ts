import type { Caller } from "../caller.ts";
import type { CometChat, Profile } from "../cometchat/cometchat.ts";
import { fields, UNSETTABLE, type Unsettable } from "../cometchat/fields.ts";
import type { Config } from "../config/types.ts";
import type { Context, Deps } from "../context.ts";
import type { Directory, Mapping } from "../directory/directory.ts";
import { profileHash } from "../identity/profile.ts";
import type { Ledgers } from "../ledger/access.ts";
import { ROLE_RETRY_MS } from "../limits.ts";

/** The parts of the gateway that synchronise a profile. */
export interface SyncParts {
  readonly config: { readonly provisioning: Pick<Config["provisioning"], "sync"> };
  readonly directory: Pick<Directory, "inMemory" | "put">;
  readonly ledgers: Pick<Ledgers, "home">;
  readonly deps: Pick<Deps, "log">;
}

export interface SignedIn extends Caller {
  /** The user's mapping before this sign-in. */
  readonly mapping: Mapping | null | undefined;
  readonly created: boolean;
}

/**
 * The latest mapping of the user, if it is of this app. The isolate's memory may be newer than KV: if a user signs in
 * many times at once, it knows what another of these requests has done.
 */
function mappingHere({ uid, mapping }: SignedIn, chat: CometChat, { directory }: Pick<SyncParts, "directory">) {
  const latest = directory.inMemory(uid) ?? mapping;
  return latest?.app === chat.app.name ? latest : undefined;
}

/** Whether CometChat already has the profile in this session's claims. */
export function changesNothing(
  user: SignedIn,
  chat: CometChat,
  parts: Pick<SyncParts, "directory">,
  { now }: Pick<Context, "now">,
): boolean {
  const here = mappingHere(user, chat, parts);
  // Nothing was compared yet if the user was just created, came from a backend or a webhook, or existed before the
  // gateway.
  if (user.created || !here?.syncedAt) return false;
  // If CometChat did not know the role, the profile is sent again after a while: the role may have been created.
  const waits = here.profile === `${user.profileHash}!` && now < here.syncedAt + ROLE_RETRY_MS;
  return here.profile === user.profileHash || waits;
}

/**
 * Updates, after the answer, the profile at CometChat if the mapped claims have changed, and the mapping if it has
 * changed. Unchanged claims of a known user cause no call.
 */
export async function syncProfile(user: SignedIn, chat: CometChat, parts: SyncParts, context: Context): Promise<void> {
  const { config, directory } = parts;
  if (changesNothing(user, chat, parts, context)) return;
  const here = mappingHere(user, chat, parts);
  const first = !here?.syncedAt;

  let profile = user.created ? await profileHash(user.profile, chat.hasRole) : (here?.profile ?? "");
  let current = user.created || profile === user.profileHash;
  if (!current && config.provisioning.sync && chat.hasRoom()) {
    // After a failure the old digest stays in the mapping, so that the next sign-in tries again.
    current = await synchronised(user, first, chat, parts, context);
    if (current) profile = await profileHash(user.profile, chat.hasRole);
  }
  if (!current && here?.profile === profile) return;
  await directory.put(user.uid, {
    ...here,
    app: chat.app.name,
    profile,
    createdAt: here?.createdAt ?? context.now,
    syncedAt: current ? context.now : (here?.syncedAt ?? 0),
  });
}

/**
 * Updates the profile at CometChat, and returns whether that succeeded. The user's object allows one update at a time:
 * if two overlapped, the older profile could arrive last and would stay.
 */
async function synchronised(
  user: SignedIn,
  first: boolean,
  chat: CometChat,
  { deps, ledgers }: SyncParts,
  context: Context,
): Promise<boolean> {
  const [change, unset] = updateOf(user, first);
  if (Object.keys(change).length + unset.length === 0) return true;
  const left = () => context.deadline.left();
  const alone = await ledgers.home(user.uid, (home) => home.beginWork("profile", left()), left());
  if (!alone.ok || alone.value === undefined) return false;
  let updated = await chat.update(user.uid, change, unset, context);
  // If CometChat does not know the role, the other fields are still updated. The CometChat client logs the role.
  if (!updated.ok && updated.error.reason === "upstream-role") {
    const { role: _, ...others } = change;
    updated = await chat.update(user.uid, others, unset, context);
  }
  await ledgers.home(user.uid, (home) => home.endWork("profile"), left());
  if (!updated.ok) deps.log({ event: "profile-not-synchronised", requestId: context.requestId, ...updated.error });
  return updated.ok;
}

/**
 * The fields to send and the fields to remove. All mapped fields are sent, since CometChat replaces tags and metadata
 * as a whole. A session's first claims remove nothing: a field that they do not have may come from the app's backend.
 */
function updateOf({ session, profile }: SignedIn, first: boolean): [Profile, Unsettable[]] {
  const mapped = session.issuer.profile;
  const isMapped = (field: Unsettable) =>
    field === "metadata" ? mapped.metadata.size > 0 : mapped[field] !== undefined;
  const unset = UNSETTABLE.filter((field) => isMapped(field) && profile[field] === undefined);
  // A role that the claims no longer grant is removed.
  const empty = fields.flatMap(([field, row]) =>
    row.empty !== undefined && mapped[field] !== undefined && profile[field] === undefined ? [[field, row.empty]] : [],
  );
  return [{ ...profile, ...(Object.fromEntries(empty) as Profile) }, first ? [] : unset];
}
