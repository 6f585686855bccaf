import { setTimeout } from "node:timers/promises";
import type { Deps } from "../../context.ts";
import type { Terminal } from "../terminal.ts";
import { InputError } from "./entry.ts";
import { type ImportFlags, importFlags, USAGE_TEXT } from "./flags.ts";
import { Stopped } from "./pace.ts";
import { createProgress, silent } from "./progress.ts";
import { migrate } from "./run.ts";
import { readSettings, UsageError } from "./settings.ts";
import { asJson, asText, exitCode, INTERRUPTED, quoted, UNAVAILABLE, USAGE } from "./summary.ts";

/**
 * `npm run migrate` with these arguments: imports existing users into CometChat, with the uids that the gateway derives
 * of their sessions. When `stop` aborts, it ends after the batches that are under way. Resolves with the exit status.
 */
export async function migrateUsers(args: readonly string[], terminal: Terminal, stop?: AbortSignal): Promise<number> {
  try {
    const flags = importFlags(args, process.env);
    if (!flags) {
      terminal.stdout.write(USAGE_TEXT);
      return 0;
    }
    return await run(flags, args, terminal, stop);
  } catch (error) {
    if (error instanceof InputError || error instanceof UsageError) return tell(error.message, USAGE);
    if (error instanceof Stopped)
      return tell("Stopped before standard input had ended. Nothing was sent.", INTERRUPTED);
    // For instance, the disk is full: the journal has the batches that were answered.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    const { message } = error as Error;
    return tell(`A file cannot be used (${message}). The same command continues the run.`, UNAVAILABLE);
  }

  function tell(sentence: string, status: number): number {
    if (args.includes("--json")) terminal.stdout.write(`${JSON.stringify({ ok: false, error: sentence })}\n`);
    else terminal.stderr.write(`${sentence}\n`);
    return status;
  }
}

async function run(
  flags: ImportFlags,
  args: readonly string[],
  { stdin, stdout, stderr }: Terminal,
  stop: AbortSignal = new AbortController().signal,
): Promise<number> {
  const deps: Deps = {
    fetch: (input, init) => fetch(input, init),
    now: () => Date.now(),
    // Ctrl-C ends the timer, too: the process cannot exit while one is running.
    sleep: (ms) => setTimeout(ms, undefined, { signal: stop }).catch(() => {}),
    random: () => Math.random(),
    log: () => {},
    cache: () => undefined,
  };
  const settings = await readSettings(flags, { ...flags, secrets: !flags.dryRun });
  const progress = flags.json ? silent : createProgress(stderr, deps.now);
  const summary = await migrate(settings, flags, { deps, stdin, progress, stop });
  stdout.write(flags.json ? `${asJson(summary)}\n` : asText(summary, commandOf(args), placeOf(flags)));
  return exitCode(summary);
}

/** The command as it was called. */
const commandOf = (args: readonly string[]): string => `npm run migrate -- ${args.map(quoted).join(" ")}`;

/** Wrangler's flags for the same configuration, or the mappings would go into the namespace of another deployment. */
function placeOf({ config, env }: ImportFlags): string {
  const file = config === "wrangler.toml" ? "" : ` --config ${quoted(config)}`;
  return env === undefined ? file : `${file} --env ${quoted(env)}`;
}
