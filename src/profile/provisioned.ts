import type { CometChat, Profile } from "../cometchat/cometchat.ts";
import type { Context } from "../context.ts";
import type { Directory } from "../directory/directory.ts";
import { profileHash } from "../identity/profile.ts";

/**
 * Writes, after the answer, the mapping of a user whom a backend or a webhook created, so that the first sign-in mints
 * a token at once. `syncedAt: 0` means that no session's claims were compared yet: the first sign-in sends them only if
 * they differ from the profile, and then leaves fields that they do not have as they are (see `syncProfile`).
 */
export async function provisioned(
  user: { readonly uid: string; readonly profile: Profile; readonly created: boolean },
  chat: CometChat,
  { directory }: { readonly directory: Pick<Directory, "read" | "put"> },
  { now }: Context,
): Promise<void> {
  const { uid, profile, created } = user;
  const before = await directory.read(uid);
  if (before?.app === chat.app.name && !created) return;
  // If the user existed before, the profile at CometChat is not known.
  const digest = created ? await profileHash(profile, chat.hasRole) : "";
  await directory.put(uid, { ...before, app: chat.app.name, profile: digest, createdAt: now, syncedAt: 0 });
}
