import type { Caller } from "../caller.ts";
import type { CometChat } from "../cometchat/cometchat.ts";
import type { Config } from "../config/types.ts";
import type { Context } from "../context.ts";
import type { GatewayError } from "../errors.ts";
import type { Ledgers } from "../ledger/access.ts";
import { LEDGER_TAKE_MS } from "../limits.ts";
import type { Served } from "../placement/apps.ts";
import { place } from "../placement/placement.ts";
import { ok, type Result } from "../result.ts";

/** The parts of the gateway that find a session's own token. */
export interface OwnParts {
  readonly config: Pick<Config, "apps" | "placement">;
  readonly ledgers: Pick<Ledgers, "take" | "together">;
  readonly cometchat: (app: string) => CometChat | undefined;
}

interface Own {
  readonly token: string;
  /** The app that it is of; where nothing else places users, that is the user's home. */
  readonly chat: CometChat;
  readonly expiresAt: number | null;
}

/**
 * Finds the token that a session has already, with one read of one object. Undefined if it has none, or if the object
 * does not answer in time. The user's home is needed first only if jurisdictions divide the tokens.
 *
 * @param served finds the user's app
 */
export async function ownToken(
  { uid, session: { issuer, claims }, digests }: Caller,
  served: () => Promise<Result<Served, GatewayError>>,
  { config, ledgers, cometchat }: OwnParts,
  { deadline }: Pick<Context, "deadline">,
): Promise<Result<Own | undefined, GatewayError>> {
  const placed = place(config, issuer, claims, {});
  if (!placed.ok) return placed;
  let app = placed.value.by === "configuration" ? placed.value.app : undefined;
  if (app === undefined && !ledgers.together) {
    const home = await served();
    if (!home.ok) return home;
    app = home.value.chat.app.name;
  }
  const taken = await ledgers.take(uid, digests.session, app, LEDGER_TAKE_MS, deadline.timer);
  const chat = taken.ok && taken.value && cometchat(taken.value.app);
  return ok(chat ? { ...taken.value, chat } : undefined);
}
