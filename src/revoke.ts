import type { Caller } from "./caller.ts";
import type { CometChat } from "./cometchat/cometchat.ts";
import type { Config } from "./config/types.ts";
import type { Context } from "./context.ts";
import type { Directory } from "./directory/directory.ts";
import { digestOf } from "./encoding.ts";
import { fail, firstFailure, type GatewayError } from "./errors.ts";
import { type Ending, isUnreachable, type Ledgers } from "./ledger/access.ts";
import type { Scope } from "./ledger/store.ts";
import { LEDGER_SHARE, LEDGER_TRY_MS } from "./limits.ts";
import { ok, type Result } from "./result.ts";

type Answer = Promise<Result<void, GatewayError>>;
type Apps = readonly CometChat[];

/** The parts of the gateway that end tokens. */
export interface RevokeParts {
  readonly config: { readonly tokens: Pick<Config["tokens"], "reuse"> };
  readonly directory: Pick<Directory, "read" | "put" | "inMemory">;
  readonly ledgers: Pick<Ledgers, "records" | "end">;
}

/**
 * Ends all auth tokens of a user in these apps, and those that the ledger has recorded in others. Fails if not all have
 * ended. The ledger then repeats it by itself, unless it could not be reached.
 */
export async function flushUser(parts: RevokeParts, apps: Apps, uid: string, context: Context): Answer {
  const ended = await end(parts, uid, "user", apps, context);
  const mapping = parts.directory.inMemory(uid);
  // Tokens that were never recorded have ended as well.
  if (ended.ok && mapping?.unrecorded) {
    const { unrecorded: _, ...rest } = mapping;
    context.after("directory", () => parts.directory.put(uid, rest));
  }
  return ended;
}

/** Ends all auth tokens of a user in an app that it has left or returns to. */
export const flushApp = (parts: RevokeParts, chat: CometChat, uid: string, context: Context): Answer =>
  end(parts, uid, `app ${chat.app.name}`, [chat], context);

/** Ends all auth tokens of a user in an app, and then deactivates the user there. */
export async function deactivateUser(parts: RevokeParts, chat: CometChat, uid: string, context: Context): Answer {
  // The tokens are ended first, since CometChat may not find a deactivated user.
  const flushed = await flushApp(parts, chat, uid, context);
  if (!flushed.ok && !isUnreachable(flushed)) return flushed;
  const done = await chat.deactivate(uid, context);
  if (!done.ok) return done;
  // A sign-in between the two calls may have been given a token. It is ended if the user is ever reactivated.
  const ending = { at: context.now + context.timing.stages().total, app: chat.app.name };
  if (parts.ledgers.records) endLater(parts, uid, `app ${chat.app.name}`, ending, context);
  return flushed;
}

/**
 * Ends one auth token if it is the user's. The ledger knows its app; a token that was never recorded is revoked in all
 * of these apps. The answer does not reveal whether the token was the user's (RFC 7009 §2.2).
 */
export const revokeToken = async (
  parts: RevokeParts,
  apps: Apps,
  uid: string,
  token: string,
  context: Context,
): Answer => end(parts, uid, `token ${await digestOf(token)}`, apps, context, token);

/**
 * Ends the auth tokens that were recorded for a session. Fails with `token-not-recorded` if it is not known which these
 * are, so that the caller must name the token.
 */
export async function revokeSession(
  { ledgers, directory }: RevokeParts,
  { uid, session, digests }: Caller,
  app: string | undefined,
  context: Context,
): Answer {
  if (!ledgers.records) return unknownTokens;
  const [mapping, ended] = await Promise.all([
    directory.read(uid),
    ledgers.end(uid, `session ${digests.session}`, { at: context.now, app }, context.deadline.left()),
  ]);
  if (!ended.ok) return ended;
  // If the session has no name that stays the same after a refresh, its tokens may be recorded under another id.
  const isCertain = session.name !== undefined || ended.value;
  return isCertain && !mapping?.unrecorded?.includes(digests.session) ? ok(undefined) : unknownTokens;
}

const unknownTokens = fail("token-not-recorded", { detail: 'Send the auth token: {"authToken": "…"}.' });

/**
 * Ends tokens by the ledger. CometChat is called here only if no ledger is configured, if it does not answer, or if it
 * has not recorded this `token`. If the ledger does not answer, it may still return the ended tokens; where `reuse` is
 * configured, that is a failure.
 */
async function end(
  parts: RevokeParts,
  uid: string,
  scope: Scope,
  apps: Apps,
  context: Context,
  token?: string,
): Answer {
  const { config, ledgers } = parts;
  const here = async () =>
    firstFailure(
      await Promise.all(
        apps.map((chat) => (token === undefined ? chat.flush(uid, context) : chat.revoke(uid, token, context))),
      ),
    );
  if (!ledgers.records) return here();
  const ending = { at: context.now, app: apps[0]?.app.name };
  const flush = token === undefined ? apps.map(({ app }) => app.name) : [];
  const asked = await ledgers.end(uid, scope, { ...ending, flush }, context.deadline.left() * LEDGER_SHARE);
  if (asked.ok) return token === undefined || asked.value ? ok(undefined) : here();
  if (!isUnreachable(asked)) return asked;
  const done = await here();
  endLater(parts, uid, scope, ending, context);
  return done.ok && config.tokens.reuse === "session" ? asked : done;
}

/** Tells the ledger after the answer that the scope has ended. */
function endLater({ ledgers }: RevokeParts, uid: string, scope: Scope, ending: Ending, context: Context): void {
  context.after("end", async ({ deadline }) => {
    const ended = await ledgers.end(uid, scope, ending, Math.min(LEDGER_TRY_MS, deadline.left()));
    // If CometChat fails, the ledger tries again by itself.
    return isUnreachable(ended) ? ended : undefined;
  });
}
