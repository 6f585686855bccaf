import { writeFileSync } from "node:fs";
import { confirm, intro, isCancel, outro } from "@clack/prompts";
import { callersPath } from "../caller.ts";
import type { Terminal } from "../terminal.ts";
import { type Deployment, open } from "./deployment.ts";
import { writeSecrets } from "./devvars.ts";
import { answersOf, type Flags, flagFor, Misuse, readFlags } from "./flags.ts";
import { type Plan, plan } from "./plan.ts";
import { ask, Cancelled } from "./prompts.ts";
import { providers } from "./providers.ts";
import { changes, remaining } from "./show.ts";

const USAGE = `npm run setup                              asks, shows what it would change, and writes it
npm run setup -- --yes --app-id ID …       the same for scripts; settings without a flag stay as they are

  --app-id ID, --region us|eu|in   the CometChat app (dashboard › API & Auth Keys)
  --api-key-stdin                  its REST API key is the first line of standard input
  --origin URL                     a web origin that may call the gateway; several are allowed
  --preset NAME                    ${providers
    .map(({ name }) => name)
    .join(", ")
    .replace(/(.{60}.*?, )/g, "$1\n                                   ")}
  --issuer URL                     the issuer, or what the provider's page names: a domain, project or pool
  --audience A                     the audience of the sessions (aud); several are allowed
  --authorized-party P             the client that they are issued to (azp); several are allowed
  --jwks-url URL, --public-key FILE, --secret-stdin
                                   the source of the keys, if it is not the provider's usual one; the secret that
                                   signs the sessions is the line of standard input after the API key
  --add, --replace ISSUER          the issuer is written beside those in the file, or replaces this one
  --uid-prefix P, --shared-users   with several issuers: the prefix of this one's uids; or, for all of them, that
                                   the same subject is the same user
  --config PATH, --env NAME        another wrangler.toml (default: wrangler.toml); one of its environments
  --app NAME                       which app of COMETCHAT_APPS, where there are several

Secrets go to .dev.vars (mode 600), and never to wrangler.toml or to the screen.
Exit status: 0 done, or nothing to do; 1 the files cannot be changed, or setup was cancelled; 2 wrong usage.
`;

/** `npm run setup` with these arguments. Resolves with the exit status. It asks its questions in the process's own terminal. */
export async function setup(args: readonly string[], terminal: Terminal): Promise<number> {
  const { stdin, stdout, stderr } = terminal;
  try {
    const flags = readFlags(args);
    if (flags.help) return write(stdout, USAGE, 0);
    const asks = !flags.yes;
    if (asks && !stdin.isTTY) throw new Misuse("There is no terminal to ask questions in: use --yes and the flags.");
    const config = flags.config === undefined ? "wrangler.toml" : callersPath(flags.config);
    const deployment = open({ config, env: flags.env });
    return asks ? await setUpByQuestions(flags, deployment) : await setUpByFlags(flags, deployment, terminal);
  } catch (error) {
    if (error instanceof Misuse) return write(stderr, `${error.message}\nAll flags: npm run setup -- --help\n`, 2);
    if (error instanceof Cancelled) return write(stderr, "Nothing was written.\n", 1);
    return write(stderr, `${messageOf(error)}\n`, 1);
  }
}

async function setUpByFlags(flags: Flags, deployment: Deployment, { stdin, stdout }: Terminal): Promise<number> {
  const planned = await plan(deployment, await answersOf(flags, deployment, stdin));
  if (planned.problems.length > 0) {
    const lines = planned.problems.map((problem) => {
      const flag = flagFor(problem);
      return `${flag ? `${flag}: ` : ""}${problem.variable} ${problem.remedy}`;
    });
    throw new Misuse(lines.join("\n"));
  }
  const lines = changes(deployment, planned, stdout);
  if (lines.length === 0) lines.push("Nothing to change.", "");
  stdout.write(`${lines.join("\n")}\n`);
  save(deployment, planned);
  stdout.write(`${endOf(deployment, planned)}\n`);
  return 0;
}

async function setUpByQuestions(flags: Flags, deployment: Deployment): Promise<number> {
  intro(
    `Setup of ${deployment.where.config}${deployment.where.env === undefined ? "" : `, environment ${deployment.where.env}`}`,
  );
  const planned = await plan(deployment, await ask(deployment, flags));
  const [problem] = planned.problems;
  if (problem) {
    outro(`${problem.variable} ${problem.remedy}`);
    return 1;
  }
  const lines = changes(deployment, planned, process.stdout);
  if (lines.length > 0) {
    process.stdout.write(`\n${lines.join("\n")}\n`);
    const agreed = await confirm({ message: "Write this?" });
    if (isCancel(agreed) || !agreed) throw new Cancelled();
    save(deployment, planned);
  }
  outro(lines.length > 0 ? "Written." : "Nothing to change.");
  process.stdout.write(`${endOf(deployment, planned)}\n`);
  return 0;
}

/**
 * Writes the secrets first. If the second write fails, an unused secret is better than a setting without its secret.
 */
function save({ where, original, secretsPath, secretsText }: Deployment, { toml, secrets }: Plan): void {
  if (secrets !== secretsText) writeSecrets(secretsPath, secrets);
  if (toml !== original) writeFileSync(where.config, toml);
}

function endOf(deployment: Deployment, planned: Plan): string {
  const missing = planned.unset.map(
    (name) => `${name} is not in ${deployment.secretsPath}: npm run dev and npm run doctor need it there.`,
  );
  const rest = remaining(deployment, planned).map((command) => `  ${command}`);
  return [...missing, "Run these commands next:", ...rest].join("\n");
}

function write(to: NodeJS.WritableStream, text: string, status: number): number {
  to.write(text);
  return status;
}

/** The first line of an error's message. The following lines may quote the file, which could contain a secret. */
function messageOf(error: unknown): string {
  const { message, line } = error as { message?: string; line?: number };
  return `${message?.split("\n")[0]}${line === undefined ? "" : ` (line ${line})`}`;
}
