import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createWorld, csvOf } from "../../support/migrate.ts";

/** Tests of the files that a run writes, and of runs that cannot write one. */

const USERS = "subject,name\nalice,Alice\nbob,Bob\n";

test.each<[string, (folder: string, input: string) => string]>([
  ["by the same path", (_, input) => input],
  ["by another path", (folder) => join(folder, ".", "users.csv")],
  [
    "by a link",
    (folder, input) => {
      symlinkSync(input, join(folder, "kv.json"));
      return join(folder, "kv.json");
    },
  ],
])("mappings are not written over the input, named %s", async (_, kvOf) => {
  const { file, run, folder, simulator } = await createWorld();
  const input = file("users.csv", USERS);
  const kv = kvOf(folder, input);
  await expect(run(input, { kv })).rejects.toThrow("--kv names FILE itself: the users would be lost.");
  expect(readFileSync(input, "utf8")).toBe(USERS);
  expect(simulator.journal.entries).toEqual([]);
});

test.each(["failed.ndjson", "journal"])("mappings are not written over FILE.%s", async (ending) => {
  const { file, run, folder } = await createWorld();
  const kv = join(folder, `users.csv.${ending}`);
  await expect(run(file("users.csv", USERS), { kv })).rejects.toThrow(`--kv names ${kv}, which the run itself writes.`);
});

test.each<[string, (folder: string) => object, string]>([
  ["mappings", (folder) => ({ kv: join(folder, "nowhere/kv.json") }), "nowhere/kv.json cannot be written: there is no"],
  ["mappings", (folder) => ({ kv: folder }), "cannot be written: it is a folder."],
  ["mappings", (folder) => ({ kv: join(folder, "users.csv/kv.json") }), "cannot be written: there is no folder"],
  ["users that failed", (folder) => ({ out: join(folder, "failed") }), "users.csv.failed.ndjson cannot be written"],
  [
    "findings",
    (folder) => ({ out: join(folder, "report"), dryRun: true }),
    "users.csv.report.ndjson cannot be written",
  ],
])("%s that cannot be written are reported before anything is read", async (_, options, sentence) => {
  const { file, run, folder, simulator } = await createWorld();
  const input = file("users.csv", USERS);
  for (const name of ["failed", "report"]) {
    mkdirSync(join(folder, name, `users.csv.${name}.ndjson`), { recursive: true });
  }
  await expect(run(input, options(folder))).rejects.toThrow(sentence);
  expect(simulator.journal.entries).toEqual([]);
});

test("the folder of --out is created if it does not exist", async () => {
  const { file, run, folder } = await createWorld();
  const out = join(folder, "a", "b");
  await run(file("users.csv", "subject,name\nalice,\n"), { out });
  expect(existsSync(join(out, "users.csv.failed.ndjson"))).toBe(true);
});

test.each<[string, string]>([
  ["text", "garbage\n"],
  ["nothing", "null\n"],
  ["half of what it should have", '{"version":1,"fingerprint":"x"}\n'],
  ["a line in between that is none", '{"version":1}\n\0\0\0\n'],
])("a journal that holds %s is reported, and --restart begins from the start", async (_, content) => {
  const { file, run, simulator } = await createWorld();
  const input = file("users.csv", USERS);
  const journal = file("users.csv.journal", content);
  await expect(run(input)).rejects.toThrow(`${journal} is damaged, or of something else.`);
  expect(simulator.users()).toEqual([]);
  expect(await run(input, { restart: true })).toMatchObject({ created: 2 });
});

test.each([
  ["is gone", undefined],
  ["was cut", 1],
])("a run whose mappings %s is not continued", async (_, left) => {
  const { file, run, folder, simulator } = await createWorld();
  const input = file("users.csv", csvOf(120));
  const kv = join(folder, "kv.json");
  simulator.faults.add({
    match: "import",
    uid: "user-101",
    effect: { kind: "error", status: 401, code: "AUTH_ERR_APIKEY_NOT_FOUND" },
  });
  expect(await run(input, { kv })).toMatchObject({ stopped: "unavailable" });
  if (left === undefined) rmSync(kv);
  else truncateSync(kv, left);
  await expect(run(input, { kv })).rejects.toThrow(`${kv} is not as the unfinished run left it.`);
});

test("a pipe instead of FILE is reported at once", async () => {
  const { run, folder } = await createWorld();
  const pipe = join(folder, "users.csv");
  execFileSync("/usr/bin/mkfifo", [pipe]);
  await expect(run(pipe)).rejects.toThrow("It is no file on the disk. Pass it by standard input: FILE is - then.");
});

