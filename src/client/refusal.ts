import { GatewayError } from "./error.ts";

/**
 * What the app's own login or logout rejected with. CometChat's messages repeat the auth token ("The auth token … does
 * not exist"), so the rejection itself is not passed on: code and message are told, without any long word of it.
 */
export function refusedBy(what: "login" | "logout", cause: unknown, authToken: string | undefined): GatewayError {
  const { code, name, message } = Object(cause) as { code?: unknown; name?: unknown; message?: unknown };
  // LOGIN_IN_PROGRESS is a name: its code is -1.
  const told = [what, code, name, message].filter(Boolean).join(": ");
  return new GatewayError(
    told.includes("FAILED_TO_FETCH") ? "network" : "cometchat-rejected",
    0,
    told.replaceAll(authToken || "\n", "*").replace(/[^\s:]{32,}/g, "*"),
  );
}
