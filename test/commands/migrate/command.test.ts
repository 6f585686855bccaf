import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { PassThrough } from "node:stream";
import { spawn as spawnTerminal } from "@lydell/node-pty";
import { afterAll, expect, test } from "vitest";
import { migrateUsers } from "../../../src/commands/migrate/command.ts";
import { importFlags } from "../../../src/commands/migrate/flags.ts";
import { createSimulator } from "../../sandbox/cometchat/index.ts";
import { listen } from "../../sandbox/server.ts";
import { runHere, runScript, type Surroundings } from "../../support/command.ts";
import { csvOf, ISSUER, KEY } from "../../support/migrate.ts";
import { deployment } from "../place.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const MIGRATE = join(ROOT, "src/commands/migrate/index.ts");

const limits = { core: 1e6, standard: 1e6, import: 1e6 };
const simulator = createSimulator({
  ...{ appId: "2753000000000001", region: "us", keys: { [KEY]: "fullAccess" } },
  ...{ sampleUsers: false, rateLimits: limits },
});
const calls = new EventEmitter();
const listener = await listen(async (request) => {
  const answer = await simulator.fetch(request);
  calls.emit("answer");
  return answer;
}, 0);
afterAll(() => listener.close());

/** The folder of a deployment, with these files in it. */
function folder(files: Readonly<Record<string, string>>): string {
  const app = { appId: "2753000000000001", region: "us", baseUrl: `http://127.0.0.1:${listener.port}/v3` };
  const path = dirname(
    deployment({ COMETCHAT_APPS: { main: app }, SESSION_ISSUERS: [ISSUER] }, { COMETCHAT_API_KEY: KEY }),
  );
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

/** Waits until the condition is true after an answer of CometChat, or until the process has ended. */
async function answered(condition: () => boolean, child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  while (!condition() && child.exitCode === null) await Promise.race([once(calls, "answer"), ended]);
}

/** Runs the command in this folder until it ends. */
const command = (cwd: string, args: readonly string[], surroundings: Surroundings = {}) =>
  runHere(migrateUsers, args, { cwd, ...surroundings });

test("a run that is killed several times loses no user and sends no finished batch twice", async () => {
  simulator.reset();
  const cwd = folder({ "users.csv": csvOf(2_000, { bad: true }) });
  const journal = join(cwd, "users.csv.journal");
  const args = ["users.csv", "--rpm", "1200", "--kv", "kv.json", "--json"];
  const finished = new Map<number, number>();
  const sent = () => simulator.journal.entries.filter(({ call }) => call === "import");
  for (const enough of [3, 10, 17]) {
    const before = sent().length;
    const child = spawn(process.execPath, [MIGRATE, ...args], { cwd, stdio: "ignore" });
    await answered(() => sent().length >= before + enough, child);
    child.kill("SIGKILL");
    await once(child, "exit");
    const done = readFileSync(journal, "utf8").split("\n").slice(1, -1);
    for (const line of done) finished.set(JSON.parse(line).batch, before + enough);
  }
  // Each run has finished more batches than the one before.
  expect(finished.size).toBeGreaterThan(15);
  const first = [...finished.keys()];
  const atKill = sent().length;
  const { status, stdout } = await command(cwd, args);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ rows: 2_000, created: 1_900, existing: 0, failed: 0, wrong: 100 });
  expect(simulator.users()).toHaveLength(1_900);
  const later = sent()
    .slice(atKill)
    .flatMap(({ body }) => Object.keys((body as { users: object }).users));
  const good = Array.from({ length: 2_000 }, (_, index) => index + 1).filter((number) => number % 20 !== 0);
  const finishedUids = first.flatMap((batch) =>
    good.slice(batch * 50, batch * 50 + 50).map((number) => `user-${number}`),
  );
  expect(later.filter((uid) => finishedUids.includes(uid))).toEqual([]);
  expect(later).toHaveLength(1_900 - finishedUids.length);
  expect(existsSync(journal)).toBe(false);
  expect(JSON.parse(readFileSync(join(cwd, "kv.json"), "utf8"))).toHaveLength(1_900);
  expect(readFileSync(join(cwd, "users.csv.failed.ndjson"), "utf8").trim().split("\n")).toHaveLength(100);
});

