import type { CometChat, Profile } from "../cometchat/cometchat.ts";
import { fields, UNSETTABLE, type Unsettable } from "../cometchat/fields.ts";
import type { Config } from "../config/types.ts";
import type { Context, Deps } from "../context.ts";
import type { Directory, Mapping } from "../directory/directory.ts";
import { profileHash } from "../identity/profile.ts";
import type { Ledgers } from "../ledger/access.ts";
import { ROLE_RETRY_MS } from "../limits.ts";
import type { Issuer } from "../session/issuer.ts";

/** The parts that a profile is kept up to date by. */
export interface SyncParts {
  readonly config: { readonly provisioning: Pick<Config["provisioning"], "sync"> };
  readonly directory: Pick<Directory, "remembered" | "put">;
  readonly ledgers: Pick<Ledgers, "home">;
  readonly deps: Pick<Deps, "log">;
}

export interface SignedIn {
  readonly uid: string;
  readonly issuer: Issuer;
  /** What the claims say now, and its digest. */
  readonly profile: Profile;
  readonly profileHash: string;
  /** What the directory said before this sign-in. */
  readonly mapping: Mapping | undefined;
  readonly created: boolean;
}

/** What is known of the user in this app. Of fifty first sign-ins at once, the isolate's memory knows what one has done. */
function knownOf({ uid, mapping }: SignedIn, chat: CometChat, { directory }: Pick<SyncParts, "directory">) {
  const latest = directory.remembered(uid) ?? mapping;
  return latest?.app === chat.app.name ? latest : undefined;
}

/** Whether a session has spoken of this user before, and has said the same. */
export function changesNothing(
  user: SignedIn,
  chat: CometChat,
  parts: Pick<SyncParts, "directory">,
  { now }: Pick<Context, "now">,
): boolean {
  const here = knownOf(user, chat, parts);
  // Not of a user that a backend or a webhook brought, or that was there before the gateway.
  if (user.created || !here?.syncedAt) return false;
  // A role that CometChat did not have is sent again after a while: it may have it then.
  const waits = here.profile === `${user.profileHash}!` && now < here.syncedAt + ROLE_RETRY_MS;
  return here.profile === user.profileHash || waits;
}

/**
 * After the answer: the profile is brought up to date in CometChat where the mapped claims have changed, and the
 * mapping is written where it says something new. Unchanged claims of a known user cost nothing.
 */
export async function syncProfile(user: SignedIn, chat: CometChat, parts: SyncParts, context: Context): Promise<void> {
  const { config, directory } = parts;
  if (changesNothing(user, chat, parts, context)) return;
  const here = knownOf(user, chat, parts);
  const first = !here?.syncedAt;

  let profile = user.created ? await profileHash(user.profile, chat.knows) : (here?.profile ?? "");
  let current = user.created || profile === user.profileHash;
  if (!current && config.provisioning.sync && chat.hasRoom()) {
    // A failure leaves the old digest, so that the next sign-in tries again.
    current = await synchronised(user, first, chat, parts, context);
    if (current) profile = await profileHash(user.profile, chat.knows);
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
 * Brings the profile up to date. One at a time per user, wherever it signs in: of two that overlap the older could
 * arrive last, and would stay.
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
  const alone = await ledgers.home(user.uid, (ledger) => ledger.beginSync(left()), left());
  if (!alone.ok || !alone.value) return false;
  let updated = await chat.update(user.uid, change, unset, context);
  // A role that CometChat does not know must not keep name and picture back; the client's log names it.
  if (!updated.ok && updated.error.reason === "upstream-role") {
    const { role: _, ...others } = change;
    updated = await chat.update(user.uid, others, unset, context);
  }
  await ledgers.home(user.uid, (ledger) => ledger.endSync(), left());
  if (!updated.ok) deps.log({ event: "profile-not-synchronised", requestId: context.requestId, ...updated.error });
  return updated.ok;
}

/**
 * The whole mapped profile (CometChat replaces what is sent), and `unset` for what the claims no longer hold. The first
 * claims take nothing away: what they are silent about, they may never have held.
 */
function updateOf({ issuer, profile }: SignedIn, first: boolean): [Profile, Unsettable[]] {
  const mapped = issuer.profile;
  const isMapped = (field: Unsettable) =>
    field === "metadata" ? mapped.metadata.size > 0 : mapped[field] !== undefined;
  const unset = UNSETTABLE.filter((field) => isMapped(field) && profile[field] === undefined);
  // A role that the claims no longer grant is taken back, not kept.
  const empty = fields.flatMap(([field, row]) =>
    row.empty !== undefined && mapped[field] !== undefined && profile[field] === undefined ? [[field, row.empty]] : [],
  );
  return [{ ...profile, ...(Object.fromEntries(empty) as Profile) }, first ? [] : unset];
}
