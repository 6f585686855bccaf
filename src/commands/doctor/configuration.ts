import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { BINDINGS } from "../../config/env.ts";
import { parseConfig, secretsOf } from "../../config/parse.ts";
import type { Problem, RawEnv } from "../../config/report.ts";
import type { Config } from "../../config/types.ts";
import { isObject } from "../../shape.ts";
import type { Where } from "../environment.ts";
import { EXAMPLE_APP, EXAMPLE_ORIGIN, entriesIn, examplesIn, isExampleIssuer } from "../examples.ts";
import { substituteFor } from "../secrets.ts";
import { checkEnvironments, checkInheritance } from "./inheritance.ts";
import { advised, type Check, failed, passed } from "./report.ts";

interface Checked {
  readonly checks: readonly Check[];
  /** Undefined if more is wrong with the configuration than a secret or a binding. */
  readonly config: Config | undefined;
}

/**
 * Checks the configuration with the gateway's own schema, and what only wrangler.toml itself can have wrong.
 * `raw`: the file's content as it is written.
 */
export async function checkConfiguration(
  env: RawEnv,
  raw: Readonly<Record<string, unknown>>,
  where: Where,
): Promise<Checked> {
  const parsed = await parseConfig(env);
  const problems = parsed.ok ? [] : parsed.error;
  const { checks: inheritance, missing } =
    where.env === undefined ? { checks: checkEnvironments(raw), missing: new Set() } : checkInheritance(raw, where.env);
  const entries = entriesIn(env);
  // An operator's own entry may stand beside the example. It is to replace that one, and needs no prefix.
  const isBeside = entries.length > 1 && entries.some(isExampleIssuer);
  const reported = problems.filter(
    ({ variable }) => !missing.has(rootOf(variable)) && !(isBeside && variable.endsWith(".uid.prefix")),
  );
  const checks = [
    ...issuerExamples(entries),
    ...reported.map((problem) => checkOf(problem, where.env)),
    ...inheritance,
    ...secretsInFile(env, raw, where),
    ...filePermissions(where),
  ];
  const right = parsed.ok ? summary(parsed.value) : undefined;
  const config = parsed.ok ? parsed.value : await withSubstitutes(env, problems);
  if (config) checks.push(...config.warnings.map(adviceOf), ...examples(config));
  return { checks: right ? [right, ...bindings(env), ...checks] : checks, config };
}

const rootOf = (variable: string) => /^\w+/.exec(variable)?.[0] ?? variable;

/** Makes a check of a problem. Its remedy is "must be …", or "what is wrong: what to write". */
function checkOf({ variable, remedy }: Problem, env: string | undefined): Check {
  const name = Object.hasOwn(BINDINGS, variable) ? `binding ${variable}` : variable;
  if (/^(must|may)\b/.test(remedy)) return failed(name, `${variable} is not right`, `It ${remedy}.`);
  const colon = remedy.indexOf(": ");
  if (colon < 0) return failed(name, `${variable} ${remedy}`, "See docs/configuration.md.");
  const how = remedy.slice(colon + 2);
  const here =
    env === undefined
      ? how
      : how.replaceAll(/secret put \w+/g, `$& --env ${env}`).replaceAll(".dev.vars", `.dev.vars.${env}`);
  return failed(name, `${variable} ${remedy.slice(0, colon)}`, here);
}

function summary({ apps, issuers, origins }: Config): Check {
  const names = (of: Iterable<string>) => [...of].join(", ");
  return passed(
    "configuration",
    `apps ${names(apps.keys())}; issuers ${names(issuers.map(({ issuer }) => issuer))}; origins ${names(origins) || "none: no browser may call"}`,
  );
}

/** A warning: the configuration works, but the gateway leaves a check out. */
function adviceOf({ variable, remedy }: Problem): Check {
  const { detail, remedy: how } = checkOf({ variable, remedy }, undefined);
  return advised(variable, detail, how ?? "See docs/providers.md.");
}

/**
 * Reports settings of issuers that are still the examples of wrangler.toml or of docs/providers. Without it the doctor
 * would call a configuration right that no session can fit.
 */
