import type { CometChat } from "./cometchat/cometchat.ts";
import type { Context } from "./context.ts";
import { fail, type GatewayError } from "./errors.ts";
import type { Gateway } from "./gateway.ts";
import { ok, type Result } from "./result.ts";

type Answer = Promise<Result<void, GatewayError>>;

/**
 * Ends every auth token of a user: at CometChat, in the ledger (which sees to what lives in other apps), and the held
 * ones. Fails where CometChat or the ledger has not done it; the ledger then goes on by itself.
 */
export async function flushUser(gateway: Gateway, chat: CometChat, uid: string, context: Context): Answer {
  const { directory, held, ledgers } = gateway;
  const mapping = await directory.get(uid);
  if (held && mapping) directory.note(uid, { ...mapping, tokensNotBefore: context.now });
  const flushed = await chat.flush(uid, context);
  const gone = flushed.ok || flushed.error.reason === "upstream-uid-unknown";
  const left = context.deadline.left();
  const noted = await ledgers.tokens(
    uid,
    chat.app.name,
    (ledger) => ledger.revokeAll(uid, gone ? chat.app.name : null, context.now, left),
    left,
  );
  if (held) {
    context.after("release", async () => {
      if (mapping) await directory.put(uid, { ...mapping, tokensNotBefore: context.now });
      await held.forgetAll(uid);
    });
  }
  if (!gone) return flushed;
  return noted.ok ? noted.value : noted;
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
  if (!revoked.ok) return revoked;
  if (held) context.after("release", () => held.forgetAll(uid, token));
  if (ledgers.records) {
    context.after("forget", (later) =>
      ledgers.tokens(uid, chat.app.name, (ledger) => ledger.forget(token), later.deadline.left()),
    );
  }
  return ok(undefined);
}
