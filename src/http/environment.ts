import type { Context, Deps } from "../context.ts";
import type { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";

/** The type of Hono's context. */
export interface HonoEnv {
  Bindings: Readonly<Record<string, unknown>>;
  Variables: {
    deps: Deps;
    requestId: string;
    gateway: Gateway;
    context: Context;
    /** What the log line and the data point contain besides the status. */
    outcome: Outcome;
  };
}

interface Outcome {
  /** The route's pattern. Never the path, which may contain a uid. */
  route: string;
  error?: GatewayError;
  created?: boolean;
  reused?: boolean;
}