test("on a terminal a run shows a bar, and Ctrl-C stops it after the current calls and prints how to continue", async () => {
  simulator.reset();
  const cwd = folder({ "users.csv": csvOf(1_000) });
  const args = [MIGRATE, "users.csv", "--rpm", "300"];
  const terminal = spawnTerminal(process.execPath, args, { cwd, cols: 120, rows: 30, env: process.env });
  let screen = "";
  let pressed = false;
  terminal.onData((text) => {
    screen += text;
    if (pressed || simulator.users().length < 200) return;
    pressed = true;
    terminal.write("\u0003");
  });
  const code = await new Promise<number>((ended) => terminal.onExit(({ exitCode }) => ended(exitCode)));
  expect(code).toBe(130);
  expect(screen).toMatch(/Importing .*█.* \d+% · \d+\/1,000 users · \d+\/s · .* left/);
  expect(screen).toContain("Stopping after the batches that are being sent.");
  expect(screen).toContain("The same command continues this run:");
  expect(screen).toContain("npm run migrate -- users.csv --rpm 300");
  const imported = simulator.users().length;
  expect(imported).toBeGreaterThanOrEqual(200);
  expect(imported).toBeLessThan(1_000);
  // The journal has every batch that was answered, so the second run does not count those users as existing ones.
  const again = await command(cwd, ["users.csv", "--json"], { env: { MIGRATE_RPM: "60000" } });
  expect(JSON.parse(again.stdout)).toMatchObject({ created: 1_000, existing: 0 });
  expect(again.status).toBe(0);
});

test("Ctrl-C does not wait until CometChat's Retry-After is over", { timeout: 30_000 }, async () => {
  simulator.reset();
  const limited = {
    kind: "error",
    status: 429,
    code: "ERR_TOO_MANY_REQUESTS",
    headers: { "Retry-After": "60" },
  } as const;
  simulator.faults.add({ match: "import", uid: "user-101", effect: limited });
  const cwd = folder({ "users.csv": csvOf(500) });
  const child = spawn(process.execPath, [MIGRATE, "users.csv", "--rpm", "6000", "--json"], { cwd });
  const refused = () => simulator.journal.entries.some(({ status }) => status === 429);
  await answered(refused, child);
  // The process gets the signal twice: from the terminal, and from npm, which passes it on.
  child.kill("SIGINT");
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  expect(code).toBe(130);
  expect(simulator.users().length).toBeGreaterThanOrEqual(100);
});

test("a run prints plain lines on a terminal that cannot move its cursor", async () => {
  const cwd = folder({ "users.csv": csvOf(10) });
  const env = { ...process.env, TERM: "dumb" };
  const terminal = spawnTerminal(process.execPath, [MIGRATE, "users.csv", "--dry-run"], { cwd, name: "dumb", env });
  let screen = "";
  terminal.onData((text) => {
    screen += text;
  });
  await new Promise((ended) => terminal.onExit(ended));
  expect(screen).toContain("Rows: 10.");
  expect(screen).not.toContain("\u001b");
});

