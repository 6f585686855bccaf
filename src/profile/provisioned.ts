import type { CometChat, Profile } from "../cometchat/cometchat.ts";
import type { Context } from "../context.ts";
import type { Gateway } from "../gateway.ts";
import { profileHash } from "../identity/profile.ts";

/**
 * After the answer: a user that somebody else than a session brought is written down, so that its first sign-in mints
 * at once. `syncedAt: 0` says that no session's claims were ever synchronised: the first ones that say the same cost no
 * call, others are sent, but what they are silent about stays (`syncProfile`).
 */
export async function provisioned(
  user: { readonly uid: string; readonly profile: Profile; readonly created: boolean },
  chat: CometChat,
  { directory }: Pick<Gateway, "directory">,
  { now }: Context,
): Promise<void> {
  const { uid, profile, created } = user;
  const before = await directory.get(uid);
  if (before?.app === chat.app.name && !created) return;
  // What CometChat holds of a user that was there already is not known.
  const digest = created ? await profileHash(profile, chat.knows) : "";
  await directory.put(uid, { ...before, app: chat.app.name, profile: digest, createdAt: now, syncedAt: 0 });
}
