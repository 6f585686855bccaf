import { setTimeout } from "node:timers/promises";
import type { Deps } from "../../context.ts";
import { InputError } from "./entry.ts";
import { type ImportFlags, importFlags, USAGE_TEXT } from "./flags.ts";
import { createProgress, silent } from "./progress.ts";
import { migrate } from "./run.ts";
import { readSettings, UsageError } from "./settings.ts";
import { asJson, asText, exitCode, USAGE } from "./summary.ts";

/**
 * `npm run migrate`: imports existing users into CometChat, with the uids that the gateway derives of their sessions.
 */

const stop = new AbortController();

const deps: Deps = {
  fetch: (input, init) => fetch(input, init),
  now: () => Date.now(),
  // Ctrl-C ends the timer, too: the process cannot exit while one is running.
  sleep: (ms) => setTimeout(ms, undefined, { signal: stop.signal }).catch(() => {}),
  random: () => Math.random(),
  log: () => {},
  cache: () => undefined,
};

/** One Ctrl-C arrives twice, from the terminal and from npm. Signals within this time count as one. */
const SAME_KEY_MS = 1_000;

let pressed = 0;
process.on("SIGINT", () => {
  const isSecond = pressed > 0 && Date.now() - pressed > SAME_KEY_MS;
  pressed ||= Date.now();
  if (isSecond) process.exit(130);
  if (!stop.signal.aborted)
    process.stderr.write("\nStopping after the batches that are being sent. Press Ctrl-C again to stop at once.\n");
  stop.abort();
});

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  try {
    const flags = importFlags(args, process.env);
    if (!flags) {
      process.stdout.write(USAGE_TEXT);
      return 0;
    }
    return await run(flags);
  } catch (error) {
    if (!(error instanceof InputError || error instanceof UsageError)) throw error;
    if (json) process.stdout.write(`${JSON.stringify({ ok: false, error: error.message })}\n`);
    else process.stderr.write(`${error.message}\n`);
    return USAGE;
  }
}

async function run(flags: ImportFlags): Promise<number> {
  const settings = await readSettings(flags, flags.issuer, flags.app);
  const progress = flags.json ? silent : createProgress(process.stderr, deps.now);
  const summary = await migrate(settings, flags, { deps, stdin: process.stdin, progress, stop: stop.signal });
  process.stdout.write(flags.json ? `${asJson(summary)}\n` : asText(summary, command()));
  return exitCode(summary);
}

/** The command as it was called, quoted for a shell. */
function command(): string {
  const quoted = process.argv
    .slice(2)
    .map((arg) => (/^[\w./:=,@-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`));
  return `npm run migrate -- ${quoted.join(" ")}`;
}
