import type { Context as HonoContext } from "hono";
import type { HonoEnv } from "../http/environment.ts";
import { READY_KEY } from "../kv.ts";
import { READY_MS } from "../limits.ts";
import { within } from "../within.ts";

/** GET /healthz: 200 if the Worker runs and its configuration is valid. Does no I/O. */
export const getHealth = (c: HonoContext<HonoEnv>): Response => c.json({ status: "ok" });

interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly reason?: string | undefined;
  /** A setting that is valid but leaves a check out. */
  readonly warning?: string;
}

/**
 * GET /readyz: whether a sign-in could succeed now, with one check for each thing that it needs. CometChat is not
 * called: the state of its apps is the last one that this isolate saw.
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
    ...[...gateway.chats.values()].map(({ app, lastFault }) => {
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
    // KV returns null if there is no entry; undefined comes from `within` and means that KV was too slow.
    const answer = await within(READY_MS, users.get(READY_KEY));
    return answer === undefined ? { check: "kv", ok: false, reason: "slow" } : { check: "kv", ok: true };
  } catch {
    return { check: "kv", ok: false, reason: "failed" };
  }
}
