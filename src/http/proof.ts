import type { Context as HonoContext } from "hono";
import { codes, Refusal, reasons, unwrap } from "../errors.ts";
import type { HonoEnv } from "./environment.ts";

/**
 * The proof that a caller gives. What is refused in `prove` (4xx) counts against its address, and is `address-limited`
 * where that was one too many. A failure that is not the caller's (keys that cannot be had) does not count.
 */
export async function proven<T>(c: HonoContext<HonoEnv>, prove: () => Promise<T>): Promise<T> {
  try {
    return await prove();
  } catch (error) {
    if (error instanceof Refusal && codes[reasons[error.error.reason]][0] < 500) {
      unwrap(await c.var.gateway.refusals.count(c.req.raw.headers));
    }
    throw error;
  }
}
