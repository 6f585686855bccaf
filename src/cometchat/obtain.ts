import type { Config } from "../config/types.ts";
import type { Context } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import type { CometChat, Profile } from "./cometchat.ts";

export interface Obtained {
  readonly authToken: string;
  /** This sign-in created the CometChat user. */
  readonly created: boolean;
  /** When its minting began, in milliseconds since 1970: a user that was brought back had its older tokens ended before. */
  readonly mintedAt: number;
}

/** What a sign-in knows that CometChat does not. */
interface Help {
  /** Whether another request has found out about this user since the mapping was read. */
  readonly renewed: () => boolean;
  /** Ends all tokens that the user has in this app. */
  readonly flush: () => Promise<Result<void, GatewayError>>;
}

/**
 * An auth token for a user: minted for a known one, created together with an unknown one.
 *
 * One call to CometChat in the normal case. A second only when the mapping turns out to be wrong: deleted upstream, or
 * created elsewhere meanwhile. "Not found" and "already exists" together mean that the user is deactivated; asking
 * on would never end. A third call only to reactivate, where that is configured.
 */
export async function obtainToken(
  chat: CometChat,
  user: { readonly uid: string; readonly known: boolean; readonly profile: Profile & { readonly name: string } },
  provisioning: Pick<Config["provisioning"], "mode" | "reactivate">,
  help: Help,
  context: Context,
): Promise<Result<Obtained, GatewayError>> {
  const mint = () => chat.mint(user.uid, context);
  const create = async (): Promise<Result<string, GatewayError>> => {
    const created = await chat.create(user.uid, user.profile, { withAuthToken: true }, context);
    if (!created.ok) return created;
    return created.value.authToken === undefined ? fail("upstream-answer") : ok(created.value.authToken);
  };

  const mintFirst = user.known || provisioning.mode === "existing";
  const first = await (mintFirst ? mint() : create());
  const { now: mintedAt } = context;
  if (first.ok) return ok({ authToken: first.value, created: !mintFirst, mintedAt });
  if (first.error.reason !== (mintFirst ? "upstream-uid-unknown" : "upstream-uid-exists")) return first;
  if (provisioning.mode === "existing") return fail("user-unknown");

  const second = await (mintFirst ? create() : mint());
  if (second.ok) return ok({ authToken: second.value, created: mintFirst, mintedAt });
  if (second.error.reason !== (mintFirst ? "upstream-uid-exists" : "upstream-uid-unknown")) return second;

  // Two sign-ins of a user deleted upstream: both were told "not found", the other one was first to create.
  if (mintFirst && help.renewed()) return minted(await mint(), mintedAt);
  if (!provisioning.reactivate) return fail("user-deactivated");
  const reactivated = await chat.reactivate(user.uid, context);
  if (!reactivated.ok) return reactivated;
  // What was to be revoked meanwhile could not be: CometChat called the user unknown. It must not come back to life.
  const flushed = await help.flush();
  const after = mintedAt + context.timing.stages().total;
  if (flushed.ok) return minted(await mint(), after);
  // Known from now on, it would never be flushed: so that a later sign-in begins anew.
  context.after("deactivate", (later) => chat.deactivate(user.uid, later));
  return flushed;
}

const minted = (result: Result<string, GatewayError>, mintedAt: number): Result<Obtained, GatewayError> =>
  result.ok ? ok({ authToken: result.value, created: false, mintedAt }) : result;
