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
  /** Whether pages of the listed origins call it. */
  readonly browser?: true;
  /** What counts against the caller's address: by default every request. */
  readonly counts?: "refusals" | "nothing";
  /** Where this is false, every request is answered as an unknown route: 404. */
  readonly present?: (c: Context<HonoEnv>) => boolean;
  /** Refuses whom it does not know. */
  readonly admit?: (c: Context<HonoEnv>) => Promise<void>;
}

const backend = { present: hasBackend, admit: admitBackend, counts: "refusals" } as const;

/** Every address of the gateway, and what is done at it. */
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

/** The gateway as a Hono app. What it remembers lives in this app, so that two of them share nothing. */
export function createApp(deps: Deps): Hono<HonoEnv> {
  const app = new Hono<HonoEnv>({ getPath });
  const answer = createAnswer(deps);
  // One handler for each path: with middleware Hono would run through a chain of promises, and rebuild the answer for
  // each header that is set after it.
  for (const route of routes) app.all(route.path, (c) => answer(c, () => serve(c, route)));
  app.notFound((c) =>
    answer(c, () => {
      throw new Refusal({ reason: "route-unknown" });
    }),
  );
  return app;
}

/** One request at a route: CORS, the limits and who may call, and the headers that every answer of it has. */
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
      // Who has asked for too many tokens can still sign out. No address begins like this.
      const out = c.req.method === "DELETE" ? "out:" : "";
      unwrap(await limit(limits.address, `${out}${addressKey(headers)}`, "address-limited", deps, timer));
    }
  }
  if (admit) await admit(c);
  // RFC 9110 §9.3.2: HEAD is GET without the body, which Hono leaves out.
  const method = c.req.method === "HEAD" ? "GET" : c.req.method;
  const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (!handler) throw new Refusal({ reason: "method-other", allow: methodsOf(route) });
  return handler(c);
}

const methodsOf = ({ methods, browser }: Route): string =>
  [...Object.keys(methods), ...(browser ? ["OPTIONS"] : [])].join(", ");

/**
 * The path as it was sent: a decoded one would be a second way to a route (CVE-2026-47676). So would one with a slash at
 * its end, which the router takes; it takes no two.
 */
function getPath({ url }: Request): string {
  // Cut out, not parsed: that takes longer than all else that finds a route.
  const begin = url.indexOf("/", url.indexOf("//") + 2);
  const query = url.indexOf("?", begin);
  const pathname = query === -1 ? url.slice(begin) : url.slice(begin, query);
  return pathname.endsWith("/") ? `${pathname}/` : pathname;
}
