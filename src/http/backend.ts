import type { Context as HonoContext } from "hono";
import { sha256 } from "../encoding.ts";
import { Refusal } from "../errors.ts";
import type { HonoEnv } from "./environment.ts";
import { proven } from "./proof.ts";

/** Whether BACKEND_SECRET is set. Without it the backend endpoints answer 404, like any unknown route. */
export const hasBackend = (c: HonoContext<HonoEnv>): boolean => c.var.gateway.config.backendSecrets.length > 0;

/**
 * Checks `Authorization: Bearer <BACKEND_SECRET>`, and refuses a query, since addresses are logged (RFC 6750 §5.3). The
 * digest of the credential is compared with that of every configured value in constant time, so that the time reveals
 * neither a length nor a partial match. Throws `backend-secret`, `address-limited` or `query-present`.
 */
export async function admitBackend(c: HonoContext<HonoEnv>): Promise<void> {
  await proven(c, () => proveBackend(c));
  if (c.req.raw.url.includes("?"))
    throw new Refusal({ reason: "query-present", detail: "This endpoint accepts no query." });
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
