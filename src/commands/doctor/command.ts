import { text as readAll } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { platform } from "../../platform.ts";
import { callersPath } from "../caller.ts";
import type { Terminal } from "../terminal.ts";
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

/** `npm run doctor` with these arguments. Resolves with the exit status. */
export async function doctor(args: readonly string[], terminal: Terminal): Promise<number> {
  const misused = (why: string) => {
    terminal.stderr.write(`${why}\n\n${USAGE}`);
    return 2;
  };
  const options = readOptions(args);
  if (typeof options === "string") return misused(options);
  if (options.help) {
    terminal.stdout.write(USAGE);
    return 0;
  }
  const { env, json } = options;
  const config = options.config === undefined ? "wrangler.toml" : callersPath(options.config);
  const session = options.session === "-" ? await readAll(terminal.stdin) : options.session;
  // People copy the whole `Authorization` header.
  const bare = session?.trim().replace(/^Bearer\s+/i, "");
  if (bare === "") return misused("--session is empty: pass a session JWT.");
  const quiet = { ...platform, cache: () => undefined, log: () => {} };
  const report = await examine({ config, env, session: bare }, quiet);
  if (json) terminal.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else print(report, terminal.stdout);
  return report.ok ? 0 : 1;
}

/** The options, or what is wrong with them. */
function readOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        config: { type: "string" },
        env: { type: "string" },
        session: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    // An argument without an option's name may be a session, so the message does not repeat it.
    const isPlain = (error as { code?: string }).code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL";
    return isPlain ? "Every argument begins with --." : ((error as Error).message.split("\n")[0] ?? "");
  }
}
