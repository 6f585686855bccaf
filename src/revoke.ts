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

/** The parts that tokens are ended by. */
export interface RevokeParts {
  readonly config: { readonly tokens: Pick<Config["tokens"], "reuse"> };
  readonly directory: Pick<Directory, "get" | "put" | "remembered">;
  readonly ledgers: Pick<Ledgers, "records" | "end">;
  readonly deps: Pick<Deps, "now">;
}

/**
 * Ends every auth token of a user in these apps; the ledger ends what it knows of in others as well. Fails where it has
 * not been done. The ledger then goes on by itself, if it could be told.
 */
export async function flushUser(parts: RevokeParts, apps: Apps, uid: string, context: Context): Answer {
  const ended = await end(parts, uid, "user", apps, context);
  const mapping = parts.directory.remembered(uid);
  // Those that were never recorded have ended, too.
  if (ended.ok && mapping?.unrecorded) {
    const { unrecorded: _, ...rest } = mapping;
    context.after("directory", () => parts.directory.put(uid, rest));
  }
  return ended;
}

/** Ends every auth token of a user in an app that it has left, or comes back to. */
export const flushApp = (parts: RevokeParts, chat: CometChat, uid: string, context: Context): Answer =>
  end(parts, uid, `app ${chat.app.name}`, [chat], context);

/** Ends every auth token of a user in an app, and then the user there. */
export async function deactivateUser(parts: RevokeParts, chat: CometChat, uid: string, context: Context): Answer {
  // First: afterwards CometChat may not know the uid any more.
  const flushed = await flushApp(parts, chat, uid, context);
  if (!flushed.ok && flushed.error.reason !== "ledger-unavailable") return flushed;
  const done = await chat.deactivate(uid, context);
  if (!done.ok) return done;
  // Who signed in between the two was given a token. It ends should the user ever be back.
  const app = chat.app.name;
  if (parts.ledgers.records) endLater(parts, uid, `app ${app}`, app, parts.deps.now(), context);
  return flushed;
}

/**
 * Ends one auth token, if it is the user's: by the ledger, which knows its app; or in these apps, where it was never
 * recorded. The caller cannot tell whether it was the user's (RFC 7009 §2.2).
 */
export const revokeToken = async (
  parts: RevokeParts,
  apps: Apps,
  uid: string,
  token: string,
  context: Context,
): Answer => end(parts, uid, `token ${await digestOf(token)}`, apps, context, token);

/**
 * Ends the auth tokens that were recorded for a session. Fails with `token-not-held` where it cannot say which these are:
 * the caller has to name the token.
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
  // Without a name that survives a refresh, nothing recorded means that its tokens were recorded under another one.
  const told = session.name !== undefined || ended.value.known;
  return told && !mapping?.unrecorded?.includes(digests.session) ? ok(undefined) : unknownTokens;
}

const unknownTokens = fail("token-not-held", { detail: 'Send the auth token: {"authToken": "…"}.' });

/**
 * The ledger ends tokens by itself. CometChat is asked here only where there is no ledger, or none that answers, or one
 * that has never heard of this `token`. Where it does not answer, the tokens have ended, but it would hand them out again:
 * where it does that, this is a failure.
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
  // A ledger that hangs leaves time to end what CometChat can end.
  const left = context.deadline.left();
  const order = { at, app, flush: token === undefined ? names : [], budget: left * LEDGER_SHARE };
  const asked = await ledgers.end(uid, scope, order, left * (LEDGER_SHARE + LEDGER_ANSWER_SHARE));
  if (asked.ok) return token === undefined || asked.value.known ? asked.value.done : here();
  const done = await here();
  endLater(parts, uid, scope, app, at, context);
  return done.ok && config.tokens.reuse === "session" ? asked : done;
}

/** The ledger hears after the answer that the scope has ended. */
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
