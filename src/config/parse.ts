import { REQUEST_MS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { presets } from "../session/presets.ts";
import { isObject, type Output } from "../shape.ts";
import { checkApps, checkPlacement, type RawApps } from "./apps.ts";
import { checkBindings, checkOrigins, checkSecrets, checkUnknown, SECRETS } from "./env.ts";
import { checkIssuers, checkPublicKeys } from "./issuers.ts";
import type { Problem, RawEnv, Report } from "./report.ts";
import { type RawIssuer, schemas } from "./schema.ts";
import type { Config } from "./types.ts";

/**
 * Parses the whole configuration. Fails with everything that is wrong with it, so that the operator sees it at once.
 * It is asynchronous because WebCrypto imports the public keys.
 */
export async function parseConfig(env: RawEnv): Promise<Result<Config, readonly Problem[]>> {
  const problems: Problem[] = [];
  let report: Report = (variable, remedy) => {
    problems.push({ variable, remedy });
  };
  const origins = read(env, "ALLOWED_ORIGINS", report) ?? [];
  const rawApps = read(env, "COMETCHAT_APPS", report);
  const rawIssuers = readIssuers(env, report);
  const tokens = read(env, "TOKENS", report) ?? {};
  const provisioning = read(env, "PROVISIONING", report) ?? {};
  const rawPlacement = read(env, "PLACEMENT", report);
  const timeout = read(env, "REQUEST_TIMEOUT_MS", report);

  // A variable whose form is wrong is not reported again by the checks below.
  const reported = new Set(problems.map(({ variable }) => variable));
  const first = report;
  report = (variable, remedy) => reported.has(variable) || first(variable, remedy);
  checkBindings(env, report);
  checkUnknown(env, namedSecrets(rawApps ?? {}, rawIssuers ?? []), report);
  checkOrigins(origins, report);
  const apps = checkApps(env, rawApps ?? {}, report);
  const placement = checkPlacement(rawPlacement, rawApps ?? {}, rawIssuers ?? [], report);
  const warnings: Problem[] = [];
  const warn: Report = (variable, remedy) => {
    warnings.push({ variable, remedy });
  };
  const issuers = checkIssuers(env, rawIssuers ?? [], rawApps ?? {}, report, warn);
  await checkPublicKeys(issuers, report);
  const secrets = checkSecrets(env, tokens, report);

  if (problems.length > 0) return err(problems);
  return ok({
    origins,
    apps,
    issuers,
    tokens: { reuse: tokens.reuse ?? "never", ttl: tokens.ttl, maxPerSession: tokens.maxPerSession },
    provisioning: {
      mode: provisioning.mode ?? "create",
      sync: provisioning.sync ?? true,
      reactivate: provisioning.reactivate ?? false,
    },
    placement,
    requestTimeout: timeout ?? REQUEST_MS,
    warnings,
    ...secrets,
  });
}

/** The names of all secrets that this configuration uses, set or not. Used by the commands. */
export function secretsOf(env: RawEnv): ReadonlySet<string> {
  const ignore: Report = () => {};
  const named = namedSecrets(read(env, "COMETCHAT_APPS", ignore) ?? {}, readIssuers(env, ignore) ?? []);
  return new Set([...SECRETS, ...named]);
}

type Name = keyof typeof schemas;

/** Reads one variable: a parsed value from wrangler.toml, or JSON text from `.dev.vars` or the dashboard. */
function read<N extends Name>(env: RawEnv, name: N, report: Report): Output<(typeof schemas)[N]> | undefined {
  const value = raw(env, name, report);
  if (value === BROKEN) return undefined;
  const wrong = [...schemas[name](value, [])];
  if (wrong.length === 0) return value as Output<(typeof schemas)[N]>;
  for (const { path, message } of wrong) report(pathOf(name, path), message);
  // The wrong parts are removed, and the rest is checked as well, so that everything wrong is reported at once.
  if (wrong.some(({ path }) => path.length === 0 || (path.length === 1 && Array.isArray(value)))) return undefined;
  const rest = JSON.parse(JSON.stringify(value));
  for (const { path } of wrong.reverse()) drop(rest, path);
  return rest;
}

function drop(value: Record<PropertyKey, never>, path: readonly PropertyKey[]): void {
  const parent = path.slice(0, -1).reduce<typeof value | undefined>((at, step) => at?.[step], value);
  const last = path.at(-1) ?? "";
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (parent) delete parent[last];
}

/** Reads the issuers, and completes each with the settings of its preset before its form is checked. */
function readIssuers(env: RawEnv, report: Report): readonly RawIssuer[] | undefined {
  const value = raw(env, "SESSION_ISSUERS", report);
  if (value === BROKEN || !Array.isArray(value)) return read(env, "SESSION_ISSUERS", report);
  const completed = value.map((entry: unknown, index) => {
    if (!isObject(entry) || typeof entry.issuer !== "string" || typeof entry.preset !== "string") return entry;
    const preset = Object.hasOwn(presets, entry.preset) ? presets[entry.preset] : undefined;
    if (!preset) {
      report(`SESSION_ISSUERS[${index}].preset`, `must be one of ${Object.keys(presets).join(", ")}`);
      return entry;
    }
    return complete(entry, preset({ ...entry, issuer: entry.issuer }));
  });
  return read({ SESSION_ISSUERS: completed }, "SESSION_ISSUERS", report);
}

/** Adds the preset's settings. The operator's own ones take precedence; an own source of keys replaces the preset's. */
function complete(entry: Readonly<Record<string, unknown>>, defaults: Readonly<Record<string, unknown>>): unknown {
  const settings: Record<string, unknown> = { ...defaults };
  if (["jwksUrl", "publicKey", "secret"].some((key) => key in entry)) {
    for (const key of ["jwksUrl", "publicKey", "secret", "algorithms"]) delete settings[key];
  }
  for (const key of ["uid", "profile"]) {
    if (isObject(settings[key]) && isObject(entry[key])) settings[key] = { ...settings[key], ...entry[key] };
    else if (key in entry) settings[key] = entry[key];
  }
  const { uid: _uid, profile: _profile, ...own } = entry;
  return { ...settings, ...own };
}

const BROKEN = Symbol("no JSON");

function raw(env: RawEnv, name: string, report: Report): unknown {
  const value = env[name];
  if (typeof value !== "string") return value;
  // A variable that was emptied in the dashboard is an empty text.
  if (value.trim() === "") return undefined;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    report(name, "is text, but not JSON: write it as a table in wrangler.toml, or as JSON");
    return BROKEN;
  }
}

function namedSecrets(apps: RawApps, issuers: readonly RawIssuer[]): ReadonlySet<string> {
  const names = [
    ...Object.values(apps).map(({ apiKeySecret }) => apiKeySecret),
    ...issuers.flatMap(({ secret, webhookSecret }) => [secret, webhookSecret]),
  ];
  return new Set(names.filter((name) => name !== undefined));
}

function pathOf(name: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) => text + (typeof step === "number" ? `[${step}]` : `.${String(step)}`),
    name,
  );
}
