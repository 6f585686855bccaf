import type { CometChat } from "./cometchat/cometchat.ts";
import type { Context } from "./context.ts";
import { type SignedIn, upkeep } from "./directory/upkeep.ts";
import { digestOf } from "./encoding.ts";
import type { Gateway } from "./gateway.ts";
import type { RemoteLedger } from "./ledger/access.ts";
import { LEDGER_AFTER_MS, SESSION_KNOWN_SECONDS } from "./limits.ts";
import type { Session } from "./session/session.ts";

export interface Settled extends SignedIn {
  readonly session: Session;
  /** base64url SHA-256 of the session id. */
  readonly sessionHash: string;
  /** Names of the mapped fields that CometChat would have refused. */
  readonly dropped: readonly string[];
  /** The token that this sign-in minted; undefined where the session was given its own again. */
  readonly minted: { readonly token: string; readonly expiresAt: number | null } | undefined;
}

/** What follows a sign-in, after its answer. None of it can fail the sign-in; each part is on its own. */
export function settle(user: Settled, chat: CometChat, gateway: Gateway, context: Context): void {
  const { uid, sessionHash, minted, mapping, session, dropped, revived } = user;
  const { deps, held, ledgers, users } = gateway;
  const app = chat.app.name;
  if (dropped.length > 0) {
    deps.log({ event: "profile-dropped", requestId: context.requestId, fields: dropped.join(" ") });
  }
  // Only a claim moves a user; by issuers that share it, it may live in several apps.
  const moves = session.issuer.appClaim !== undefined;
  const former = moves && mapping && mapping.app !== app ? mapping.app : undefined;
  context.after("upkeep", async (later) => {
    if (former !== undefined) {
      // The mapping says where there may be tokens to end; it moves on when the ledger knows.
      const leave = (ledger: RemoteLedger) => ledger.leave(uid, former, LEDGER_AFTER_MS);
      const left = await ledgers.tokens(uid, former, leave, later.deadline.left());
      if (!left.ok) return left;
    }
    return upkeep(user, chat, gateway, later);
  });
  if (!minted) return;

  const mintedAt = context.now;
  const { token, expiresAt } = minted;
  // By its name a provider's logout finds the user. Written once, though two wait for it, and again where that failed.
  const named = session.issuer.sessionIdClaim !== undefined;
  let naming: Promise<void> | undefined;
  const write = async () => {
    const key = `v1:s:${await digestOf(`${session.issuer.issuer}\n${session.sessionId}`)}`;
    await users.put(key, uid, { expirationTtl: SESSION_KNOWN_SECONDS });
  };
  const name = () => {
    naming ??= write().catch((error) => {
      naming = undefined;
      throw error;
    });
    return naming;
  };
  if (named) context.after("session", name);
  if (ledgers.records) {
    // Where the mapping told of the former app, all that is there is flushed at once, above.
    const strays = moves && former === undefined;
    const entry = { uid, app, token, session: sessionHash, mintedAt, expiresAt, moves: strays, revived };
    context.after("record", async (later) => {
      const recorded = await ledgers.tokens(uid, app, (ledger) => ledger.record(entry), LEDGER_AFTER_MS);
      // A token that had to end meanwhile is not to be handed out again.
      if (!recorded.ok || !recorded.value || !held) return recorded;
      // No longer than the session itself: a session that has ended asks for nothing.
      const ends = Math.min(session.expiresAt * 1000, expiresAt ?? Number.POSITIVE_INFINITY);
      const holding = { token, app, mintedAt, expiresAt: expiresAt ?? undefined };
      // By itself, since a token is recorded once. Not without the name: that is not tried again while a token is held.
      later.after("hold", async () => {
        if (named) await name();
        await held.put(uid, sessionHash, holding, (ends - mintedAt) / 1000);
      });
      return recorded;
    });
  }
}
