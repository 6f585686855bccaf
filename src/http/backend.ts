import type { Context as HonoContext } from "hono";
import { sha256 } from "../encoding.ts";
import { Refusal } from "../errors.ts";
import type { HonoEnv } from "./environment.ts";
import { proven } from "./proof.ts";

/** Without a secret the backend endpoints answer 404, as any unknown route: nobody may learn that they could exist. */
export const hasBackend = (c: HonoContext<HonoEnv>): boolean => c.var.gateway.config.backendSecrets.length > 0;

/**
 * `Authorization: Bearer <BACKEND_SECRET>`, and nothing in the address (RFC 6750 §5.3: those are logged).
 * Every configured value is compared, as a digest and in constant time: neither a length nor a match shows in the time.
 */
export async function admitBackend(c: HonoContext<HonoEnv>): Promise<void> {
  await proven(c, () => proveBackend(c));
  if (c.req.raw.url.includes("?")) throw new Refusal({ reason: "query-present", detail: "No query is taken here." });
}

async function proveBackend(c: HonoContext<HonoEnv>): Promise<void> {
  const given = await sha256(/^bearer (.+)$/i.exec(c.req.header("Authorization") ?? "")?.[1] ?? "");
  let admitted = false;
  for (const secret of c.var.gateway.config.backendSecrets) {
    const same = crypto.subtle.timingSafeEqual(given, await sha256(secret));
    admitted ||= same;
  }
  if (!admitted) throw new Refusal({ reason: "backend-secret" });
}
