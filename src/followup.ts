import type { CometChat } from "./cometchat/cometchat.ts";
import type { Context } from "./context.ts";
import type { Mapping } from "./directory/directory.ts";
import type { PlacementParts } from "./placement/apps.ts";
import { changesNothing, type SignedIn, type SyncParts, syncProfile } from "./profile/sync.ts";
import { flushApp, type RevokeParts, revokeToken } from "./revoke.ts";

/** The parts of the gateway that do the work after a sign-in. */
export type FollowUpParts = SyncParts & RevokeParts & Pick<PlacementParts, "chats">;

interface FollowUp extends Omit<SignedIn, "mapping"> {
  /** The user's mapping before this sign-in. */
  readonly reading: Promise<Mapping | null | undefined>;
  /** A second token, which was minted and not returned to the caller. */
  readonly other?: Promise<string | undefined> | undefined;
}

/**
 * Starts the work that follows a sign-in's answer. No failure of it fails the sign-in, and the tasks are independent.
 */
export function followUp(user: FollowUp, chat: CometChat, parts: FollowUpParts, context: Context): void {
  const { uid, reading, session, dropped, other } = user;
  if (dropped.length > 0) {
    parts.deps.log({ event: "profile-dropped", requestId: context.requestId, fields: dropped.join(" ") });
  }
  // For most sign-ins there is nothing to do: the isolate remembers that the profile is the same.
  if (other === undefined && changesNothing({ ...user, mapping: undefined }, chat, parts, context)) return;
  context.after("profile", async (later) => {
    const mapping = await reading;
    // Only a claim moves a user from one app to another. If issuers share the user, it may exist in several apps.
    const moved = session.issuer.appClaim !== undefined && mapping && mapping.app !== chat.app.name;
    const former = moved ? parts.chats.get(mapping.app) : undefined;
    if (former) {
      // The mapping names the app that may still have tokens, so it is changed only after the ledger has ended them.
      const flushed = await flushApp(parts, former, uid, later);
      if (!flushed.ok) return flushed;
    }
    return syncProfile({ ...user, mapping }, chat, parts, later);
  });
  // Two calls were made at the same time, and both returned a token.
  if (other) {
    context.after("second-token", async (later) => {
      const token = await other;
      return token === undefined ? undefined : revokeToken(parts, [chat], uid, token, later);
    });
  }
}
