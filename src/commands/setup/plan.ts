import { BINDINGS } from "../../config/env.ts";
import { parseConfig, secretsOf } from "../../config/parse.ts";
import type { Problem, RawEnv } from "../../config/report.ts";
import { isObject } from "../../shape.ts";
import type { Deployment } from "./deployment.ts";
import { withSecret } from "./devvars.ts";
import { ENTRY_KEYS } from "./entry.ts";
import { at, edit, read, type Table } from "./toml.ts";

/** What is to be set; what is left out stays as it is. */
export interface Answers {
  /** The app's name in COMETCHAT_APPS. */
  readonly app: string;
  readonly appId?: string | undefined;
  readonly region?: string | undefined;
  readonly origins?: readonly string[] | undefined;
  /** An entry of SESSION_ISSUERS: its keys that setup knows, all of them. */
  readonly issuer?: Table | undefined;
  /** Its place in the list. */
  readonly index: number;
  /** Name → value. */
  readonly secrets: Readonly<Record<string, string>>;
}

export interface Plan {
  readonly toml: string;
  readonly secrets: string;
  /** What is wrong with the outcome, in the gateway's own words, and has to be right before it is written. */
  readonly problems: readonly Problem[];
  /** Names of secrets that the outcome needs and that are not in `.dev.vars`. */
  readonly unset: readonly string[];
  /** Names of all secrets that the outcome uses and that are set. */
  readonly set: readonly string[];
}

/** What wrangler.toml has for an example before it is set up. */
export const isExampleApp = (app: unknown): boolean => isObject(app) && app.appId === "your-app-id";
export const isExampleIssuer = (entry: unknown): boolean =>
  isObject(entry) && entry.issuer === "https://auth.example.com";

/** What goes with a provider, and would be wrong with another one. */
const OF_PROVIDER = ["audienceRequired", "algorithms"] as const;

/** Both files as they would be, and what the gateway says of them. Nothing is written. */
export async function plan(deployment: Deployment, answers: Answers): Promise<Plan> {
  const { level, text, secretsText } = deployment;
  const { app, appId, region, origins, issuer, index } = answers;
  const vars = [...level, "vars"];
  let toml = text;
  if (origins) toml = edit(toml, vars, { ALLOWED_ORIGINS: [...origins] });
  toml = edit(toml, [...vars, "COMETCHAT_APPS", app], { ...(appId && { appId }), ...(region && { region }) });
  if (issuer) {
    const path = [...vars, "SESSION_ISSUERS", index];
    const before = at(read(toml), path);
    const keys = Object.fromEntries(ENTRY_KEYS.map((key) => [key, issuer[key]]));
    const isOther = isObject(before) && (before.issuer !== issuer.issuer || before.preset !== issuer.preset);
    toml = edit(toml, path, {
      ...keys,
      ...(isOther && Object.fromEntries(OF_PROVIDER.map((key) => [key, undefined]))),
    });
  }
  let secrets = secretsText;
  for (const [name, value] of Object.entries(answers.secrets)) {
    if (deployment.secrets[name] !== value) secrets = withSecret(secrets, name, value);
  }
  const outcome = at(read(toml), vars);
  const env = { ...(isObject(outcome) ? outcome : {}), ...known(deployment, answers) };
  return { toml, secrets, ...(await judge(env)) };
}

/** Secrets as they are known: given now, in `.dev.vars`, or in the process's environment. */
const known = ({ secrets }: Deployment, answers: Pick<Answers, "secrets">) => ({ ...secrets, ...answers.secrets });

/**
 * The gateway's own judgement. A secret that is not set may be on Cloudflare already, so it is listed apart; bindings and
 * what setup does not ask about are for `npm run doctor`.
 */
async function judge(env: RawEnv): Promise<Pick<Plan, "problems" | "unset" | "set">> {
  const names = [...secretsOf(env)];
  const value = (name: string) => env[name] || process.env[name];
  const used = Object.fromEntries(names.map((name) => [name, value(name)]));
  const bindings = Object.fromEntries(Object.entries(BINDINGS).map(([name, [method]]) => [name, { [method]() {} }]));
  const parsed = await parseConfig({ ...env, ...used, ...bindings });
  const problems = parsed.ok ? [] : parsed.error;
  const isUnset = ({ variable }: Problem) => names.includes(variable) && !value(variable);
  return {
    problems: problems.filter((problem) => !isUnset(problem)),
    unset: problems.filter(isUnset).map(({ variable }) => variable),
    set: names.filter((name) => value(name)),
  };
}

/** What the gateway says of one answer: the first of its problems at that variable or below it. */
export async function problemOf(
  deployment: Deployment,
  answers: Answers,
  variable: string,
): Promise<string | undefined> {
  const { problems } = await plan(deployment, answers);
  const found = problems.find(
    (problem) => problem.variable === variable || problem.variable.startsWith(`${variable}[`),
  );
  return found && found.remedy.charAt(0).toUpperCase() + found.remedy.slice(1);
}

/** Which app is set up: the one that is named, the only one, or the one with that id. */
export function appName({ vars }: Deployment, named: string | undefined, appId: string | undefined): string {
  if (named !== undefined) return named;
  const apps = isObject(vars.COMETCHAT_APPS) ? vars.COMETCHAT_APPS : {};
  const [first = "main", ...others] = Object.keys(apps);
  if (others.length === 0) return first;
  const found = Object.entries(apps).find(([, app]) => isObject(app) && app.appId === appId);
  if (found) return found[0];
  throw new Error(
    `There are several apps in COMETCHAT_APPS (${[first, ...others].join(", ")}): say which one with --app.`,
  );
}

/** Which entry of SESSION_ISSUERS is set up: the one of that issuer, or the only one. */
export function issuerIndex({ vars }: Deployment, issuer: unknown): number {
  const entries = Array.isArray(vars.SESSION_ISSUERS) ? vars.SESSION_ISSUERS : [];
  const found = entries.findIndex((entry) => isObject(entry) && entry.issuer === issuer);
  if (found >= 0) return found;
  if (entries.length <= 1) return 0;
  throw new Error(
    "There are several entries in SESSION_ISSUERS: name the issuer of one of them with --issuer, or edit wrangler.toml by hand.",
  );
}
