import type { Context } from "../context.ts";
import type { GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import type { Send } from "./resilience.ts";
import { dataOf, done, isAuthToken, pathOf } from "./shapes.ts";

export function createTokens(send: Send) {
  return {
    /**
     * `POST /users/{uid}/auth_tokens`. Without `force` CometChat may answer with a token that another device uses
     * already. If an answer is lost, the retry leaves one token that nobody knows. It counts as one of the 100 newest
     * tokens that CometChat keeps, until newer ones or a flush end it.
     * https://www.cometchat.com/docs/rest-api/auth-tokens/create
     */
    async mint(uid: string, context: Context): Promise<Result<string, GatewayError>> {
      return send(
        {
          method: "POST",
          path: pathOf(uid, "/auth_tokens"),
          body: { force: true },
          read(body) {
            const { uid: whose, authToken } = dataOf(body) ?? {};
            return whose === uid && isAuthToken(authToken) ? authToken : undefined;
          },
        },
        context,
      );
    },

    /** `DELETE /users/{uid}/auth_tokens/{authToken}`. https://www.cometchat.com/docs/rest-api/auth-tokens/delete */
    async revoke(uid: string, token: string, context: Context): Promise<Result<void, GatewayError>> {
      // A text without the form of a token cannot be one, so there is nothing to revoke.
      if (!isAuthToken(token)) return ok(undefined);
      const result = await send(
        { method: "DELETE", path: pathOf(uid, `/auth_tokens/${encodeURIComponent(token)}`), read: done },
        context,
      );
      if (result.ok) return ok(undefined);
      // The token is unknown or another user's. The caller is not told which (RFC 7009 §2.2).
      return result.error.reason === "upstream-token-unknown" ? ok(undefined) : result;
    },

    /**
     * `DELETE /users/{uid}/auth_tokens`: every token of the user.
     * https://www.cometchat.com/docs/rest-api/auth-tokens/flush
     */
    async flush(uid: string, context: Context): Promise<Result<void, GatewayError>> {
      const result = await send({ method: "DELETE", path: pathOf(uid, "/auth_tokens"), read: done }, context);
      return result.ok ? ok(undefined) : result;
    },
  };
}
