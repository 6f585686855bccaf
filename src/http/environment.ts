import type { Context, Deps } from "../context.ts";
import type { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";

/** What Hono's context holds for the routes. */
export interface HonoEnv {
  Bindings: Readonly<Record<string, unknown>>;
  Variables: {
    deps: Deps;
    requestId: string;
    gateway: Gateway;
    context: Context;
    /** What the request's log line and data point tell besides its status. */
    outcome: Outcome;
  };
}

interface Outcome {
  /** The route's pattern; never the path, which may hold a uid. */
  route: string;
  error?: GatewayError;
  created?: boolean;
  reused?: boolean;
}
