import type { CometChat } from "./cometchat/cometchat.ts";
import { type Context, pause } from "./context.ts";
import { fail } from "./errors.ts";
import { isUnreachable, type Ledgers } from "./ledger/access.ts";
import { REVIVAL_POLL_MS } from "./limits.ts";
import { isDeactivated, mintAgain, type Provisioning } from "./provision/provision.ts";
import { flushApp, type RevokeParts } from "./revoke.ts";

/** The parts of the gateway that reactivate a user. */
type RevivalParts = RevokeParts & { readonly ledgers: Pick<Ledgers, "home"> };

/**
 * Reactivates a user who signs in, ends its older tokens, and gets a token. One request at a time does so, of all
 * isolates: otherwise the flush of one request would end the token that another one has just returned. If the user's
 * object does not answer, the user is reactivated nevertheless.
 */
export async function revive(uid: string, chat: CometChat, parts: RevivalParts, context: Context): Provisioning {
  const { home } = parts.ledgers;
  const left = () => context.deadline.left();
  const begin = () => home(uid, (home) => home.beginWork("revival", left()), left());
  let begun = await begin();
  while (begun.ok && begun.value === undefined && (await pause(REVIVAL_POLL_MS, context.deadline)))
    begun = await begin();
  // Another request may have reactivated the user since this one began. Both numbers are durations, so that the clocks
  // of isolate and object are not compared.
  const done = begun.ok && (begun.value ?? 0) <= context.timing.stages().total;
  let revived = done ? await mintAgain(uid, chat, context) : fail("user-deactivated");
  if (isDeactivated(revived)) revived = await bringBack(uid, chat, parts, context);
  // After a failure the user is deactivated again, and no other request may begin before this one has ended.
  if (revived.ok)
    context.after("revival", (later) => home(uid, (home) => home.endWork("revival"), later.deadline.left()));
  return revived;
}

async function bringBack(uid: string, chat: CometChat, parts: RevivalParts, context: Context): Provisioning {
  const reactivated = await chat.reactivate(uid, context);
  if (!reactivated.ok) return reactivated;
  // While the user was deactivated, its tokens could not be revoked. They must not become valid again. If the ledger
  // cannot be reached, CometChat has ended them, and the ledger is told later.
  const flushed = await flushApp(parts, chat, uid, context);
  if (flushed.ok || isUnreachable(flushed)) return mintAgain(uid, chat, context);
  // The flush failed. The user is deactivated again, so that the next sign-in reactivates and flushes again.
  context.after("deactivate", (later) => chat.deactivate(uid, later));
  return flushed;
}
