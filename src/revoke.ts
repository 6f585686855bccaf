import type { Caller } from "./caller.ts";
import type { CometChat } from "./cometchat/cometchat.ts";
import type { Config } from "./config/types.ts";
import type { Context, Deps } from "./context.ts";
import type { Directory } from "./directory/directory.ts";
import { digestOf } from "./encoding.ts";
import { fail, firstFailure, type GatewayError } from "./errors.ts";
import type { Ledgers } from "./ledger/access.ts";
import type { Scope } from "./ledger/store.ts";
import { LEDGER_ANSWER_SHARE, LEDGER_BUDGET_SHARE, LEDGER_SHARE, LEDGER_TRY_MS, LEDGER_WHOLE_SHARE } from "./limits.ts";
import { ok, type Result } from "./result.ts";

type Answer = Promise<Result<void, GatewayError>>;
type Apps = readonly CometChat[];

/** The parts of the gateway that end tokens. */
export interface RevokeParts {
  readonly config: { readonly tokens: Pick<Config["tokens"], "reuse"> };
  readonly directory: Pick<Directory, "get" | "put" | "inMemory">;
  readonly ledgers: Pick<Ledgers, "records" | "end">;
  readonly deps: Pick<Deps, "now">;
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
  if (!flushed.ok && flushed.error.reason !== "ledger-unavailable") return flushed;
  const done = await chat.deactivate(uid, context);
  if (!done.ok) return done;
  // A sign-in between the two calls may have been given a token. It is ended if the user is ever reactivated.
  const app = chat.app.name;
  if (parts.ledgers.records) endLater(parts, uid, `app ${app}`, app, parts.deps.now(), context);
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
  const left = context.deadline.left();
  const order = { at: context.now, budget: left * LEDGER_WHOLE_SHARE, app };
  const [mapping, ended] = await Promise.all([
    directory.get(uid),
    ledgers.end(uid, `session ${digests.session}`, order, left),
  ]);
  if (!ended.ok) return ended;
  if (!ended.value.done.ok) return ended.value.done;
  // If the session has no name that stays the same after a refresh, its tokens may be recorded under another id.
  const isCertain = session.name !== undefined || ended.value.recorded;
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
  const names = apps.map((chat) => chat.app.name);
  const [app] = names;
  const at = context.now;
  // The ledger gets only a part of the time, so that enough is left for the calls to CometChat.
  const left = context.deadline.left();
  const order = { at, app, flush: token === undefined ? names : [], budget: left * LEDGER_SHARE };
  const asked = await ledgers.end(uid, scope, order, left * (LEDGER_SHARE + LEDGER_ANSWER_SHARE));
  if (asked.ok) return token === undefined || asked.value.recorded ? asked.value.done : here();
  const done = await here();
  endLater(parts, uid, scope, app, at, context);
  return done.ok && config.tokens.reuse === "session" ? asked : done;
}

/** Tells the ledger after the answer that the scope has ended. */
function endLater(
  { ledgers }: RevokeParts,
  uid: string,
  scope: Scope,
  app: string | undefined,
  at: number,
  context: Context,
): void {
  context.after("end", ({ deadline }) => {
    const ms = Math.min(LEDGER_TRY_MS, deadline.left());
    return ledgers.end(uid, scope, { at, app, budget: ms * LEDGER_BUDGET_SHARE }, ms);
  });
}
