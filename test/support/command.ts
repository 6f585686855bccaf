import { execFile } from "node:child_process";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { vi } from "vitest";
import type { Terminal } from "../../src/commands/terminal.ts";

/** How a command ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  /** Standard input. */
  readonly input?: string | undefined;
  /** Variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its working directory. Default: this process's own. */
  readonly cwd?: string;
}

/** Runs a command in this process. Its output is not a terminal, so it has no colours. */
export async function runHere(
  command: (args: readonly string[], terminal: Terminal) => Promise<number>,
  args: readonly string[],
  { input = "", env = {}, cwd = process.cwd() }: Surroundings = {},
): Promise<Ended> {
  const home = process.cwd();
  // FORCE_COLOR, which a developer may have set, would add colours to the output.
  for (const [name, value] of Object.entries({ FORCE_COLOR: undefined, ...env })) vi.stubEnv(name, value);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const written = Promise.all([text(stdout), text(stderr)]);
  try {
    process.chdir(cwd);
    const status = await command(args, { stdin: Readable.from([input]), stdout, stderr });
    stdout.end();
    stderr.end();
    const [out, err] = await written;
    return { status, stdout: out, stderr: err };
  } finally {
    process.chdir(home);
    vi.unstubAllEnvs();
  }
}

/** Runs a script in a process of its own, as npm does. Of this process's environment it gets only PATH. */
export function runScript(
  script: string,
  args: readonly string[],
  { input = "", env = {}, cwd = process.cwd() }: Surroundings = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [script, ...args],
      { cwd, env: { PATH: process.env.PATH, ...env } },
      (_, stdout, stderr) => resolve({ status: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}
