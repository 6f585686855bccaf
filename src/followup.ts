import type { CometChat } from "./cometchat/cometchat.ts";
import type { Context } from "./context.ts";
import type { Mapping } from "./directory/directory.ts";
import type { PlacementParts } from "./placement/apps.ts";
import { changesNothing, type SignedIn, type SyncParts, syncProfile } from "./profile/sync.ts";
import { flushApp, type RevokeParts, revokeToken } from "./revoke.ts";
import type { Session } from "./session/session.ts";

/** The parts that a sign-in's follow-up is done by. */
export type FollowUpParts = SyncParts & RevokeParts & Pick<PlacementParts, "cometchat">;

export interface FollowUp extends Omit<SignedIn, "mapping"> {
  readonly session: Session;
  /** Names of the mapped fields that CometChat would have refused. */
  readonly dropped: readonly string[];
  /** What the directory said before this sign-in. */
  readonly reading: Promise<Mapping | null | undefined>;
  /** A second token, which nobody was given. */
  readonly other?: Promise<string | undefined> | undefined;
}

/** What follows a sign-in, after its answer. None of it can fail the sign-in; each part is on its own. */
export function followUp(user: FollowUp, chat: CometChat, parts: FollowUpParts, context: Context): void {
  const { uid, reading, session, dropped, other } = user;
  if (dropped.length > 0) {
    parts.deps.log({ event: "profile-dropped", requestId: context.requestId, fields: dropped.join(" ") });
  }
  // As most sign-ins: the isolate remembers that all is as it says.
  if (other === undefined && changesNothing({ ...user, mapping: undefined }, chat, parts, context)) return;
  context.after("profile", async (later) => {
    const mapping = (await reading) ?? undefined;
    // Only a claim moves a user; by issuers that share it, it may live in several apps.
    const moved = session.issuer.appClaim !== undefined && mapping && mapping.app !== chat.app.name;
    const former = moved ? parts.cometchat(mapping.app) : undefined;
    if (former) {
      // The mapping says where there may be tokens to end; it moves on when the ledger knows.
      const left = await flushApp(parts, former, uid, later);
      if (!left.ok) return left;
    }
    return syncProfile({ ...user, mapping }, chat, parts, later);
  });
  // Two calls were under way, and both brought a token.
  if (other) {
    context.after("second-token", async (later) => {
      const token = await other;
      return token === undefined ? undefined : revokeToken(parts, [chat], uid, token, later);
    });
  }
}
