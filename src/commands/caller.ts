import { resolve } from "node:path";

/** The package's own scripts that take paths. */
const SCRIPTS = ["setup", "doctor", "migrate", "export-uids"];

/**
 * A path as the user means it. npm runs a script in the package's folder, wherever it was called: paths are relative to
 * that place. Outside of npm the path stays as it is.
 */
export function callersPath(path: string, env: NodeJS.ProcessEnv = process.env): string {
  const { npm_lifecycle_event: script = "", INIT_CWD: folder } = env;
  const elsewhere = SCRIPTS.includes(script) && folder !== undefined && folder !== process.cwd();
  return elsewhere ? resolve(folder, path) : path;
}
