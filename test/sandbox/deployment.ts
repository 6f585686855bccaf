import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parse } from "smol-toml";

const ROOT = resolve(import.meta.dirname, "../..");
const WORKSPACE = join(ROOT, ".wrangler/sandbox");

/** The id of the sandbox's CometChat app. It has the form of a real id, and belongs to nobody. */
export const APP = { appId: "2753000000000000", region: "us" } as const;

export type Vars = Record<string, unknown>;

export interface Secrets {
  COMETCHAT_API_KEY: string;
  BACKEND_SECRET: string;
  TOKEN_ENCRYPTION_KEY: string;
}

/** Generates the secrets for one run. They are used in no other one. */
export function makeSecrets(): Secrets {
  return {
    // CometChat's keys are 40 hex digits.
    COMETCHAT_API_KEY: randomBytes(20).toString("hex"),
    BACKEND_SECRET: randomBytes(32).toString("base64url"),
    TOKEN_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
  };
}

/** The settings that the sandbox uses instead of the operator's own. */
export function sandboxVars(sandbox: URL, issuer: string): Vars {
  const { port } = sandbox;
  return {
    ALLOWED_ORIGINS: [`http://localhost:${port}`, `http://127.0.0.1:${port}`],
    COMETCHAT_APPS: { main: { ...APP, baseUrl: `http://127.0.0.1:${port}/v3` } },
    SESSION_ISSUERS: [
      {
        issuer,
        audience: ["chat"],
        sessionIdClaim: "sid",
        profile: { name: "name", avatar: "picture" },
      },
    ],
  };
}

export interface Deployment {
  /** The generated configuration. The generated `.dev.vars` is beside it, so an operator's own is not read. */
  configPath: string;
  /** The folder for KV and Durable Objects. Each run has a new one, since the simulator starts empty too. */
  statePath: string;
  /** The folder for the files that wrangler would otherwise write into the home directory. */
  homePath: string;
  remove(): Promise<void>;
}

/**
 * Writes a deployment into a new folder under `.wrangler/sandbox/`. It has the bindings of wrangler.toml, these
 * variables and these secrets. `configure` may change anything in it, such as the rate limits.
 */
export async function writeDeployment(
  vars: Vars,
  secrets: Secrets,
  configure: (config: Record<string, unknown>) => void = () => {},
): Promise<Deployment> {
  const config: Record<string, unknown> = parse(await readFile(join(ROOT, "wrangler.toml"), "utf8"));
  config.main = join(ROOT, String(config.main));
  config.vars = vars;
  // Wrangler passes on only the variables that are listed here.
  config.secrets = { required: Object.keys(secrets) };
  configure(config);

  await mkdir(WORKSPACE, { recursive: true });
  await removeAbandoned();
  const directory = await mkdtemp(join(WORKSPACE, `${process.pid}-`));
  const configPath = join(directory, "wrangler.json");
  await writeFile(configPath, JSON.stringify(config, null, 2));
  const lines = Object.entries(secrets).map(([name, value]) => `${name}="${value}"`);
  await writeFile(join(directory, ".dev.vars"), `${lines.join("\n")}\n`, { mode: 0o600 });
  return {
    configPath,
    statePath: join(directory, "state"),
    homePath: join(directory, "home"),
    remove: () => rm(directory, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** Deletes the folders of runs that were killed, whose processes no longer exist. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(WORKSPACE)) {
    const pid = Number.parseInt(name, 10);
    if (pid !== process.pid && !alive(pid)) await rm(join(WORKSPACE, name), { recursive: true, force: true });
  }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A process of another user exists as well, although it may not be signalled.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
