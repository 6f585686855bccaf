import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { unstable_getVarsForDev as readVars, unstable_readConfig as readWrangler } from "wrangler";
import { secretsOf } from "../config/parse.ts";
import type { RawEnv } from "../config/report.ts";
import { err, ok, type Result } from "../result.ts";
import { substitutesFor } from "./bindings.ts";

/** Where a deployment is described: a wrangler.toml, and one of its environments (`[env.NAME]`). */
export interface Where {
  readonly config: string;
  readonly env?: string | undefined;
}

/**
 * The configuration in JSON, which wrangler reads as well: the file itself, or one beside a wrangler.toml that does not
 * exist. Undefined if there is none.
 */
export function jsonInstead(config: string): string | undefined {
  if (/\.jsonc?$/.test(config)) return config;
  if (existsSync(config) || basename(config) !== "wrangler.toml") return undefined;
  return ["wrangler.json", "wrangler.jsonc"]
    .map((name) => join(dirname(config), name))
    .find((path) => existsSync(path));
}

/**
 * Reads the environment that the Worker would be given, in the form that `parseConfig` takes: the variables of
 * wrangler.toml (or of `[env.NAME]`, which inherits none), overridden by `.dev.vars` or `.dev.vars.NAME` beside it, and
 * substitutes for the bindings that it declares. Wrangler itself reads the files. A secret that is in neither file is
 * taken from this process's environment variables, where a build server has it.
 *
 * Fails with wrangler's message: the file does not exist, is no TOML, or has no such environment.
 */
export function readEnvironment({ config, env }: Where): Result<RawEnv, string> {
  const other = jsonInstead(config);
  if (other !== undefined && other !== config)
    return err(`There is no ${config}, but there is ${other}: read it with --config ${other}`);
  try {
    const read = readWrangler({ config, env }, { hideWarnings: true });
    // If the file has no environments at all, wrangler ignores the name and reads the top level. A mistyped name would
    // then change the users of another deployment.
    if (env !== undefined && !read.definedEnvironments?.includes(env)) return err(`${config} has no [env.${env}].`);
    const vars = readVars(config, undefined, read.vars, env, true, read.secrets);
    // Wrangler's tables have no prototype. The Worker gets the variables as JSON, so they are converted likewise.
    const given = JSON.parse(JSON.stringify(Object.entries(vars).map(([name, { value }]) => [name, value])));
    const worker: Record<string, unknown> = { ...Object.fromEntries(given), ...substitutesFor(read) };
    for (const name of secretsOf(worker)) worker[name] ||= process.env[name];
    return ok(worker);
  } catch (error) {
    // Wrangler's messages name the file and the line. They contain no value of a variable, so they may be shown.
    const { message, location } = error as { message?: string; location?: { line?: number } };
    return err(
      `${message?.trim() ?? "cannot be read"}${location?.line === undefined ? "" : ` (line ${location.line})`}`,
    );
  }
}
