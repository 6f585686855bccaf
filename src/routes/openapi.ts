import type { Context as HonoContext } from "hono";
import type { HonoEnv } from "../http/environment.ts";
import { openapi } from "../http/openapi.ts";

/** GET /openapi.json: what all of this takes and answers; nothing of the configuration. */
export const getOpenapi = (c: HonoContext<HonoEnv>): Response => c.json(openapi());
