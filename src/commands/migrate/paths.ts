import { accessSync, constants, mkdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "./settings.ts";

/** The files that a run leaves. */
export interface Paths {
  readonly failed: string;
  /** What is wrong with the input of a run that has not read all of it. */
  readonly found: string;
  readonly report: string;
  readonly journal: string;
  /** Exists while a run is under way, so that a second run of the same input does not begin. */
  readonly lock: string;
}

export interface Named {
  /** The input's path, or `-`. */
  readonly file: string;
  /** Folder of the files that a run leaves; undefined: the input's own, or the current one for standard input. */
  readonly out: string | undefined;
  /** Where the mappings are written to. */
  readonly kv: string | undefined;
}

/**
 * Names them, and makes the folder of `--out`. Throws `UsageError` where one cannot be written, or would be written over
 * another or over the input: that is known before hours of work.
 */
export function pathsOf({ file, out, kv }: Named): Paths {
  const folder = out ?? (file === "-" ? "." : dirname(file));
  if (out !== undefined) makeFolder(out);
  const base = join(folder, file === "-" ? "stdin" : basename(file));
  const failed = `${base}.failed.ndjson`;
  const paths = {
    ...{ failed, found: `${failed}.new`, report: `${base}.report.ndjson` },
    ...{ journal: `${base}.journal`, lock: `${base}.lock` },
  };
  const own = Object.values(paths);
  for (const path of own) checkWritable(path);
  if (kv === undefined) return paths;
  if (file !== "-" && isSame(kv, file)) throw new UsageError("--kv names FILE itself: the users would be lost.");
  if (own.some((path) => isSame(kv, path))) throw new UsageError(`--kv names ${kv}, which the run itself writes.`);
  checkWritable(kv);
  return paths;
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new UsageError(`The folder ${path} cannot be made (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function checkWritable(path: string): void {
  const refuse = (why: string): never => {
    throw new UsageError(`${path} cannot be written: ${why}.`);
  };
  const there = statSync(path, { throwIfNoEntry: false });
  const folder = statSync(dirname(path), { throwIfNoEntry: false });
  if (!folder?.isDirectory()) refuse(`there is no folder ${dirname(path)}`);
  if (there?.isDirectory()) refuse("it is a folder");
  try {
    accessSync(there ? path : dirname(path), constants.W_OK);
  } catch {
    refuse("you may not");
  }
}

/** Whether two paths lead to one file: links do. */
const isSame = (one: string, other: string): boolean => identityOf(one) === identityOf(other);

function identityOf(path: string): string {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there) return `${there.dev} ${there.ino}`;
  const folder = dirname(resolve(path));
  return join(statSync(folder, { throwIfNoEntry: false }) ? realpathSync(folder) : folder, basename(path));
}
