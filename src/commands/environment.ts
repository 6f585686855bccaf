import { unstable_getVarsForDev as readVars, unstable_readConfig as readWrangler } from "wrangler";
import { secretsOf } from "../config/parse.ts";
import type { RawEnv } from "../config/report.ts";
import { err, ok, type Result } from "../result.ts";
import { standIns } from "./bindings.ts";

/** Where a deployment is described: a wrangler.toml, and one of its environments (`[env.NAME]`). */
export interface Where {
  readonly config: string;
  readonly env?: string | undefined;
}

/**
 * The environment that the Worker would be given, for `parseConfig` to judge: the variables of wrangler.toml (or of
 * `[env.NAME]`, which inherits none), `.dev.vars` or `.dev.vars.NAME` beside it on top, and stand-ins for the bindings
 * that it declares. Wrangler itself reads the files. A secret that is in neither may come from this process's own
 * environment, as a build server has it.
 *
 * Fails with what wrangler says of the file: that it is not there, no TOML, or has no such environment.
 */
export function readEnvironment({ config, env }: Where): Result<RawEnv, string> {
  try {
    const read = readWrangler({ config, env }, { hideWarnings: true });
    // Wrangler refuses an environment that is not there only where the file has others; a typing error would otherwise
    // mean the top level, and another deployment's users.
    if (env !== undefined && !read.definedEnvironments?.includes(env)) return err(`${config} has no [env.${env}].`);
    const vars = readVars(config, undefined, read.vars, env, true, read.secrets);
    // As the Worker gets them, through JSON: wrangler's own tables have no prototype.
    const given = JSON.parse(JSON.stringify(Object.entries(vars).map(([name, { value }]) => [name, value])));
    const worker: Record<string, unknown> = { ...Object.fromEntries(given), ...standIns(read) };
    for (const name of secretsOf(worker)) worker[name] ||= process.env[name];
    return ok(worker);
  } catch (error) {
    // Wrangler's sentences name the file and the line, and no value of a variable.
    const { message, location } = error as { message?: string; location?: { line?: number } };
    return err(
      `${message?.trim() ?? "cannot be read"}${location?.line === undefined ? "" : ` (line ${location.line})`}`,
    );
  }
}
