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
import { EXAMPLE_APP } from "../examples.ts";
import { isSubstitute } from "../secrets.ts";
import { checkApp, checkUser } from "./apps.ts";
import { checkConfiguration } from "./configuration.ts";
import { checkKeys, hasKey } from "./keys.ts";
import { type Check, failed, type Report, type SessionReport } from "./report.ts";
import { checkSession } from "./session.ts";

export interface DoctorOptions extends Where {
  /** A session JWT to check. */
  readonly session?: string | undefined;
}

/**
 * Checks everything that a sign-in needs, with the gateway's own code. CometChat is sent only requests that read.
 * Never fails: what could not be checked is reported as a failed check.
 */
export async function examine(asked: DoctorOptions, deps: Deps): Promise<Report> {
  const environment = readEnvironment(asked);
  if (!environment.ok) return reportOf([failed("wrangler.toml", environment.error)]);
  const env = environment.value;
  const raw = readRaw({ config: asked.config }).rawConfig as Readonly<Record<string, unknown>>;
  const secrets = secretsIn(env, asked.session);
  const { checks: configuration, config } = await checkConfiguration(env, raw, asked);
  const checks = [...configuration];
  if (!config) {
    checks.push(failed("keys and apps", "not checked, since the configuration has to be corrected first"));
    const reason =
      "The configuration is wrong, so the gateway refuses every session. The checks above say what to correct.";
    return censor(secrets, reportOf(checks, asked.session === undefined ? undefined : { accepted: false, reason }));
  }

  const kv = new EmptyKv() as unknown as KVNamespace;
  const newContext = () => contextOf(deps);
  const apps = [...config.apps.values()].filter(({ apiKey, appId }) => !isSubstitute(apiKey) && appId !== EXAMPLE_APP);
  const [keys, answers] = await Promise.all([
    Promise.all(config.issuers.filter(hasKey).map((issuer) => checkKeys(issuer, deps, kv, newContext()))),
    Promise.all(apps.map((app) => checkApp(app, apiKeySecret(env, app), deps, newContext()))),
  ]);
  checks.push(...keys.flat(), ...answers.flat());
  if (asked.session === undefined) return censor(secrets, reportOf(checks));
  const { session, checks: more } = await checkSession(asked.session, { config, deps, kv, context: newContext() });
  checks.push(...more);
  const app = apps.find(({ name }) => name === session.app);
  const served = checks.some(({ name, ok }) => ok && name === `app ${app?.name}`);
  if (app && served && session.uid !== undefined)
    checks.push(...(await checkUser(session.uid, app, config, deps, newContext())));
  return censor(secrets, reportOf(checks, session));
}

function reportOf(checks: readonly Check[], session?: SessionReport): Report {
  const ok = checks.every((check) => check.ok) && session?.accepted !== false;
  return { ok, checks, ...(session && { session }) };
}

/** The name of the secret with an app's API key. */
function apiKeySecret(env: RawEnv, { name }: App): string {
  const apps: unknown = typeof env.COMETCHAT_APPS === "string" ? JSON.parse(env.COMETCHAT_APPS) : env.COMETCHAT_APPS;
  const app = isObject(apps) ? apps[name] : undefined;
  return isObject(app) && typeof app.apiKeySecret === "string" ? app.apiKeySecret : "COMETCHAT_API_KEY";
}

function contextOf({ now }: Deps): Context {
  // Work after the answer only stores copies (of keys, for instance), and a command has no store.
  return {
    requestId: "doctor",
    now: now(),
    deadline: deadline(REQUEST_MS, now),
    timing: createTiming(now),
    after: async () => {},
  };
}

/** Replaces secrets in the report. No text of the doctor contains one, but an answer from outside might repeat one. */
function censor(secrets: readonly string[], report: Report): Report {
  const censored = (text: string) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "(secret)"), text);
  return JSON.parse(JSON.stringify(report, (_, value) => (typeof value === "string" ? censored(value) : value)));
}

function secretsIn(env: RawEnv, session: string | undefined): string[] {
  const values = [...secretsOf(env)].map((name) => env[name]).filter((value) => typeof value === "string");
  const parts = values.flatMap((value) => [value, ...value.split(",")]).map((value) => value.trim());
  // A shorter value is no real secret, and could be a word that the report itself uses.
  return [...parts, ...(session === undefined ? [] : [session])].filter((value) => value.length >= 8);
}
