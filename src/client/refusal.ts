import { GatewayError } from "./error.ts";

/**
 * Makes a `GatewayError` of the error that the app's `login` or `logout` rejected with. CometChat's messages repeat the
 * auth token ("The auth token … does not exist"), so the original error is not passed on: only its code and message
 * are, with the token and every other long word replaced by `*`.
 */
export function errorFrom(call: "login" | "logout", cause: unknown, authToken: string | undefined): GatewayError {
  const { code, name, message } = Object(cause) as { code?: unknown; name?: unknown; message?: unknown };
  // The SDK puts LOGIN_IN_PROGRESS into `name`; the `code` of that error is -1.
  const text = [call, code, name, message].filter(Boolean).join(": ");
  return new GatewayError(
    text.includes("FAILED_TO_FETCH") ? "network" : "cometchat-rejected",
    0,
    text.replaceAll(authToken || "\n", "*").replace(/[^\s:]{32,}/g, "*"),
  );
}
