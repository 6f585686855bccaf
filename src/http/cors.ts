import type { Context as HonoContext, MiddlewareHandler } from "hono";
import type { HonoEnv } from "./environment.ts";
import { admitOrigin } from "./origin.ts";

/** Seconds that a browser may remember a preflight; the most that Chromium grants. */
const MAX_AGE = "7200";

/**
 * CORS for an endpoint that browsers call (Fetch standard §3.2). Fixed lists, nothing reflected but a listed origin,
 * and credentials only for such a one.
 */
export function cors(methods: string): MiddlewareHandler<HonoEnv> {
  return async (c, next) => {
    const { headers, method } = c.req.raw;
    const origin = admitOrigin(headers, c.get("gateway").origins);
    if (method === "OPTIONS" && origin !== undefined && headers.has("Access-Control-Request-Method")) {
      c.res = new Response(null, { status: 204 });
      c.header("Access-Control-Allow-Methods", methods);
      c.header("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Request-Id");
      c.header("Access-Control-Max-Age", MAX_AGE);
    } else {
      await next();
    }
    if (origin !== undefined) allow(c, origin);
  };
}

/** On every answer to a listed origin, refusals included: the client must be able to read why. */
function allow(c: HonoContext<HonoEnv>, origin: string): void {
  c.header("Access-Control-Allow-Origin", origin);
  c.header("Access-Control-Allow-Credentials", "true");
  c.header("Access-Control-Expose-Headers", "X-Request-Id, Server-Timing, Retry-After");
  c.header("Timing-Allow-Origin", origin);
}
