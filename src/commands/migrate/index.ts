import { setTimeout } from "node:timers/promises";
import type { Deps } from "../../context.ts";
import { InputError } from "./entry.ts";
import { type ImportFlags, importFlags, USAGE_TEXT } from "./flags.ts";
import { createProgress, silent } from "./progress.ts";
import { migrate } from "./run.ts";
import { readSettings, UsageError } from "./settings.ts";
import { asJson, exitCode, inWords, USAGE } from "./summary.ts";

/** `npm run migrate`: imports existing users into CometChat, with the uids that the gateway derives for them later. */

const stop = new AbortController();

const deps: Deps = {
  fetch: (input, init) => fetch(input, init),
  now: () => Date.now(),
  // Ctrl-C ends it: a timer that is left would keep the process.
  sleep: (ms) => setTimeout(ms, undefined, { signal: stop.signal }).catch(() => {}),
  random: () => Math.random(),
  log: () => {},
  cache: () => undefined,
};

/** A terminal sends Ctrl-C to this process, and npm sends it on once more. */
const SAME_KEY_MS = 1_000;

let pressed = 0;
process.on("SIGINT", () => {
  const again = pressed > 0 && Date.now() - pressed > SAME_KEY_MS;
  pressed ||= Date.now();
  if (again) process.exit(130);
  if (!stop.signal.aborted)
    process.stderr.write("\nStopping after the batches that are under way. Once more ends at once.\n");
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
  process.stdout.write(flags.json ? `${asJson(summary)}\n` : inWords(summary, command()));
  return exitCode(summary);
}

/** The command that was given, to be given again. */
function command(): string {
  const quoted = process.argv
    .slice(2)
    .map((arg) => (/^[\w./:=,@-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`));
  return `npm run migrate -- ${quoted.join(" ")}`;
}
