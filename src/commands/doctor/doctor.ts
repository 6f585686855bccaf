import { experimental_readRawConfig as readRaw } from "wrangler";
import type { App } from "../../cometchat/types.ts";
import { secretsOf } from "../../config/parse.ts";
import type { RawEnv } from "../../config/report.ts";
import { type Context, type Deps, deadline } from "../../context.ts";
import { REQUEST_MS } from "../../limits.ts";
import { isObject } from "../../shape.ts";
import { createTiming } from "../../telemetry/timing.ts";
import { EmptyKv } from "../bindings.ts";
import { readEnvironment, type Where } from "../environment.ts";
import { checkApp, checkUser } from "./apps.ts";
import { checkConfiguration, EXAMPLE_APP, STAND_IN } from "./configuration.ts";
import { checkKeys, hasKey } from "./keys.ts";
import { type Check, failed, type Report, type SessionReport } from "./report.ts";
import { checkSession } from "./session.ts";

export interface Asked extends Where {
  /** A session to be judged. */
  readonly session?: string | undefined;
}

/**
 * Everything that a sign-in needs, looked at with the gateway's own code. CometChat is only asked what changes nothing.
 * Never fails; what could not be looked at is a check of its own.
 */
export async function examine(asked: Asked, deps: Deps): Promise<Report> {
  const environment = readEnvironment(asked);
  if (!environment.ok) return reportOf([failed("wrangler.toml", environment.error)]);
  const env = environment.value;
  const raw = readRaw({ config: asked.config }).rawConfig as Readonly<Record<string, unknown>>;
  const secrets = secretsIn(env, asked.session);
  const { checks: judged, config } = await checkConfiguration(env, raw, asked);
  const checks = [...judged];
  if (!config) {
    checks.push(failed("keys and apps", "not looked at: the configuration comes first"));
    const reason = "The configuration is not right, so the gateway refuses every session: see the checks.";
    return without(secrets, reportOf(checks, asked.session === undefined ? undefined : { accepted: false, reason }));
  }

  const kv = new EmptyKv() as unknown as KVNamespace;
  const work = () => contextOf(deps);
  const apps = [...config.apps.values()].filter(({ apiKey, appId }) => apiKey !== STAND_IN && appId !== EXAMPLE_APP);
  const [keys, answers] = await Promise.all([
    Promise.all(config.issuers.filter(hasKey).map((issuer) => checkKeys(issuer, deps, kv, work()))),
    Promise.all(apps.map((app) => checkApp(app, apiKeySecret(env, app), deps, work()))),
  ]);
  checks.push(...keys.flat(), ...answers.flat());
  if (asked.session === undefined) return without(secrets, reportOf(checks));
  const { session, checks: told } = await checkSession(asked.session, { config, deps, kv, context: work() });
  checks.push(...told);
  const app = apps.find(({ name }) => name === session.app);
  const served = checks.some(({ name, ok }) => ok && name === `app ${app?.name}`);
  if (app && served && session.uid !== undefined)
    checks.push(...(await checkUser(session.uid, app, config, deps, work())));
  return without(secrets, reportOf(checks, session));
}

function reportOf(checks: readonly Check[], session?: SessionReport): Report {
  const ok = checks.every((check) => check.ok) && session?.accepted !== false;
  return { ok, checks, ...(session && { session }) };
}

/** The name of the secret with an app's key. */
function apiKeySecret(env: RawEnv, { name }: App): string {
  const apps: unknown = typeof env.COMETCHAT_APPS === "string" ? JSON.parse(env.COMETCHAT_APPS) : env.COMETCHAT_APPS;
  const app = isObject(apps) ? apps[name] : undefined;
  return isObject(app) && typeof app.apiKeySecret === "string" ? app.apiKeySecret : "COMETCHAT_API_KEY";
}

function contextOf({ now }: Deps): Context {
  // What follows an answer (copies of keys, for one) has nowhere to be kept.
  return {
    requestId: "doctor",
    now: now(),
    deadline: deadline(REQUEST_MS, now),
    timing: createTiming(now),
    after: async () => {},
  };
}

/** No sentence is made with a secret. Should an answer from outside repeat one all the same, it is not shown. */
function without(secrets: readonly string[], report: Report): Report {
  const censored = (text: string) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "(secret)"), text);
  return JSON.parse(JSON.stringify(report, (_, value) => (typeof value === "string" ? censored(value) : value)));
}

function secretsIn(env: RawEnv, session: string | undefined): string[] {
  const values = [...secretsOf(env)].map((name) => env[name]).filter((value) => typeof value === "string");
  const parts = values.flatMap((value) => [value, ...value.split(",")]).map((value) => value.trim());
  // A shorter one is no secret, and may be a word of our own sentences.
  return [...parts, ...(session === undefined ? [] : [session])].filter((value) => value.length >= 8);
}
