import type { CometChat } from "./cometchat/cometchat.ts";
import type { Config } from "./config/types.ts";
import type { Context, Deps } from "./context.ts";
import type { Directory } from "./directory/directory.ts";
import { fail, type GatewayError } from "./errors.ts";
import type { Ledgers } from "./ledger/access.ts";
import type { End } from "./ledger/ledger.ts";
import { LEDGER_SHARE, LEDGER_TRY_MS, LEDGER_WHOLE_SHARE } from "./limits.ts";
import { ok, type Result } from "./result.ts";
import { digestsOf, type Session } from "./session/session.ts";

type Answer = Promise<Result<void, GatewayError>>;

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
export async function flushUser(parts: RevokeParts, apps: readonly CometChat[], uid: string, context: Context): Answer {
  const ended = await endAt({ uid, end: { of: "user" }, apps, flush: true }, parts, context);
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
  endAt({ uid, end: { of: "app", app: chat.app.name }, apps: [chat], flush: true }, parts, context);

/** Ends every auth token of a user in an app, and then the user there. */
export async function deactivateUser(parts: RevokeParts, chat: CometChat, uid: string, context: Context): Answer {
  // First: afterwards CometChat may not know the uid any more.
  const flushed = await flushApp(parts, chat, uid, context);
  if (!flushed.ok && flushed.error.reason !== "ledger-unavailable") return flushed;
  const done = await chat.deactivate(uid, context);
  if (!done.ok) return done;
  // Who signed in between the two was given a token. It ends should the user ever be back.
  if (parts.ledgers.records) {
    const app = chat.app.name;
    const at = parts.deps.now();
    context.after("end", ({ deadline }) => {
      const ms = Math.min(LEDGER_TRY_MS, deadline.left());
      return parts.ledgers.end(uid, { of: "app", app }, { at, app, budget: ms / 2 }, ms);
    });
  }
  return flushed;
}

/** Ends one auth token, if it is the user's. The caller cannot tell whether it was (RFC 7009 §2.2). */
export const revokeToken = (
  parts: RevokeParts,
  chat: CometChat,
  uid: string,
  token: string,
  context: Context,
): Answer =>
  endAt({ uid, end: { of: "token", token, app: chat.app.name }, apps: [chat], flush: false }, parts, context);

/**
 * Ends the auth tokens that were recorded for a session. Fails with `token-not-held` where it cannot say which these are:
 * the caller has to name the token.
 */
export async function revokeSession(
  parts: RevokeParts,
  uid: string,
  session: Session,
  app: string | undefined,
  context: Context,
): Answer {
  const { ledgers, directory } = parts;
  if (!ledgers.records) return unknownTokens;
  const left = context.deadline.left();
  const { session: digest } = await digestsOf(session);
  const reading = directory.get(uid);
  // Without a name that survives a refresh, nothing recorded means that its tokens were recorded under another one.
  const order = { at: context.now, budget: left * LEDGER_WHOLE_SHARE, app, onlyKnown: session.name === undefined };
  const ended = await ledgers.end(uid, { of: "session", session: digest }, order, left);
  if (!ended.ok) return ended;
  if (!ended.value.done.ok) return ended.value.done;
  const unrecorded = (await reading)?.unrecorded?.includes(digest);
  return unrecorded || (session.name === undefined && !ended.value.known) ? unknownTokens : ok(undefined);
}

const unknownTokens = fail("token-not-held", { detail: 'Send the auth token: {"authToken": "…"}.' });

/**
 * The ledger ends tokens by itself. CometChat is asked here only where there is no ledger, or none that answers. In the
 * second case the tokens have ended, but the ledger would hand them out again: where it does, that is a failure.
 */
async function endAt(
  what: { readonly uid: string; readonly end: End; readonly apps: readonly CometChat[]; readonly flush: boolean },
  { config, ledgers }: RevokeParts,
  context: Context,
): Answer {
  const { uid, end, apps, flush } = what;
  const here = () =>
    Promise.all(
      apps.map((chat) => (end.of === "token" ? chat.revoke(uid, end.token, context) : chat.flush(uid, context))),
    ).then(firstFailure);
  if (!ledgers.records) return here();
  const [app, ...others] = apps.map((chat) => chat.app.name);
  const order = { at: context.now, app, flush: flush && app !== undefined ? [app, ...others] : [] };
  // A ledger that hangs leaves time to end what CometChat can end.
  const left = context.deadline.left();
  const asked = await ledgers.end(uid, end, { ...order, budget: left * LEDGER_SHARE }, left * (LEDGER_SHARE + 0.1));
  if (asked.ok) return asked.value.done;
  const done = await here();
  context.after("end", ({ deadline }) => {
    const ms = Math.min(LEDGER_TRY_MS, deadline.left());
    return ledgers.end(uid, end, { ...order, flush: [], budget: ms / 2 }, ms);
  });
  if (!done.ok) return done;
  return config.tokens.reuse === "session" ? asked : done;
}

/** A user that CometChat does not know has no tokens there. */
function firstFailure(outcomes: readonly Result<void, GatewayError>[]): Result<void, GatewayError> {
  const failed = outcomes.find((outcome) => !outcome.ok && outcome.error.reason !== "upstream-uid-unknown");
  return failed ?? ok(undefined);
}
