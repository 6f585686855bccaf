import type { Context, Handler } from "hono";
import { Hono } from "hono/tiny";
import type { Deps } from "./context.ts";
import { expect, Refusal } from "./errors.ts";
import { admitBackend, hasBackend } from "./http/backend.ts";
import { cors } from "./http/cors.ts";
import { enter, refuse } from "./http/enter.ts";
import type { HonoEnv } from "./http/environment.ts";
import { addressKey, limit } from "./http/ratelimit.ts";
import { getHealth, getReady } from "./routes/health.ts";
import { postLogout } from "./routes/logout.ts";
import { getOpenapi } from "./routes/openapi.ts";
import { deleteToken, deleteTokens, postToken } from "./routes/token.ts";
import { deleteUser, deleteUserTokens, getUser, patchUser, postReactivate, postUser } from "./routes/users.ts";
import { hasWebhook, postWebhook } from "./routes/webhooks.ts";

interface Route {
  readonly path: string;
  readonly methods: Readonly<Record<string, Handler<HonoEnv>>>;
  /** Whether pages of the listed origins call it. */
  readonly browser?: true;
  /** What counts against the caller's address: by default every request. */
  readonly counts?: "refusals" | "nothing";
  /** Where it is not there, everything is answered as at any address that never was. */
  readonly present?: (c: Context<HonoEnv>) => boolean;
  /** Refuses whom it does not know. */
  readonly admit?: (c: Context<HonoEnv>) => Promise<void>;
}

const backend = { present: hasBackend, admit: admitBackend, counts: "refusals" } as const;

const routes: readonly Route[] = [
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
  app.use(enter(deps));
  app.onError(refuse);
  app.notFound((c) => refuse(new Refusal({ reason: "route-unknown" }), c));

  for (const { path, methods, browser, counts, present, admit } of routes) {
    const allow = [...Object.keys(methods), ...(browser ? ["OPTIONS"] : [])].join(", ");
    app.use(path, async (c, next) => {
      if (present && !present(c)) throw new Refusal({ reason: "route-unknown" });
      c.get("outcome").route = path;
      await next();
      c.header("Cache-Control", "no-store");
      c.header("Vary", "Origin, Authorization, Cookie");
    });
    if (browser) app.use(path, cors(allow));
    if (counts !== "nothing") {
      app.use(path, async (c, next) => {
        const { limits, refusals, deps } = c.var.gateway;
        const { headers } = c.req.raw;
        if (counts === "refusals") expect(refusals.admit(headers));
        else expect(await limit(limits.address, addressKey(headers), "address-limited", deps));
        await next();
      });
    }
    if (admit) {
      app.use(path, async (c, next) => {
        await admit(c);
        await next();
      });
    }
    for (const [method, handler] of Object.entries(methods)) app.on(method, path, handler);
    app.all(path, () => {
      throw new Refusal({ reason: "method-other", allow });
    });
  }
  return app;
}

/**
 * The path as it was sent: a decoded one would be a second way to a route (CVE-2026-47676). So would one with a slash at
 * its end, which the router takes; it takes no two.
 */
function getPath(request: Request): string {
  const { pathname } = new URL(request.url);
  return pathname.endsWith("/") ? `${pathname}/` : pathname;
}
