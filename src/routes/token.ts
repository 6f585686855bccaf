import type { Context as HonoContext } from "hono";
import * as z from "zod/mini";
import { expect, Refusal } from "../errors.ts";
import { readBody } from "../http/body.ts";
import type { HonoEnv } from "../http/environment.ts";
import { admitCookie } from "../http/origin.ts";
import { BODY_BYTES } from "../limits.ts";
import { type Credential, extract } from "../session/extract.ts";
import { signIn } from "../signin.ts";

const wish = z.strictObject({ fresh: z.optional(z.boolean("must be true or false")) });

/** POST /v1/token: a session in, an auth token out. */
export async function postToken(c: HonoContext<HonoEnv>): Promise<Response> {
  const { gateway, context, outcome } = c.var;
  const credential = credentialOf(c);
  await readBody(c.req.raw, wish, BODY_BYTES);
  const { authToken, uid, app, created } = expect(await signIn(credential, whereabouts(c.req.raw), gateway, context));
  Object.assign(outcome, { app: app.name, region: app.region, created });
  return c.json({ authToken, uid, appId: app.appId, region: app.region, created }, 201);
}

/** The caller's session as it was presented; a cookie only from a page of ours, never anything in the address. */
function credentialOf(c: HonoContext<HonoEnv>): Credential {
  const { gateway } = c.var;
  // RFC 6750 §5.3: addresses end up in logs and histories
  if (c.req.raw.url.includes("?")) throw new Refusal({ reason: "query-present", detail: "No query is taken here." });
  const credential = expect(extract(c.req.raw.headers, gateway.config.issuers));
  if (credential.from === "cookie") admitCookie(c.req.raw.headers, gateway.origins);
  return credential;
}

/** Where Cloudflare says that the caller is: `request.cf` only, since anybody can send a header. */
function whereabouts(request: Request): { continent?: string | undefined; country?: string | undefined } {
  const { continent, country } = (request.cf ?? {}) as IncomingRequestCfProperties;
  return { continent, country };
}
