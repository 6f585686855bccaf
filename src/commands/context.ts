import { type Context, type Deps, deadline } from "../context.ts";
import { createTiming } from "../telemetry/timing.ts";

/**
 * The context that a command passes to the gateway's functions. A command serves no request, so work that would follow
 * an answer is not done. `ms`: the time until the deadline.
 */
export function contextFor(deps: Pick<Deps, "now">, ms: number): Context {
  return {
    requestId: "",
    now: deps.now(),
    deadline: deadline(ms, deps.now),
    timing: createTiming(deps.now),
    after: async () => {},
  };
}