test("without a terminal a run prints plain lines, and its result as text or as JSON", async () => {
  simulator.reset();
  const cwd = folder({ "users.csv": 'subject,name\nalice,Alice\nBob,Bob\n"eve",\n' });
  const person = await runScript(MIGRATE, ["users.csv", "--rpm", "6000"], { cwd });
  expect(person.status).toBe(1);
  expect(person.stderr.split("\n")).toEqual(expect.arrayContaining(["Checking: 1 kB", "Importing: 2 users"]));
  expect(person.stdout).toContain("line 4, name: is missing");
  expect(person.stdout).toContain("Created: 2. Updated: 0. Existed already: 0. Refused by CometChat: 0.");
  expect(person.stdout).toContain("users.csv.failed.ndjson");
  const machine = await command(cwd, ["-", "--dry-run", "--json"], { input: '{"subject":"zoe","name":"Zoe"}\n' });
  expect(machine.status).toBe(0);
  expect(machine.stderr).toBe("");
  expect(JSON.parse(machine.stdout)).toMatchObject({ ok: true, dryRun: true, rows: 1, users: 1, wrong: 0 });
});

test("Ctrl-C ends a run that waits for standard input", async () => {
  const config = join(folder({}), "wrangler.toml");
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.write("subject,name\n");
  const stop = new AbortController();
  const status = migrateUsers(["-", "--config", config], { stdin, stdout, stderr }, stop.signal);
  setTimeout(() => stop.abort(), 500);
  expect(await status).toBe(130);
  expect(String(stderr.read())).toContain("Stopped before standard input had ended. Nothing was sent.\n");
});

test("export-uids says in a sentence that its output cannot be written", async () => {
  const cwd = folder({ "users.csv": csvOf(3) });
  const full = openSync("/dev/full", "w");
  const script = join(ROOT, "src/commands/migrate/uids.ts");
  const { status, stderr } = spawnSync(process.execPath, [script, "users.csv"], {
    cwd,
    stdio: ["ignore", full, "pipe"],
  });
  closeSync(full);
  expect([status, `${stderr}`]).toEqual([3, expect.stringMatching(/^A file cannot be used \(ENOSPC[^\n]*\n$/)]);
});

test("the command for the mappings names the configuration of the run", async () => {
  simulator.reset();
  const cwd = folder({ "users.csv": csvOf(1) });
  const [config, kv] = [join(cwd, "wrangler.toml"), join(cwd, "the mappings.json")];
  const upload = `wrangler kv bulk put '${kv}' --binding USERS --remote`;
  const here = await command(cwd, ["users.csv", "--kv", kv]);
  expect(here.stdout).toContain(`${upload}\n`);
  const elsewhere = await command(ROOT, [join(cwd, "users.csv"), "--kv", kv, "--config", config]);
  expect(elsewhere.stdout).toContain(`${upload} --config ${config}\n`);
});

test.each<[string, readonly string[], string]>([
  ["no file", [], "Give one FILE"],
  ["two files", ["a", "b"], "Give one FILE"],
  ["a flag that is none", ["users.csv", "--fast"], "--fast"],
  ["a map without a column", ["users.csv", "--map", "subject"], "--map must be field=column"],
  ["a map of a field that is none", ["users.csv", "--map", "mail=email"], "--map must be field=column"],
  ["a provider that is none", ["users.csv", "--from", "myspace"], "--from must be one of auth0, clerk, firebase"],
  ["a rate that is none", ["users.csv", "--rpm", "fast"], "--rpm must be a whole number"],
  ["a rate of nothing", ["users.csv", "--rpm", "0"], "--rpm must be a whole number"],
])("wrong usage is explained in a sentence: %s", (_, args, sentence) => {
  expect(() => importFlags(args, {})).toThrow(sentence);
});

test("flags and MIGRATE_RPM are read, and paths are relative to the caller's folder", () => {
  const npm = { npm_lifecycle_event: "migrate", INIT_CWD: "/home/me", MIGRATE_RPM: "120" };
  expect(importFlags(["users.csv", "--map", "subject=id,name=full.name", "--kv", "kv.json"], npm)).toMatchObject({
    ...{ file: "/home/me/users.csv", kv: "/home/me/kv.json", config: "wrangler.toml", rpm: 120, dryRun: false },
    names: new Map([
      ["subject", "id"],
      ["name", "full.name"],
    ]),
  });
  expect(importFlags(["-", "--rpm", "7"], npm)).toMatchObject({ file: "-", rpm: 7 });
  expect(importFlags(["-"], {})).toMatchObject({ rpm: 60 });
});

test("wrong usage and wrong input end with 2 and one sentence", async () => {
  simulator.reset();
  const cwd = folder({ "users.csv": csvOf(1), "empty.csv": "" });
  expect(await command(cwd, [])).toMatchObject({
    status: 2,
    stdout: "",
    stderr: "Give one FILE, or - for standard input.\n",
  });
  expect(await command(cwd, ["nobody.csv"])).toMatchObject({
    status: 2,
    stdout: "",
    stderr: "There is no such file.\n",
  });
  const config = await command(cwd, ["users.csv", "--config", "none.toml"]);
  expect(config).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("none.toml") });
  const json = await command(cwd, ["empty.csv", "--json"]);
  expect([json.status, JSON.parse(json.stdout)]).toEqual([2, { ok: false, error: "It is empty." }]);
  const help = await command(cwd, ["--help"]);
  expect(help).toMatchObject({ status: 0, stdout: expect.stringContaining("Exit status: 0 CometChat has every user") });
  expect(simulator.journal.entries).toEqual([]);
});

