import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Names } from "../../src/commands/migrate/fields.ts";
import type { Options } from "../../src/commands/migrate/prepare.ts";
import { silent } from "../../src/commands/migrate/progress.ts";
import { migrate } from "../../src/commands/migrate/run.ts";
import { choose } from "../../src/commands/migrate/settings.ts";
import type { Summary } from "../../src/commands/migrate/summary.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Config } from "../../src/config/types.ts";
import type { Deps } from "../../src/context.ts";
import { createSimulator, type Simulator, type SimulatorOptions } from "../sandbox/cometchat/index.ts";

export const KEY = "0123456789abcdef0123456789abcdef01234567";
export const ISSUER = { issuer: "https://idp.example", audience: ["chat"] };

const bindings = {
  USERS: { get: async () => null, put: async () => {}, delete: async () => {} },
  ...Object.fromEntries(["LEDGER", "HOME", "ONCE"].map((name) => [name, { getByName: () => {} }])),
  ...Object.fromEntries(["RATE_LIMIT_IP", "RATE_LIMIT_USER"].map((name) => [name, { limit: async () => ({}) }])),
};

async function configOf(vars: Readonly<Record<string, unknown>> = {}): Promise<Config> {
  const parsed = await parseConfig({
    COMETCHAT_APPS: { main: { appId: "2753000000000001", region: "us" } },
    SESSION_ISSUERS: [ISSUER],
    COMETCHAT_API_KEY: KEY,
    ...bindings,
    ...vars,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

export interface World {
  readonly folder: string;
  readonly clock: { now: number };
  readonly deps: Deps;
  readonly simulator: Simulator;
  /** Simulators by appId; the first is `simulator`. */
  readonly simulators: Readonly<Record<string, Simulator>>;
  /** Writes a file, and returns its path. */
  readonly file: (name: string, content: string | Buffer) => string;
  readonly read: (name: string) => string;
  readonly run: (file: string, options?: Partial<Options>, also?: Also) => Promise<Summary>;
  /** The uids of each import that CometChat answered with 200. */
  readonly batches: () => string[][];
}

interface Also {
  readonly issuer?: string;
  readonly app?: string;
  readonly stop?: AbortSignal;
  readonly stdin?: Readable;
}

/** A folder for files, a simulated CometChat, and a clock that `sleep` moves forward at once. */
export async function createWorld(
  vars: Readonly<Record<string, unknown>> = {},
  switches: Partial<SimulatorOptions> = {},
): Promise<World> {
  const config = await configOf(vars);
  const clock = { now: Date.UTC(2026, 10, 24, 12) };
  let seed = 7;
  // Park and Miller's generator makes the same random pauses in every run.
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const now = () => clock.now;
  const sleep = async (ms: number) => {
    clock.now += ms;
  };
  const simulators = Object.fromEntries(
    [...config.apps.values()].map(({ appId, region }) => [
      appId,
      createSimulator({
        appId,
        region,
        keys: { [KEY]: "fullAccess" },
        sampleUsers: false,
        now,
        sleep,
        random,
        ...switches,
      }),
    ]),
  );
  const [simulator] = Object.values(simulators);
  if (!simulator) throw new Error("There is no app.");
  const deps: Deps = {
    fetch: (input, init) => {
      const appId = new URL(input).hostname.split(".")[0] ?? "";
      return (simulators[appId] ?? simulator).fetch(input, init);
    },
    ...{ now, sleep, random, log: () => {}, cache: () => undefined },
  };
  const folder = mkdtempSync(join(tmpdir(), "gateway-migrate-test-"));
  return {
    ...{ folder, clock, deps, simulator, simulators },
    file(name, content) {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    },
    read: (name) => readFileSync(join(folder, name), "utf8"),
    run: (file, options = {}, { issuer, app, stop = new AbortController().signal, stdin = Readable.from([]) } = {}) =>
      migrate(
        choose(config, issuer, app),
        { ...DEFAULTS, file, out: folder, ...options },
        { deps, stdin, progress: silent, stop },
      ),
    batches: () =>
      simulator.journal.entries
        .filter(({ call, status }) => call === "import" && status === 200)
        .map(({ body }) => Object.keys((body as { users: object }).users)),
  };
}

const names: Names = new Map();
const DEFAULTS: Omit<Options, "file"> = {
  ...{ names, from: undefined, dryRun: false, update: false, createRoles: false, verify: false, restart: false },
  ...{ rpm: 60, kv: undefined, out: undefined },
};

/** A CSV file of that many users. With `bad`, every twentieth row has a wrong avatar. */
export function csvOf(users: number, { bad = false } = {}): string {
  const lines = ["subject,name,avatar"];
  for (let number = 1; number <= users; number++) {
    const avatar = bad && number % 20 === 0 ? "no address" : `https://img.example/${number}.png`;
    lines.push(`user-${number},User ${number},${avatar}`);
  }
  return `${lines.join("\n")}\n`;
}
