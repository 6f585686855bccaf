import type { Config } from "../config/types.ts";
import type { Context } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import type { CometChat, Profile } from "./cometchat.ts";

export interface Obtained {
  readonly authToken: string;
  /** This sign-in created the CometChat user. */
  readonly created: boolean;
  /** It was deactivated, and has been brought back, without the tokens it had. */
  readonly revived: boolean;
}

/**
 * An auth token for a user: minted for a known one, created together with an unknown one.
 *
 * One call to CometChat in the normal case. A second only when the mapping turns out to be wrong: deleted upstream, or
 * created elsewhere meanwhile. "Not found" and "already exists" together mean that the user is deactivated; asking
 * on would never end. A third call only to reactivate, where that is configured.
 *
 * @param renewed whether another request has found out about this user since the mapping was read
 */
export async function obtainToken(
  chat: CometChat,
  user: { readonly uid: string; readonly known: boolean; readonly profile: Profile & { readonly name: string } },
  provisioning: Pick<Config["provisioning"], "mode" | "reactivate">,
  renewed: () => boolean,
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
  if (first.ok) return ok({ authToken: first.value, created: !mintFirst, revived: false });
  if (first.error.reason !== (mintFirst ? "upstream-uid-unknown" : "upstream-uid-exists")) return first;
  if (provisioning.mode === "existing") return fail("user-unknown");

  const second = await (mintFirst ? create() : mint());
  if (second.ok) return ok({ authToken: second.value, created: mintFirst, revived: false });
  if (second.error.reason !== (mintFirst ? "upstream-uid-exists" : "upstream-uid-unknown")) return second;

  // Two sign-ins of a user deleted upstream: both were told "not found", the other one was first to create.
  if (mintFirst && renewed()) return minted(await mint(), false);
  if (!provisioning.reactivate) return fail("user-deactivated");
  const reactivated = await chat.reactivate(user.uid, context);
  if (!reactivated.ok) return reactivated;
  // What was to be revoked meanwhile could not be: CometChat called the user unknown. It must not come back to life.
  const flushed = await chat.flush(user.uid, context);
  if (flushed.ok) return minted(await mint(), true);
  // Known from now on, it would never be flushed: so that a later sign-in begins anew.
  context.after("deactivate", (later) => chat.deactivate(user.uid, later));
  return flushed;
}

const minted = (result: Result<string, GatewayError>, revived: boolean): Result<Obtained, GatewayError> =>
  result.ok ? ok({ authToken: result.value, created: false, revived }) : result;