test("a wrong configuration is reported with every wrong variable, and without secrets", async () => {
  const cwd = folder({
    "users.csv": csvOf(1),
    ".dev.vars": `COMETCHAT_API_KEY=\nBACKEND_SECRET=${"s3cr3t".repeat(2)}\n`,
  });
  const { status, stderr } = await command(cwd, ["users.csv"]);
  expect(status).toBe(2);
  expect(stderr).toContain("COMETCHAT_API_KEY is not set, and COMETCHAT_APPS.main needs this secret");
  expect(stderr).toContain("BACKEND_SECRET");
  expect(stderr).not.toContain("s3cr3t");
});

test("an input can be checked, and its uids printed, without any secret", async () => {
  simulator.reset();
  const cwd = folder({ "users.csv": "subject,name,role\nalice,Alice,boss\n", ".dev.vars": "" });
  const dry = await command(cwd, ["users.csv", "--dry-run", "--json"]);
  expect(dry.status).toBe(0);
  expect(JSON.parse(dry.stdout)).toMatchObject({
    users: 1,
    notes: ["Whether CometChat has the roles was not looked at: the API key of app main is not set."],
  });
  const uids = await runScript(join(ROOT, "src/commands/migrate/uids.ts"), ["users.csv"], { cwd });
  expect(uids).toMatchObject({ status: 0, stdout: "subject,uid\nalice,alice\n" });
  expect(await command(cwd, ["users.csv"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("COMETCHAT_API_KEY"),
  });
  expect(simulator.journal.entries).toEqual([]);
});

test("export-uids gives each subject its uid, and names the rows that have none", async () => {
  simulator.reset();
  const cwd = folder({ "users.csv": 'id,mail\nalice,a@x.example\n"auth0|1,""x""",b\n,c\n' });
  const script = join(ROOT, "src/commands/migrate/uids.ts");
  const csv = await runScript(script, ["users.csv", "--map", "subject=id"], { cwd });
  expect(csv).toMatchObject({ status: 1, stderr: "line 4, subject: is missing\n" });
  expect(csv.stdout).toMatch(/^subject,uid\nalice,alice\n"auth0\|1,""x""",x-[a-z2-7]{52}\n$/);
  const json = await runScript(script, ["-", "--json"], { cwd, input: '[{"subject":"Alice"}]' });
  expect(JSON.parse(json.stdout)).toEqual({ subject: "Alice", uid: expect.stringMatching(/^x-[a-z2-7]{52}$/) });
  expect(json.status).toBe(0);
  const empty = await runScript(script, ["-"], { cwd, input: "subject\n" });
  expect(empty).toMatchObject({ status: 2, stderr: expect.stringContaining("It has no users:") });
  expect(simulator.journal.entries).toEqual([]);
});
