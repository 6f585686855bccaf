import type { Caller } from "../caller.ts";
import type { CometChat } from "../cometchat/cometchat.ts";
import type { Config } from "../config/types.ts";
import type { GatewayError } from "../errors.ts";
import type { Ledgers } from "../ledger/access.ts";
import { LEDGER_TAKE_MS } from "../limits.ts";
import type { Served } from "../placement/apps.ts";
import { place } from "../placement/placement.ts";
import { ok, type Result } from "../result.ts";

/** The parts that know a session's own token. */
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
 * @param served finds the user's app, where that has to be known
 *
 * The token that a session has already: one read of one object. Undefined where it has none, or where that cannot be said
 * in time. Only where jurisdictions keep tokens apart has the user's home to be known first.
 */
export async function ownToken(
  { uid, session: { issuer, claims }, digests }: Caller,
  served: () => Promise<Result<Served, GatewayError>>,
  { config, ledgers, cometchat }: OwnParts,
): Promise<Result<Own | undefined, GatewayError>> {
  const placed = place(config, issuer, claims, {});
  if (!placed.ok) return placed;
  let app = placed.value.by === "configuration" ? placed.value.app : undefined;
  if (app === undefined && !ledgers.together) {
    const home = await served();
    if (!home.ok) return home;
    app = home.value.chat.app.name;
  }
  const taken = await ledgers.take(uid, digests.session, app, LEDGER_TAKE_MS);
  const chat = taken.ok && taken.value && cometchat(taken.value.app);
  return ok(chat ? { ...taken.value, chat } : undefined);
}
