import { writeFileSync } from "node:fs";
import { confirm, intro, isCancel, outro } from "@clack/prompts";
import { type Deployment, open } from "./deployment.ts";
import { writeSecrets } from "./devvars.ts";
import { answersOf, type Flags, flagFor, Misuse, readFlags } from "./flags.ts";
import { type Plan, plan } from "./plan.ts";
import { ask, Cancelled } from "./prompts.ts";
import { providers } from "./providers.ts";
import { changes, remaining } from "./show.ts";

const USAGE = `npm run setup                              asks, shows what it would change, and writes it
npm run setup -- --yes --app-id ID …       the same for scripts; what is left out stays as it is

  --app-id ID, --region us|eu|in   the CometChat app (dashboard › API & Auth Keys)
  --api-key-stdin                  its REST API key is the first line of standard input
  --origin URL                     a web origin that may call; once for each
  --preset NAME                    ${providers
    .map(({ name }) => name)
    .join(", ")
    .replace(/(.{60}.*?, )/g, "$1\n                                   ")}
  --issuer URL                     the issuer, or what the provider's page names: a domain, project or pool
  --audience A                     whom the sessions are for; once for each
  --authorized-party P             the client that they are issued to (azp); once for each
  --jwks-url URL, --public-key FILE, --secret-stdin
                                   where the keys come from, where it is not the usual place; the secret that sessions
                                   are signed with is the line of standard input after the API key
  --config PATH, --env NAME        another wrangler.toml (default: wrangler.toml); one of its environments
  --app NAME                       which app of COMETCHAT_APPS, where there are several

Secrets go to .dev.vars (mode 600), and never to wrangler.toml or to the screen.
Exit status: 0 done, or nothing to do; 1 the files cannot be changed, or nothing was answered; 2 wrong usage.
`;

async function main(): Promise<number> {
  try {
    const flags = readFlags();
    if (flags.help) return write(process.stdout, USAGE, 0);
    const isTalk = !flags.yes;
    if (isTalk && !process.stdin.isTTY) throw new Misuse("There is no terminal to ask at: use --yes and the flags.");
    const deployment = open({ config: flags.config, env: flags.env });
    return isTalk ? await talk(flags, deployment) : await follow(flags, deployment);
  } catch (error) {
    if (error instanceof Misuse)
      return write(process.stderr, `${error.message}\nAll flags: npm run setup -- --help\n`, 2);
    if (error instanceof Cancelled) return write(process.stderr, "Nothing was written.\n", 1);
    return write(process.stderr, `${plainly(error)}\n`, 1);
  }
}

/** By flags. */
async function follow(flags: Flags, deployment: Deployment): Promise<number> {
  const planned = await plan(deployment, await answersOf(flags, deployment));
  if (planned.problems.length > 0) {
    const lines = planned.problems.map((problem) => {
      const flag = flagFor(problem);
      return `${flag ? `${flag}: ` : ""}${problem.variable} ${problem.remedy}`;
    });
    throw new Misuse(lines.join("\n"));
  }
  const lines = changes(deployment, planned, process.stdout);
  if (lines.length === 0) lines.push("Nothing to change.", "");
  process.stdout.write(`${lines.join("\n")}\n`);
  save(deployment, planned);
  process.stdout.write(`${endOf(deployment, planned)}\n`);
  return 0;
}

/** By questions. */
async function talk(flags: Flags, deployment: Deployment): Promise<number> {
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

/** Secrets first: a wrangler.toml that names one which is nowhere would be worse than the reverse. */
function save({ where, written, secretsPath, secretsText }: Deployment, { toml, secrets }: Plan): void {
  if (secrets !== secretsText) writeSecrets(secretsPath, secrets);
  if (toml !== written) writeFileSync(where.config, toml);
}

function endOf(deployment: Deployment, planned: Plan): string {
  const missing = planned.unset.map(
    (name) => `${name} is not in ${deployment.secretsPath}: npm run dev and npm run doctor need it there.`,
  );
  const rest = remaining(deployment, planned).map((command) => `  ${command}`);
  return [...missing, "What remains:", ...rest].join("\n");
}

function write(to: NodeJS.WriteStream, text: string, status: number): number {
  to.write(text);
  return status;
}

/** A parser's message may show the line that it stumbled over, which could be anything: its first line is enough. */
function plainly(error: unknown): string {
  const { message, line } = error as { message?: string; line?: number };
  return `${message?.split("\n")[0]}${line === undefined ? "" : ` (line ${line})`}`;
}

process.exitCode = await main();