function issuerExamples(entries: readonly unknown[]): Check[] {
  return entries.flatMap((entry, index) => {
    const name = `SESSION_ISSUERS[${index}]`;
    if (entries.length > 1 && isExampleIssuer(entry)) {
      const detail = `${name} is still the example of wrangler.toml, beside an issuer of your own`;
      return [failed(name, detail, "Delete the example: [[vars.SESSION_ISSUERS]] and the lines below it.")];
    }
    return examplesIn(isObject(entry) ? entry : {}).map(([key, text]) =>
      failed(
        `${name}.${key}`,
        `${name}.${key} is still an example: ${JSON.stringify(text)}`,
        "Write your own value: npm run setup asks for it, and docs/providers.md says where to find it.",
      ),
    );
  });
}

/** Reports values that are still wrangler.toml's examples. */
function examples({ apps, origins }: Config): Check[] {
  const unnamed = [...apps.values()].filter(({ appId }) => appId === EXAMPLE_APP);
  const checks = unnamed.map(({ name }) =>
    failed(
      `app ${name}`,
      `COMETCHAT_APPS.${name}.appId is still the example of wrangler.toml`,
      "Name your own app: npm run setup",
    ),
  );
  if (!origins.includes(EXAMPLE_ORIGIN)) return checks;
  return [
    ...checks,
    advised(
      "ALLOWED_ORIGINS",
      `${EXAMPLE_ORIGIN} is still the example of wrangler.toml`,
      "Name the web origins of your own app.",
    ),
  ];
}

function bindings(env: RawEnv): Check[] {
  const names = Object.keys(BINDINGS).join(", ");
  if (env.METRICS !== undefined) return [passed("bindings", `${names}, METRICS`)];
  return [
    advised(
      "bindings",
      `${names}; METRICS is missing, so the gateway writes no metrics`,
      'If you want metrics, add [[analytics_engine_datasets]] with binding = "METRICS".',
    ),
  ];
}

/** Reports secrets in wrangler.toml: they would be in the repository, and in plain text in the dashboard. */
function secretsInFile(env: RawEnv, raw: Readonly<Record<string, unknown>>, where: Where): Check[] {
  const level = where.env === undefined ? raw : isObject(raw.env) ? raw.env[where.env] : undefined;
  const vars = isObject(level) && isObject(level.vars) ? level.vars : {};
  const names = [...secretsOf(env)].filter((name) => typeof vars[name] === "string" && vars[name] !== "");
  return names.map((name) =>
    failed(
      name,
      `${name} is a secret, and secrets must not be in wrangler.toml`,
      `Delete it there, create a new secret, and store the new one: npx wrangler secret put ${name}${where.env === undefined ? "" : ` --env ${where.env}`} (locally: .dev.vars)`,
    ),
  );
}

/** Reports a `.dev.vars` that other users of the machine can read. */
function filePermissions({ config, env }: Where): Check[] {
  if (process.platform === "win32") return [];
  const beside = (name: string) => join(dirname(config), name);
  const path = [...(env === undefined ? [] : [`.dev.vars.${env}`]), ".dev.vars"]
    .map(beside)
    .find((one) => statSync(one, { throwIfNoEntry: false }));
  if (path === undefined || (statSync(path).mode & 0o077) === 0) return [];
  return [
    advised(".dev.vars", `${path} contains secrets, and other users of this machine can read it`, `chmod 600 ${path}`),
  ];
}

/**
 * The configuration with substitutes for missing or wrong secrets and bindings; undefined if something else is wrong.
 */
async function withSubstitutes(env: RawEnv, problems: readonly Problem[]): Promise<Config | undefined> {
  const secrets = secretsOf(env);
  const substitutes: Record<string, unknown> = {};
  for (const { variable } of problems) {
    const binding = BINDINGS[variable];
    if (binding) substitutes[variable] = { [binding[0]]: async () => null };
    else if (secrets.has(variable)) substitutes[variable] = substituteFor(variable);
    else return undefined;
  }
  const parsed = await parseConfig({ ...env, ...substitutes });
  return parsed.ok ? parsed.value : undefined;
}
