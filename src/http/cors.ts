import { PREFLIGHT_SECONDS } from "../limits.ts";

/** Whether a request is a preflight (Fetch standard §3.2.2), which a browser sends before the app's request. */
export const isPreflight = ({ method, headers }: Request): boolean =>
  method === "OPTIONS" && headers.has("Access-Control-Request-Method");

/**
 * The answer to a preflight of an allowed origin. `methods`: those of the endpoint. Nothing of the request is repeated.
 */
export const preflight = (methods: string): Response =>
  new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": methods,
      "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-Id",
      "Access-Control-Max-Age": String(PREFLIGHT_SECONDS),
    },
  });

/** Adds the CORS headers for an allowed origin. Refusals need them, too, so that the client can read the reason. */
export function allow(answer: Headers, origin: string): void {
  answer.set("Access-Control-Allow-Origin", origin);
  answer.set("Access-Control-Allow-Credentials", "true");
  answer.set("Access-Control-Expose-Headers", "X-Request-Id, Server-Timing, Retry-After");
  answer.set("Timing-Allow-Origin", origin);
}
