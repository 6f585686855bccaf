import type { CometChat } from "./cometchat/cometchat.ts";
import type { Context } from "./context.ts";
import { fail, type GatewayError } from "./errors.ts";
import type { Gateway } from "./gateway.ts";
import { ok, type Result } from "./result.ts";

type Answer = Promise<Result<void, GatewayError>>;

/**
 * Ends every auth token of a user in these apps: at CometChat, in the ledger (which sees to what it knows of in others),
 * and the held ones. Fails where CometChat or the ledger has not done it; the ledger then goes on by itself, since it was
 * told first.
 */
export async function flushUser(gateway: Gateway, apps: readonly CometChat[], uid: string, context: Context): Answer {
  let outcome: Awaited<Answer> = ok(undefined);
  for (const chat of apps) {
    const ended = await endTokens(gateway, chat, uid, context);
    if (!ended.ok) outcome = ended;
  }
  release(gateway, uid, context);
  return outcome;
}

async function endTokens(gateway: Gateway, chat: CometChat, uid: string, context: Context): Answer {
  const { directory, held, ledgers } = gateway;
  const app = chat.app.name;
  const left = () => context.deadline.left();
  const mapping = await directory.get(uid);
  if (held && mapping) directory.note(uid, { ...mapping, tokensNotBefore: context.now });
  // A ledger that hangs leaves time to end what CometChat can end.
  const marked = await ledgers.tokens(uid, app, (ledger) => ledger.endAll(uid, context.now), left() / 2);
  const flushed = await chat.flush(uid, context);
  // A user that has moved and comes with an older session: what nobody recorded lives where it is now.
  const moved = mapping && mapping.app !== app ? gateway.cometchat(mapping.app) : undefined;
  const there = moved ? await moved.flush(uid, context) : flushed;
  for (const one of [flushed, there]) if (!one.ok && one.error.reason !== "upstream-uid-unknown") return one;
  if (!marked.ok) return marked;
  // Where CometChat does not know the user, it may be deactivated: what is recorded stays due.
  if (!flushed.ok) return ok(undefined);
  const settled = await ledgers.tokens(uid, app, (ledger) => ledger.flushed(app, marked.value, left()), left());
  return settled.ok ? settled.value : settled;
}

/** Ends every auth token, and then the user. */
export async function deactivateUser(gateway: Gateway, chat: CometChat, uid: string, context: Context): Answer {
  // First: afterwards CometChat may not know the uid any more.
  const flushed = await endTokens(gateway, chat, uid, context);
  const done = flushed.ok ? await chat.deactivate(uid, context) : flushed;
  // Once, and after both: who signed in between them was given a token, and may hold it.
  release(gateway, uid, context);
  if (!done.ok) return done;
  // That token ends should the user ever be back.
  const now = gateway.deps.now();
  context.after("end", (later) =>
    gateway.ledgers.tokens(uid, chat.app.name, (ledger) => ledger.endAll(uid, now), later.deadline.left()),
  );
  return done;
}

/** After the answer: no session is given again what was minted until now. */
function release({ deps, directory, held }: Gateway, uid: string, context: Context): void {
  if (!held) return;
  const tokensNotBefore = deps.now();
  context.after("release", async () => {
    const mapping = await directory.get(uid);
    if (mapping) await directory.put(uid, { ...mapping, tokensNotBefore });
  });
  context.after("release", () => held.forgetAll(uid));
}

/** Ends the auth tokens that were minted for one session. `session` is the base64url SHA-256 of its id. */
export async function revokeSession(
  gateway: Gateway,
  chat: CometChat,
  uid: string,
  session: string,
  context: Context,
): Answer {
  const { held, ledgers } = gateway;
  // Nothing is held of the session's tokens, so nobody can tell them from the user's others.
  if (!ledgers.records) return fail("token-not-held", { detail: 'Send the auth token: {"authToken": "…"}.' });
  if (held) context.after("release", () => held.forget(uid, session));
  const left = context.deadline.left();
  const revoked = await ledgers.tokens(
    uid,
    chat.app.name,
    (ledger) => ledger.revokeSession(uid, session, context.now, left),
    left,
  );
  return revoked.ok ? revoked.value : revoked;
}

/** Ends one auth token, if it is the user's. The caller cannot tell whether it was (RFC 7009 §2.2). */
export async function revokeToken(
  gateway: Gateway,
  chat: CometChat,
  uid: string,
  token: string,
  context: Context,
): Answer {
  const { held, ledgers } = gateway;
  const revoked = await chat.revoke(uid, token, context);
  if (!revoked.ok) return revoked.error.reason === "upstream-uid-unknown" ? ok(undefined) : revoked;
  if (held) context.after("release", () => held.forgetAll(uid, (one) => one === token));
  if (ledgers.records) {
    context.after("forget", (later) =>
      ledgers.tokens(uid, chat.app.name, (ledger) => ledger.forget(token, chat.app.name), later.deadline.left()),
    );
  }
  return ok(undefined);
}
