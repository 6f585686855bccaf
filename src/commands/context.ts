import { type Context, type Deps, deadline } from "../context.ts";
import { createTiming } from "../telemetry/timing.ts";

/** The gateway's parts as a command uses them: no request, nothing after an answer. `ms`: the longest that it may take. */
export function contextFor(deps: Pick<Deps, "now">, ms: number): Context {
  return {
    requestId: "",
    now: deps.now(),
    deadline: deadline(ms, deps.now),
    timing: createTiming(deps.now),
    after: async () => {},
  };
}
