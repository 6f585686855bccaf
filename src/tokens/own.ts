import type { Caller } from "../caller.ts";
import type { CometChat } from "../cometchat/cometchat.ts";
import type { Config } from "../config/types.ts";
import type { Context } from "../context.ts";
import type { GatewayError } from "../errors.ts";
import type { Ledgers } from "../ledger/access.ts";
import type { Taken } from "../ledger/ledger.ts";
import type { Served } from "../placement/apps.ts";
import { place } from "../placement/placement.ts";
import { ok, type Result } from "../result.ts";

/** The parts of the gateway that find a session's own token. */
export interface OwnParts {
  readonly config: Pick<Config, "apps" | "placement">;
  readonly ledgers: Pick<Ledgers, "take" | "together">;
  readonly chats: ReadonlyMap<string, CometChat>;
}

/** The token, and its app. If nothing else places users, that is the user's home. */
type Own = Taken & { readonly chat: CometChat };

/**
 * Finds the token that a session has already, with one read of one object. Undefined if it has none, or if the object
 * does not answer in time. A user's home need not be known before, unless jurisdictions divide the tokens.
 *
 * @param served finds the user's app
 */
export async function ownToken(
  { uid, session, digests }: Caller,
  served: () => Promise<Result<Served, GatewayError>>,
  { config, ledgers, chats }: OwnParts,
  { deadline }: Pick<Context, "deadline">,
): Promise<Result<Own | undefined, GatewayError>> {
  const placed = place(config, session.issuer, session.claims, {});
  const inAny = placed.ok && placed.value.by === "home" && ledgers.together;
  const home = inAny ? undefined : await served();
  if (home && !home.ok) return home;
  const taken = await ledgers.take(uid, digests.session, home?.value.chat.app.name, deadline.timer);
  const chat = taken.ok && taken.value && chats.get(taken.value.app);
  return ok(chat ? { ...taken.value, chat } : undefined);
}
