import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { admitOrigin } from "./admission/origin.ts";
import { addressKey, limit } from "./admission/ratelimit.ts";
import type { Deps } from "./context.ts";
import { Refusal, unwrap } from "./errors.ts";
import { admitBackend, hasBackend } from "./http/backend.ts";
import { allow, isPreflight, preflight } from "./http/cors.ts";
import { createAnswer, refuse } from "./http/enter.ts";
import type { HonoEnv } from "./http/environment.ts";
import { getHealth, getReady } from "./routes/health.ts";
import { postLogout } from "./routes/logout.ts";
import { getOpenapi } from "./routes/openapi.ts";
import { deleteToken, deleteTokens, postToken } from "./routes/token.ts";
import { deleteUser, deleteUserTokens, getUser, patchUser, postReactivate, postUser } from "./routes/users.ts";
import { hasWebhook, postWebhook } from "./routes/webhooks.ts";

interface Route {
  readonly path: string;
  readonly methods: Readonly<Record<string, (c: Context<HonoEnv>) => Response | Promise<Response>>>;
  /** Whether browsers call this route from allowed origins. */
  readonly browser?: true;
  /** What the rate limit of the caller's address counts. The default is every request. */
  readonly counts?: "refusals" | "nothing";
  /** If it returns false, the route answers 404, like an unknown one. */
  readonly present?: (c: Context<HonoEnv>) => boolean;
  /** Checks the caller's credential, and throws a `Refusal` if it is wrong. */
  readonly admit?: (c: Context<HonoEnv>) => Promise<void>;
}

const backend = { present: hasBackend, admit: admitBackend, counts: "refusals" } as const;

/** All routes of the gateway. */
export const routes: readonly Route[] = [
  { path: "/v1/token", methods: { POST: postToken, DELETE: deleteToken }, browser: true },
  { path: "/v1/tokens", methods: { DELETE: deleteTokens }, browser: true },
  { path: "/v1/backchannel-logout", methods: { POST: postLogout }, counts: "refusals" },
  { path: "/v1/users", methods: { POST: postUser }, ...backend },
  { path: "/v1/users/:uid", methods: { GET: getUser, PATCH: patchUser, DELETE: deleteUser }, ...backend },
  { path: "/v1/users/:uid/reactivate", methods: { POST: postReactivate }, ...backend },
  { path: "/v1/users/:uid/tokens", methods: { DELETE: deleteUserTokens }, ...backend },
  { path: "/v1/webhooks/:issuer", methods: { POST: postWebhook }, present: hasWebhook, counts: "refusals" },
  { path: "/openapi.json", methods: { GET: getOpenapi } },
  { path: "/healthz", methods: { GET: getHealth }, counts: "nothing" },
  { path: "/readyz", methods: { GET: getReady } },
];

/** Makes the gateway as a Hono app. All its memory is in this app, so that two apps share nothing. */
export function createApp(deps: Deps): Hono<HonoEnv> {
  const app = new Hono<HonoEnv>({ getPath });
  const answer = createAnswer(deps);
  // One handler for each path instead of middleware, for which Hono needs a chain of promises and copies the answer for
  // each header that is set afterwards.
  for (const route of routes) app.all(route.path, (c) => answer(c, () => serve(c, route)));
  app.notFound((c) =>
    answer(c, () => {
      throw new Refusal({ reason: "route-unknown" });
    }),
  );
  return app;
}

/** Handles a request to a route: CORS, rate limits, the caller's credential, and the headers of the answer. */
async function serve(c: Context<HonoEnv>, route: Route): Promise<Response> {
  if (route.present && !route.present(c)) throw new Refusal({ reason: "route-unknown" });
  c.get("outcome").route = route.path;
  let origin: string | undefined;
  let answer: Response;
  try {
    if (route.browser) origin = admitOrigin(c.req.raw.headers, c.get("gateway").origins);
    const asksFirst = origin !== undefined && isPreflight(c.req.raw);
    answer = asksFirst ? preflight(methodsOf(route)) : await handle(c, route);
  } catch (error) {
    answer = refuse(error, c);
  }
  const { headers } = answer;
  headers.set("Cache-Control", "no-store");
  headers.set("Vary", "Origin, Authorization, Cookie");
  if (origin !== undefined) allow(headers, origin);
  return answer;
}

async function handle(c: Context<HonoEnv>, route: Route): Promise<Response> {
  const { methods, counts, admit } = route;
  if (counts !== "nothing") {
    const { limits, refusals, deps } = c.get("gateway");
    const { timer } = c.get("context").deadline;
    const { headers } = c.req.raw;
    if (counts === "refusals") unwrap(refusals.admit(headers));
    else {
      // Sign-outs have a counter of their own, so that a caller who asked for too many tokens can still sign out. No
      // address begins with this prefix.
      const out = c.req.method === "DELETE" ? "out:" : "";
      unwrap(await limit(limits.address, `${out}${addressKey(headers)}`, "address-limited", deps, timer));
    }
  }
  if (admit) await admit(c);
  // HEAD is GET without a body (RFC 9110 §9.3.2); Hono removes the body.
  const method = c.req.method === "HEAD" ? "GET" : c.req.method;
  const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (!handler) throw new Refusal({ reason: "method-other", allow: methodsOf(route) });
  return handler(c);
}

const methodsOf = ({ methods, browser }: Route): string =>
  [...Object.keys(methods), ...(browser ? ["OPTIONS"] : [])].join(", ");

/**
 * The path exactly as it was sent. A decoded path would be a second address of a route, which a proxy's rule may not
 * know (CVE-2026-47676). So would a path with a slash at its end, which the router accepts; it does not accept two
 * slashes.
 */
function getPath({ url }: Request): string {
  // The path is cut out of the address, since parsing would take longer than the rest of the routing.
  const begin = url.indexOf("/", url.indexOf("//") + 2);
  const query = url.indexOf("?", begin);
  const pathname = query === -1 ? url.slice(begin) : url.slice(begin, query);
  return pathname.endsWith("/") ? `${pathname}/` : pathname;
}
