import type { Context as HonoContext } from "hono";
import { type Context, type Deadline, type Deps, deadline } from "../context.ts";
import { type GatewayError, Refusal, reasons } from "../errors.ts";
import { createGateway, type Gateway } from "../gateway.ts";
import { AFTER_LOST_MS, AFTER_MS, AFTER_PAUSE_MS, AFTER_TRIES } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { traceOf } from "../telemetry/log.ts";
import { createReport, type RequestLine } from "../telemetry/report.ts";
import { createTiming } from "../telemetry/timing.ts";
import { sharedTimer, type Timer, within } from "../within.ts";
import type { HonoEnv } from "./environment.ts";
import { problem } from "./problem.ts";
import { requestIdOf } from "./requestid.ts";

type C = HonoContext<HonoEnv>;

/**
 * Makes the function that answers every request: it makes the request's context, calls `serve`, turns an exception into
 * a problem answer, adds the headers, and writes the log line and the data point.
 */
export function createAnswer(deps: Deps): (c: C, serve: () => Response | Promise<Response>) => Promise<Response> {
  // One gateway for each isolate. No promise is shared, since a request must not wait for the I/O of another one.
  const gateways = new WeakMap<object, Gateway | "invalid">();
  const report = createReport(deps);

  async function make(env: HonoEnv["Bindings"]): Promise<Gateway | "invalid"> {
    const gateway = await createGateway(env, deps);
    if (!gateway.ok) {
      for (const { variable, remedy } of gateway.error) deps.log({ event: "config-invalid", variable, remedy });
    }
    for (const { variable, remedy } of gateway.ok ? gateway.value.config.warnings : []) {
      deps.log({ event: "config-warning", variable, remedy });
    }
    // If another request made the gateway meanwhile, that one is used, since its caches are filled already.
    const current = gateways.get(env) ?? (gateway.ok ? gateway.value : "invalid");
    gateways.set(env, current);
    return current;
  }

  return async (c, serve) => {
    const requestId = requestIdOf(c.req.raw.headers);
    const now = deps.now();
    c.set("deps", deps);
    c.set("requestId", requestId);
    c.set("outcome", { route: "none" });
    const made = gateways.get(c.env) ?? (await make(c.env));
    const gateway = made === "invalid" ? undefined : made;
    const { timer, stop } = sharedTimer(deps.now);
    let answer: Response;
    try {
      if (!gateway) throw new Refusal({ reason: "config-invalid" });
      c.set("gateway", gateway);
      c.set("context", contextOf(c, requestId, now, gateway, timer));
      answer = await serve();
    } catch (error) {
      answer = refuse(error, c);
    }
    stop();
    if (gateway) answer.headers.set("Server-Timing", c.get("context").timing.header());
    answer.headers.set("X-Request-Id", requestId);
    report(lineOf(c, requestId, now, deps, answer.status, gateway), gateway?.metrics);
    return answer;
  };
}

function contextOf(
  c: HonoContext<HonoEnv>,
  requestId: string,
  now: number,
  { config, deps }: Gateway,
  timer: Timer,
): Context {
  const timing = createTiming(deps.now, deps.span);
  let budget: Deadline | undefined;
  const after: Context["after"] = (name, task, lost) => {
    budget ??= deadline(AFTER_MS, deps.now);
    const later: Context = { requestId, now, timing, after, deadline: budget };
    const work = async () => {
      await undefined;
      for (let tries = 1; ; tries += 1) {
        const failed = await failureOf(task(later), later.deadline.left());
        if (!failed) return;
        const pause = tries * AFTER_PAUSE_MS;
        if (tries === AFTER_TRIES || later.deadline.left() <= pause) {
          deps.log({ event: "after-failed", requestId, task: name, ...failed });
          if (lost) await failureOf(lost(), AFTER_LOST_MS);
          return;
        }
        await deps.sleep(pause);
      }
    };
    const done = work();
    c.executionCtx.waitUntil(done);
    return done;
  };
  const whole = deadline(config.requestTimeout, deps.now, timer);
  return { requestId, now, timing, after, deadline: whole };
}

/** Why a task failed or was not done within `ms`, without an error's message; undefined if it succeeded. */
async function failureOf(task: Promise<unknown>, ms: number): Promise<object | undefined> {
  const outcome = task.then(
    (value) => value as Result<unknown, GatewayError> | undefined,
    (error) => ({ ok: false, error: traceOf(error) }) as const,
  );
  const result = await within(
    ms,
    outcome.then((result) => result ?? ok(undefined)),
  );
  if (!result) return { reason: "late" };
  return result.ok === false ? ("reason" in result.error ? { reason: result.error.reason } : result.error) : undefined;
}

/** Makes the problem answer of an exception. One that is no `Refusal` is a bug: it is logged without its message. */
export function refuse(error: unknown, c: C): Response {
  const expected = error instanceof Refusal ? error.error : ({ reason: "bug" } as const);
  const requestId = c.get("requestId");
  if (!(error instanceof Refusal)) c.get("deps").log({ event: "bug", requestId, ...traceOf(error) });
  c.get("outcome").error = expected;
  return problem(expected, requestId);
}

function lineOf(c: C, requestId: string, now: number, deps: Deps, status: number, gateway?: Gateway): RequestLine {
  const { route, error, created, reused } = c.get("outcome");
  const timing = gateway && c.get("context").timing;
  return {
    event: "request",
    requestId,
    ray: c.req.raw.headers.get("CF-Ray") ?? undefined,
    colo: (c.req.raw.cf as IncomingRequestCfProperties | undefined)?.colo,
    method: c.req.method,
    route,
    status,
    code: error ? reasons[error.reason] : "ok",
    reason: error?.reason,
    remedy: error?.remedy,
    app: timing?.names.app,
    region: timing?.names.region,
    issuer: timing?.names.issuer,
    created,
    reused,
    calls: timing?.calls() ?? 0,
    ...(timing?.stages() ?? { total: deps.now() - now }),
  };
}