test("an input that changes between check and import is reported", async () => {
  const { file, run, simulator } = await createWorld();
  const input = file("users.csv", csvOf(60));
  const { fetch } = simulator;
  let grown = false;
  simulator.fetch = async (...asked) => {
    if (!grown) appendFileSync(input, "late,Late,\n");
    grown = true;
    return fetch(...asked);
  };
  await expect(run(input)).rejects.toThrow("It changed while it was read: 60 users were checked, and 61 sent.");
});

test("a second run of the same file is refused while the first is under way, and sends nothing", async () => {
  const { file, run, folder, batches, simulator } = await createWorld();
  const input = file("users.csv", csvOf(500));
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const { promise: called, resolve: call } = Promise.withResolvers<void>();
  const { fetch } = simulator;
  simulator.fetch = async (...asked) => {
    call();
    await gate;
    return fetch(...asked);
  };
  const first = run(input);
  await called;
  const sentence = `FILE is being imported already: another run has ${join(folder, "users.csv.lock")}.`;
  await expect(run(input)).rejects.toThrow(sentence);
  await expect(run(input, { restart: true })).rejects.toThrow(sentence);
  expect(await run(input, { dryRun: true })).toMatchObject({ users: 500 });
  open();
  expect(await first).toMatchObject({ created: 500, existing: 0 });
  expect(batches().flat()).toHaveLength(500);
  expect(await run(input)).toMatchObject({ existing: 500 });
  expect(readdirSync(folder)).toEqual(["users.csv", "users.csv.report.ndjson"]);
});

test.each([
  ["a CSV with a header only", "subject,name\n"],
  ["an empty JSON array", "[]"],
  ["an empty list of users", '{"users": []}'],
])("%s has nothing to import, and a run says so", async (_, content) => {
  const { file, run, simulator, folder } = await createWorld();
  const input = file("users.csv", content);
  await expect(run(input, { dryRun: true })).rejects.toThrow("It has no users:");
  await expect(run(input)).rejects.toThrow("It has no users:");
  expect(simulator.journal.entries).toEqual([]);
  expect(existsSync(join(folder, "users.csv.failed.ndjson"))).toBe(false);
});

test("mappings and failed users of an earlier run are not written over", async () => {
  const { file, run, folder, read } = await createWorld();
  const kv = join(folder, "kv.json");
  const input = file("users.csv", "subject,name\nalice,Alice\nbob,\n");
  await run(input, { kv });
  const mappings = read("kv.json");
  const corrected = read("users.csv.failed.ndjson").replace('"bob"', '"bob","name":"Bob"');
  file("users.csv.failed.ndjson", corrected);
  const second = await run(file("users.csv.failed.ndjson", corrected), { kv });
  expect(second.notes).toEqual([`${kv} was there already, of an earlier run. It is ${kv}.1 now.`]);
  expect(read("kv.json.1")).toBe(mappings);
  expect(read("kv.json")).toContain("v1:u:bob");
  const third = await run(input, { kv });
  expect(third.notes).toHaveLength(2);
  expect(read("users.csv.failed.ndjson.1")).toBe(corrected);
  expect(read("kv.json.2")).toContain("v1:u:bob");
  // The same wrong rows again are no loss.
  await run(input);
  expect(existsSync(join(folder, "users.csv.failed.ndjson.2"))).toBe(false);
});

/** A process number that no process has. */
const ended = spawnSync(process.execPath, ["--version"]).pid;

test.each<[string, string, boolean]>([
  ["a process that has ended", JSON.stringify({ pid: ended, host: hostname() }), true],
  ["a process of before the machine was started", JSON.stringify({ pid: process.pid, host: hostname() }), true],
  ["a process that was killed before it had written it", "", true],
  ["another machine", JSON.stringify({ pid: ended, host: "other" }), false],
])("the lock of %s is respected only if its run may still be under way", async (_, content, isTaken) => {
  const { file, run, simulator } = await createWorld();
  const input = file("users.csv", USERS);
  utimesSync(file("users.csv.lock", content), 1, 1);
  const result = run(input);
  if (isTaken) expect(await result).toMatchObject({ created: 2 });
  else await expect(result).rejects.toThrow("delete");
  expect(simulator.users()).toHaveLength(isTaken ? 2 : 0);
});
