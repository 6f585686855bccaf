/** Seconds that a browser may remember a preflight; the most that Chromium grants. */
const MAX_AGE = "7200";

/** Whether it is a preflight (Fetch standard §3.2.2), which the browser sends by itself before the request. */
export const isPreflight = ({ method, headers }: Request): boolean =>
  method === "OPTIONS" && headers.has("Access-Control-Request-Method");

/** What a listed origin may send to an endpoint with these methods. Fixed lists: nothing is reflected. */
export const preflight = (methods: string): Response =>
  new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": methods,
      "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-Id",
      "Access-Control-Max-Age": MAX_AGE,
    },
  });

/** On every answer to a listed origin, refusals included: the client must be able to read why. */
export function allow(answer: Headers, origin: string): void {
  answer.set("Access-Control-Allow-Origin", origin);
  answer.set("Access-Control-Allow-Credentials", "true");
  answer.set("Access-Control-Expose-Headers", "X-Request-Id, Server-Timing, Retry-After");
  answer.set("Timing-Allow-Origin", origin);
}
