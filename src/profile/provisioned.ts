import type { CometChat, Profile } from "../cometchat/cometchat.ts";
import type { Context } from "../context.ts";
import type { Directory } from "../directory/directory.ts";
import { profileHash } from "../identity/profile.ts";

/**
 * After the answer: a user whom a backend or a webhook created gets its mapping, so that its first sign-in mints at
 * once. `syncedAt: 0` says that no session's claims were synchronised yet. The first claims cost no call where they equal
 * the profile; else they are sent, and fields that they do not name stay as they are (`syncProfile`).
 */
export async function provisioned(
  user: { readonly uid: string; readonly profile: Profile; readonly created: boolean },
  chat: CometChat,
  { directory }: { readonly directory: Pick<Directory, "get" | "put"> },
  { now }: Context,
): Promise<void> {
  const { uid, profile, created } = user;
  const before = await directory.get(uid);
  if (before?.app === chat.app.name && !created) return;
  // What CometChat holds of a user that was there already is not known.
  const digest = created ? await profileHash(profile, chat.knows) : "";
  await directory.put(uid, { ...before, app: chat.app.name, profile: digest, createdAt: now, syncedAt: 0 });
}
