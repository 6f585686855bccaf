import type { Context as HonoContext } from "hono";
import { codes, Refusal, reasons, unwrap } from "../errors.ts";
import type { HonoEnv } from "./environment.ts";

/**
 * Runs `prove`, which checks the caller's credential. A refusal (4xx) is counted for the caller's address; too many
 * throw `address-limited`. A failure that is not the caller's fault, such as keys that cannot be fetched, is not
 * counted.
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
