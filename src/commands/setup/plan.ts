import { BINDINGS } from "../../config/env.ts";
import { parseConfig, secretsOf } from "../../config/parse.ts";
import type { Problem, RawEnv } from "../../config/report.ts";
import { isObject } from "../../shape.ts";
import type { Deployment } from "./deployment.ts";
import { withSecret } from "./devvars.ts";
import { ENTRY_KEYS } from "./entry.ts";
import type { Indexed } from "./issuers.ts";
import { at, edit, type Path, read, type Table } from "./toml.ts";

/** What to set. What is left out stays as it is. */
export interface Answers {
  /** The app's name in COMETCHAT_APPS. */
  readonly app: string;
  readonly appId?: string | undefined;
  readonly region?: string | undefined;
  readonly origins?: readonly string[] | undefined;
  /** Entries of SESSION_ISSUERS, with all keys that setup sets. */
  readonly issuers?: readonly Indexed[] | undefined;
  /** Settings of `uid`, by the index of the entry in SESSION_ISSUERS. */
  readonly uids?: Readonly<Record<number, Table>> | undefined;
  /** Values by the names of the secrets. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** The new text of both files, and what the gateway's own schema says of them. */
export interface Plan {
  readonly toml: string;
  readonly secrets: string;
  /** Problems that must be solved before the files are written. */
  readonly problems: readonly Problem[];
  /** Names of secrets that the new configuration needs and that are not in `.dev.vars`. */
  readonly unset: readonly string[];
  /** Names of secrets that the new configuration uses and that are set. */
  readonly set: readonly string[];
}

/** Settings that suit one provider and would be wrong with another, so they are removed when the provider changes. */
const PROVIDER_KEYS = ["audienceRequired", "algorithms"] as const;

/** Makes the new text of both files, without writing them, and checks it. */
export async function plan(deployment: Deployment, answers: Answers): Promise<Plan> {
  const { level, text, secretsText } = deployment;
  const { app, appId, region, origins, issuers = [], uids = {} } = answers;
  const vars = [...level, "vars"];
  let toml = text;
  if (origins) toml = edit(toml, vars, { ALLOWED_ORIGINS: [...origins] });
  toml = edit(toml, [...vars, "COMETCHAT_APPS", app], { ...(appId && { appId }), ...(region && { region }) });
  const withUid = (path: Path, uid: Table | undefined) => {
    const before = at(read(toml), [...path, "uid"]);
    return uid && { uid: { ...(isObject(before) && before), ...uid } };
  };
  for (const { index, entry } of issuers) {
    const path = [...vars, "SESSION_ISSUERS", index];
    const before = at(read(toml), path);
    const keys = Object.fromEntries(ENTRY_KEYS.map((key) => [key, entry[key]]));
    const isOther = isObject(before) && (before.issuer !== entry.issuer || before.preset !== entry.preset);
    toml = edit(toml, path, {
      ...keys,
      ...(isOther && Object.fromEntries(PROVIDER_KEYS.map((key) => [key, undefined]))),
      ...withUid(path, uids[index]),
    });
  }
  for (const [index, uid] of Object.entries(uids)) {
    const path = [...vars, "SESSION_ISSUERS", Number(index)];
    toml = edit(toml, path, { ...withUid(path, uid) });
  }
  let secrets = secretsText;
  for (const [name, value] of Object.entries(answers.secrets)) {
    if (deployment.secrets[name] !== value) secrets = withSecret(secrets, name, value);
  }
  const outcome = at(read(toml), vars);
  const env = { ...(isObject(outcome) ? outcome : {}), ...known(deployment, answers) };
  return { toml, secrets, ...(await checked(env)) };
}

/** The secrets in `.dev.vars`, overridden by those in the answers. */
const known = ({ secrets }: Deployment, answers: Pick<Answers, "secrets">) => ({ ...secrets, ...answers.secrets });

/**
 * Checks a configuration with the gateway's own schema. A secret that is not set here may be set at Cloudflare already,
 * so it is listed in `unset` and is no problem. Bindings are not checked: `npm run doctor` does that.
 */
async function checked(env: RawEnv): Promise<Pick<Plan, "problems" | "unset" | "set">> {
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

/** The first problem of an answer: one of the variable itself or of a part of it. Undefined if there is none. */
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

/** The name of the app to set up: the given name, the only app, or the app with that id. Throws if it is not clear. */
export function appName({ vars }: Deployment, named: string | undefined, appId: string | undefined): string {
  if (named !== undefined) return named;
  const apps = isObject(vars.COMETCHAT_APPS) ? vars.COMETCHAT_APPS : {};
  const [first = "main", ...others] = Object.keys(apps);
  if (others.length === 0) return first;
  const found = Object.entries(apps).find(([, app]) => isObject(app) && app.appId === appId);
  if (found) return found[0];
  throw new Error(`There are several apps in COMETCHAT_APPS (${[first, ...others].join(", ")}): name one with --app.`);
}
