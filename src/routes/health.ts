import type { Context as HonoContext } from "hono";
import type { HonoEnv } from "../http/environment.ts";
import { READY_KEY } from "../kv.ts";
import { READY_MS } from "../limits.ts";
import { within } from "../within.ts";

/** GET /healthz: the Worker runs and its configuration is right. No I/O. */
export const getHealth = (c: HonoContext<HonoEnv>): Response => c.json({ status: "ok" });

interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly reason?: string | undefined;
  /** What works, but leaves a check out. */
  readonly warning?: string;
}

/**
 * GET /readyz: whether a sign-in could work now, one line for each thing it needs. CometChat itself is not called:
 * its apps are told as this isolate last saw them.
 */
export async function getReady(c: HonoContext<HonoEnv>): Promise<Response> {
  const { gateway, context } = c.var;
  const [kv, issuers] = await Promise.all([kvCheck(gateway.users), gateway.verifier.ready(context)]);
  const checks: readonly Check[] = [
    { check: "configuration", ok: true },
    ...gateway.config.warnings.map(({ variable, remedy }) => ({
      check: "configuration",
      ok: true,
      warning: `${variable} ${remedy}`,
    })),
    kv,
    ...issuers.map(({ issuer, ...rest }) => ({ check: `keys of ${issuer}`, ...rest })),
    ...gateway.apps().map(({ app, lastFault }) => {
      const reason = lastFault();
      return { check: `app ${app.name}`, ok: reason === undefined, reason };
    }),
  ];
  const ready = checks.every(({ ok }) => ok);
  const lines = checks.map((check) => `  ${JSON.stringify(check)}`).join(",\n");
  return new Response(`{"status":"${ready ? "ready" : "not-ready"}","checks":[\n${lines}\n]}\n`, {
    status: ready ? 200 : 503,
    headers: { "Content-Type": "application/json" },
  });
}

async function kvCheck(users: KVNamespace): Promise<Check> {
  try {
    // KV answers null where there is nothing; undefined is our own "too late".
    const answer = await within(READY_MS, users.get(READY_KEY));
    return answer === undefined ? { check: "kv", ok: false, reason: "slow" } : { check: "kv", ok: true };
  } catch {
    return { check: "kv", ok: false, reason: "failed" };
  }
}
