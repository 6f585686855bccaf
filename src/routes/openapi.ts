import type { Context as HonoContext } from "hono";
import type { HonoEnv } from "../http/environment.ts";
import { openapi } from "../http/openapi.ts";

/** GET /openapi.json: the description of all endpoints. It contains nothing of the configuration. */
export const getOpenapi = (c: HonoContext<HonoEnv>): Response => c.json(openapi());
