import { text as readAll } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { platform } from "../../platform.ts";
import { examine } from "./doctor.ts";
import { print } from "./print.ts";

const USAGE = `npm run doctor -- [--config PATH] [--env NAME] [--session JWT|-] [--json]

Checks the configuration, the keys of identity providers, and CometChat's answer to each app's key. Changes nothing.

  --config PATH   a wrangler.toml, .dev.vars beside it (default: wrangler.toml)
  --env NAME      one of its environments, [env.NAME]
  --session JWT   a session to check; - reads it from standard input, which keeps it out of the shell's history
  --json          the report as JSON

Exit status: 0 everything is right, 1 something is wrong, 2 wrong usage.
`;

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 2;
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { config, env, json } = options;
  const session = options.session === "-" ? await readAll(process.stdin) : options.session;
  // People copy the whole `Authorization` header.
  const bare = session?.trim().replace(/^Bearer\s+/i, "");
  if (bare === "") return misused("--session is empty: pass a session JWT.");
  const quiet = { ...platform, cache: () => undefined, log: () => {} };
  const report = await examine({ config, env, session: bare }, quiet);
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else print(report, process.stdout);
  return report.ok ? 0 : 1;
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        config: { type: "string", default: "wrangler.toml" },
        env: { type: "string" },
        session: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    // An argument without an option's name may be a session, so the message does not repeat it.
    const isPlain = (error as { code?: string }).code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL";
    misused(isPlain ? "Every argument begins with --." : ((error as Error).message.split("\n")[0] ?? ""));
    return undefined;
  }
}

function misused(why: string): 2 {
  process.stderr.write(`${why}\n\n${USAGE}`);
  return 2;
}

process.exitCode = await main();
