import { existsSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { Journal } from "../../../src/commands/migrate/journal.ts";
import { asText, exitCode } from "../../../src/commands/migrate/summary.ts";
import { createWorld, csvOf, KEY } from "../../support/migrate.ts";

test("20,000 users, of whom a twentieth are wrong, are imported as fast as CometChat's limit allows", async () => {
  const { file, run, simulator, clock, batches, read } = await createWorld();
  const began = clock.now;
  const summary = await run(file("users.csv", csvOf(20_000, { bad: true })));
  const minutes = (clock.now - began) / 60_000;
  console.log(
    `19,000 users in ${minutes.toFixed(2)} minutes of CometChat's clock: ${Math.round(19_000 / minutes)} a minute`,
  );
  expect(summary).toMatchObject({ rows: 20_000, users: 19_000, created: 19_000, failed: 0 });
  expect(summary.findings.counts.wrong).toBe(1_000);
  expect(exitCode(summary)).toBe(1);
  expect(simulator.users()).toHaveLength(19_000);
  expect(simulator.journal.entries.filter(({ status }) => status !== 200)).toEqual([]);
  expect(batches().every((batch) => batch.length === 50)).toBe(true);
  expect(batches()).toHaveLength(380);
  expect(19_000 / minutes).toBeGreaterThan(2_990);
  const failed = read("users.csv.failed.ndjson").trim().split("\n");
  expect(failed).toHaveLength(1_000);
  expect(JSON.parse(failed[0] ?? "")).toEqual({
    ...{ subject: "user-20", name: "User 20", avatar: "no address" },
    failed: [{ line: 21, field: "avatar", reason: "must be an http or https address of at most 3000 characters" }],
  });
});

test("a dry run prints every finding, and sends nothing", async () => {
  const { file, run, simulator, folder, read } = await createWorld();
  const content = [
    "subject,name,avatar,link,role,tags,metadata",
    "alice,Alice,https://a.example/1.png,,,a;b,",
    "auth0|1,Bob,,,boss,,",
    ",Nobody,,,,,",
    'eve,,ftp://x,nowhere,No Role,"a,,b",{}x',
    "app_system,Sys,,,,,",
    "alice,Alice again,,,,,",
    " bob,Bob,,,,,",
    `long,${"x".repeat(101)},,,,${"t;".repeat(26)},`,
  ].join("\n");
  const summary = await run(file("users.csv", content), { dryRun: true });
  const wrong = summary.findings.lists.wrong.map(({ line, field }) => `${line} ${field}`);
  expect(wrong).toEqual([
    ...["4 subject", "5 avatar", "5 link", "5 role", "5 metadata", "5 name", "6 subject", "8 subject"],
    ...["9 name", "9 tags"],
  ]);
  expect(summary).toMatchObject({ dryRun: true, rows: 8, users: 2, created: 0 });
  expect(summary.findings.counts).toEqual({ wrong: 5, hashed: 1, duplicate: 1 });
  expect(asText(summary, "again", "")).toContain("Rows that are wrong: 5\n  line 4, subject: is missing\n");
  expect(summary.findings.lists.duplicate).toEqual([{ line: 7, first: 2 }]);
  expect(summary.findings.lists.hashed).toMatchObject([
    { line: 3, subject: "auth0|1", uid: expect.stringMatching(/^x-/) },
  ]);
  expect(summary.missingRoles).toEqual([{ app: "main", role: "boss", users: 1 }]);
  expect(exitCode(summary)).toBe(1);
  expect(simulator.journal.entries.map(({ call }) => call)).toEqual(["roles"]);
  expect(simulator.users()).toEqual([]);
  expect(read("users.csv.report.ndjson").trim().split("\n")).toHaveLength(wrong.length + 2);
  for (const name of ["failed.ndjson", "journal"]) expect(existsSync(join(folder, `users.csv.${name}`))).toBe(false);
});

test("twenty of many findings are shown, with the number of the others and the file that has them", async () => {
  const { file, run, folder } = await createWorld();
  const content = `subject,name,avatar\n${"a,,x\n".repeat(30)}`;
  const words = asText(await run(file("users.csv", content), { dryRun: true }), "again", "");
  expect(words.match(/^ {2}line \d+/gm)).toHaveLength(20);
  expect(words).toContain(`  … and 40 more: ${join(folder, "users.csv.report.ndjson")}`);
});

test("a dry run of a right file does not call CometChat", async () => {
  const { file, run, simulator } = await createWorld();
  expect(exitCode(await run(file("users.csv", csvOf(3)), { dryRun: true }))).toBe(0);
  expect(simulator.journal.entries).toEqual([]);
});

test("a user is imported with all fields, from CSV and from NDJSON", async () => {
  const { file, run, simulator } = await createWorld({}, { roles: ["vip"], importNesting: "data.data" });
  const csv = `subject,name,avatar,link,role,tags,metadata\na, Anna ,https://a.example/1,https://a.example/2,vip,"one,two","{""a"":{""b"":[1]}}"\n`;
  const fields = { name: "Anna", avatar: "https://a.example/1", link: "https://a.example/2", role: "vip" };
  const more = { tags: ["one", "two"], metadata: { a: { b: [1] } } };
  expect(await run(file("users.csv", csv), { verify: true })).toMatchObject({
    created: 1,
    verified: { users: 1, differences: [] },
  });
  expect(simulator.user("a")).toMatchObject({ ...fields, ...more });
  await run(file("users.ndjson", `${JSON.stringify({ subject: 42, ...fields, ...more, extra: null })}\n`));
  expect(simulator.user("42")).toMatchObject({ ...fields, ...more });
});

test("roles that CometChat does not have are named before the import, and created with --create-roles", async () => {
  const { file, run, simulator, folder } = await createWorld();
  const input = file("users.csv", "subject,name,role\na,A,boss\nb,B,boss\nc,C,default\nd,D,guest\n");
  await expect(run(input)).rejects.toThrow('"boss" in app main (2 users), "guest" in app main (1 users)');
  expect(simulator.users()).toEqual([]);
  expect(existsSync(join(folder, "users.csv.failed.ndjson"))).toBe(false);
  expect(await run(input, { createRoles: true })).toMatchObject({ created: 4, failed: 0 });
  expect(simulator.user("a")?.role).toBe("boss");
});

test("users who exist are counted and not changed, also deactivated ones", async () => {
  const { file, run, simulator, batches } = await createWorld();
  simulator.seed({ uid: "user-2", name: "Old" });
  simulator.seed({ uid: "user-3", name: "Gone", deactivatedAt: 1_700_000_000 });
  const summary = await run(file("users.csv", csvOf(120)), { kv: undefined });
  expect(summary).toMatchObject({ created: 118, existing: 2, updated: 0, failed: 0 });
  expect(exitCode(summary)).toBe(0);
  expect(simulator.user("user-2")?.name).toBe("Old");
  // The batches are full nevertheless.
  expect(batches().map((batch) => batch.length)).toEqual([50, 50, 18]);
});

test.each(["updates", "refuses"] as const)(
  "--update updates users who exist, if CometChat's import %s",
  async (importExisting) => {
    const { file, run, simulator } = await createWorld({}, { importExisting });
    simulator.seed({ uid: "user-2", name: "Old" });
    const summary = await run(file("users.csv", csvOf(3)), { update: true });
    expect(summary).toMatchObject({ created: 2, existing: 0, updated: 1, failed: 0 });
    expect(simulator.user("user-2")).toMatchObject({ name: "User 2", avatar: "https://img.example/2.png" });
  },
);

test("the first of several rows of one user counts, however far apart they are", async () => {
  const { file, run, simulator, batches } = await createWorld();
  const later = "user-3,Later,\nuser-90,Later,\nuser-90,Later,\n";
  const summary = await run(file("users.csv", csvOf(120) + later));
  expect(summary).toMatchObject({ rows: 123, users: 120, created: 120, failed: 0 });
  expect(summary.findings.lists.duplicate).toEqual([
    { line: 122, first: 4 },
    { line: 123, first: 91 },
    { line: 124, first: 91 },
  ]);
  expect(exitCode(summary)).toBe(0);
  expect(batches().flat()).toHaveLength(120);
  expect(simulator.user("user-3")?.name).toBe("User 3");
});

test("a second run after a finished one sends nothing", async () => {
  const { file, run, batches } = await createWorld();
  const input = file("users.csv", csvOf(70));
  await run(input);
  expect(await run(input)).toMatchObject({ created: 0, existing: 70 });
  expect(batches()).toHaveLength(2);
});

test("a user whom CometChat refuses fails alone, and its row can be used as input again", async () => {
  const { file, run, simulator, folder, read } = await createWorld({}, { userLimit: 2 });
  const summary = await run(file("users.csv", csvOf(4)));
  expect(summary).toMatchObject({ created: 2, failed: 2 });
  expect(exitCode(summary)).toBe(1);
  expect(JSON.parse(read("users.csv.failed.ndjson").split("\n")[0] ?? "")).toMatchObject({
    subject: "user-3",
    failed: [{ line: 4, field: "row", reason: "the app's CometChat plan allows no more users" }],
  });
  simulator.set({ userLimit: undefined });
  expect(await run(join(folder, "users.csv.failed.ndjson"))).toMatchObject({ rows: 2, created: 2, failed: 0 });
  expect(simulator.users()).toHaveLength(4);
  expect(existsSync(join(folder, "users.csv.failed.ndjson.failed.ndjson"))).toBe(false);
});

test("only users of a batch whose failure may pass are sent again, and no text of CometChat is shown", async () => {
  const { file, run, simulator, read, batches } = await createWorld();
  const failure = (error: object) => ({ success: false, error });
  const data = {
    "user-1": { success: true, data: { data: { uid: "user-1" } } },
    "user-2": failure({ code: "ERR_OPERATION_FAILED", message: KEY }),
    "user-3": failure({ code: `ERR ${KEY}`, message: KEY, details: { [KEY.repeat(2)]: [KEY], avatar: [KEY] } }),
    "user-4": failure({ code: "ERR_BAD_REQUEST", details: { role: ["No such role."] } }),
    "user-5": { success: true, data: { uid: "somebody-else" } },
  };
  simulator.faults.add({
    match: "import",
    times: 1,
    effect: { kind: "answer", status: 200, body: JSON.stringify({ data }) },
  });
  expect(await run(file("users.csv", csvOf(6)))).toMatchObject({ created: 4, failed: 2 });
  expect(batches().slice(1)).toEqual([["user-2", "user-5", "user-6"]]);
  const failed = read("users.csv.failed.ndjson")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).failed[0].reason);
  expect(failed).toEqual(["CometChat refuses this user: avatar", "CometChat has no such role"]);
});

test("a batch that CometChat refuses is sent in parts, so that only wrong users fail", async () => {
  const { file, run, simulator, batches } = await createWorld();
  simulator.faults.add({
    match: "import",
    uid: "user-7",
    effect: { kind: "error", status: 400, code: "ERR_BAD_REQUEST" },
  });
  expect(await run(file("users.csv", csvOf(50)))).toMatchObject({ created: 49, failed: 1 });
  expect(simulator.user("user-7")).toBeUndefined();
  expect(batches().flat()).toHaveLength(49);
});

test("failures during the import lose no user, and Retry-After is respected", async () => {
  const { file, run, simulator } = await createWorld();
  const faults = ["reset", "drop", "empty", "html", "truncated"] as const;
  for (const kind of faults) simulator.faults.add({ match: "import", times: 12, probability: 0.06, effect: { kind } });
  simulator.faults.add({
    match: "import",
    times: 12,
    probability: 0.2,
    effect: { kind: "error", code: "ERR_OPERATION_FAILED" },
  });
  const limited = {
    kind: "error",
    status: 429,
    code: "ERR_TOO_MANY_REQUESTS",
    headers: { "Retry-After": "37" },
  } as const;
  simulator.faults.add({ match: "import", times: 1, probability: 0.2, effect: limited });
  const summary = await run(file("users.csv", csvOf(5_000)));
  expect(summary).toMatchObject({ created: 5_000, failed: 0 });
  expect(simulator.users()).toHaveLength(5_000);
  const imports = simulator.journal.entries.filter(({ call }) => call === "import");
  const at = imports.findIndex(({ status }) => status === 429);
  expect((imports[at + 1]?.at ?? 0) - (imports[at]?.at ?? 0)).toBeGreaterThanOrEqual(37_000);
  // Repeated calls stay within the limit too.
  for (const { at: from } of imports)
    expect(imports.filter(({ at: to }) => to >= from && to < from + 59_000).length).toBeLessThanOrEqual(60);
});

test("an outage stops the run, and a later run continues there", async () => {
  const { file, run, simulator, batches, folder } = await createWorld();
  const input = file("users.csv", csvOf(500, { bad: true }));
  const fault = simulator.faults.add({ match: "import", uid: "user-301", effect: { kind: "html", status: 503 } });
  const first = await run(input, { kv: join(folder, "kv.json") });
  expect(first.stopped).toBe("unavailable");
  expect(exitCode(first)).toBe(3);
  const done = batches().flat();
  expect(done.length).toBeGreaterThan(0);
  simulator.faults.remove(fault);
  const second = await run(input, { kv: join(folder, "kv.json") });
  expect(second).toMatchObject({ stopped: undefined, created: 475, existing: 0, failed: 0 });
  const all = batches().flat();
  expect(all).toHaveLength(475);
  expect(new Set(all).size).toBe(475);
});

test("a wrong API key ends the run at once, and is not shown", async () => {
  const { file, run, simulator, batches } = await createWorld();
  simulator.set({ keys: {} });
  const summary = await run(file("users.csv", csvOf(500)));
  expect(summary.stopped).toBe("unavailable");
  expect(summary.reason).toMatch(/does not accept this app's API key/);
  expect(summary.reason).not.toContain("0123456789abcdef");
  expect(batches()).toEqual([]);
  expect(simulator.journal.entries.length).toBeLessThan(3);
});

test("an unfinished run is not continued with another file or settings, unless --restart is given", async () => {
  const { file, run, simulator } = await createWorld();
  const input = file("users.csv", csvOf(100));
  simulator.faults.add({ match: "import", uid: "user-99", times: 10, effect: { kind: "html", status: 503 } });
  expect((await run(input)).stopped).toBe("unavailable");
  await expect(run(input, { update: true })).rejects.toThrow("--restart");
  file("users.csv", csvOf(101));
  await expect(run(input)).rejects.toThrow("of a run that did not end");
  expect(await run(input, { restart: true })).toMatchObject({ created: 51, existing: 50 });
});

test("standard input is read like a file", async () => {
  const { run, simulator, read } = await createWorld();
  const stdin = Readable.from([Buffer.from("subject,name\na,A\nb,"), Buffer.from("\n")]);
  expect(await run("-", {}, { stdin })).toMatchObject({ rows: 2, created: 1 });
  expect(simulator.users()).toHaveLength(1);
  expect(JSON.parse(read("stdin.failed.ndjson"))).toMatchObject({ subject: "b", failed: [{ line: 3, field: "name" }] });
});

test("--verify reports fields that differ in CometChat", async () => {
  const { file, run, simulator } = await createWorld();
  const input = file("users.csv", csvOf(3));
  simulator.faults.add({
    match: "get",
    uid: "user-1",
    effect: { kind: "error", status: 404, code: "ERR_UID_NOT_FOUND" },
  });
  const body = JSON.stringify({ data: { uid: "user-2", name: "Other", avatar: "https://img.example/2.png" } });
  simulator.faults.add({ match: "get", uid: "user-2", effect: { kind: "answer", status: 200, body } });
  const summary = await run(input, { verify: true });
  const differences = [
    { uid: "user-1", fields: ["uid"] },
    { uid: "user-2", fields: ["name"] },
  ];
  expect(summary.verified).toEqual({ users: 3, differences });
  expect(exitCode(summary)).toBe(1);
});

const apps = {
  COMETCHAT_APPS: {
    us: { appId: "2753000000000us", region: "us" },
    eu: { appId: "2753000000000eu", region: "eu" },
  },
  PLACEMENT: { default: "us" },
};

test("a column names the app of a user as the claim of a session does", async () => {
  const issuer = {
    issuer: "https://idp.example",
    audience: ["chat"],
    appClaim: "org.region",
    appByClaim: { e: "eu", u: "us" },
  };
  const { file, run, simulators, read, folder } = await createWorld({ ...apps, SESSION_ISSUERS: [issuer] });
  const summary = await run(file("users.csv", "subject,name,org.region\na,A,e\nb,B,u\nc,C,x\nd,D,\n"));
  expect(summary).toMatchObject({ created: 2 });
  expect(summary.findings.lists.wrong).toMatchObject([
    { line: 4, field: "org.region" },
    { line: 5, field: "org.region" },
  ]);
  expect(simulators["2753000000000eu"]?.users()).toMatchObject([{ uid: "a" }]);
  expect(simulators["2753000000000us"]?.users()).toMatchObject([{ uid: "b" }]);
  const mended = read("users.csv.failed.ndjson").replace('"x"', '"e"');
  expect(await run(file("again.ndjson", mended))).toMatchObject({ created: 1, findings: { counts: { wrong: 1 } } });
  expect(simulators["2753000000000eu"]?.user("c")).toBeDefined();
  const nested = { subject: "n", name: "N", org: { region: "e" } };
  expect(await run(file("n.json", JSON.stringify([nested])), { out: folder })).toMatchObject({ created: 1 });
});

test("a column with the country names the app of a user if users are placed by geography", async () => {
  const { file, run, simulators } = await createWorld({
    ...apps,
    PLACEMENT: { default: "us", countries: { DE: "eu" } },
  });
  await run(file("users.csv", "subject,name,country\na,A,DE\nb,B,FR\nc,C,\n"));
  expect(simulators["2753000000000eu"]?.users()).toMatchObject([{ uid: "a" }]);
  expect(simulators["2753000000000us"]?.users()).toMatchObject([{ uid: "b" }, { uid: "c" }]);
});

test("--app imports all users into one app, and --issuer names their issuer", async () => {
  const issuers = [
    { issuer: "https://idp.example", audience: ["chat"], uid: { prefix: "a_" } },
    { issuer: "https://other.example", audience: ["chat"], uid: { prefix: "b_" }, app: "us" },
  ];
  const { file, run, simulators } = await createWorld({ ...apps, SESSION_ISSUERS: issuers });
  const input = file("users.csv", "subject,name\nx,X\n");
  expect(() => run(input)).toThrow("Several issuers are configured");
  expect(() => run(input, {}, { issuer: "https://nobody.example" })).toThrow("--issuer must be one of");
  expect(() => run(input, {}, { issuer: "https://idp.example", app: "in" })).toThrow("--app must be one of");
  expect(() => run(input, {}, { issuer: "https://other.example", app: "eu" })).toThrow("--app must be us");
  await run(input, {}, { issuer: "https://idp.example", app: "eu" });
  expect(simulators["2753000000000eu"]?.users()).toMatchObject([{ uid: "a_x" }]);
});

test("the mappings are the same as the gateway's, also after an interrupted run", async () => {
  const { file, run, simulator, folder, read, clock } = await createWorld();
  simulator.seed({ uid: "user-3", name: "Old" });
  const kv = join(folder, "kv.json");
  const input = file("users.csv", csvOf(120));
  simulator.faults.add({ match: "import", uid: "user-110", times: 10, effect: { kind: "html", status: 503 } });
  const began = clock.now;
  expect((await run(input, { kv })).stopped).toBe("unavailable");
  expect(await run(input, { kv })).toMatchObject({ created: 119, existing: 1 });
  const entries = JSON.parse(read("kv.json")) as { key: string; value: string }[];
  expect(entries.map(({ key }) => key).sort()).toEqual(
    Array.from({ length: 120 }, (_, index) => `v1:u:user-${index + 1}`).sort(),
  );
  const mapping = (uid: string) => JSON.parse(entries.find(({ key }) => key === `v1:u:${uid}`)?.value ?? "{}");
  expect(mapping("user-1")).toEqual({
    app: "main",
    profile: expect.stringMatching(/^[\w-]{43}$/),
    createdAt: began,
    syncedAt: 0,
  });
  // The profile of this user in CometChat is unknown, so the claims of the first session are sent.
  expect(mapping("user-3")).toMatchObject({ app: "main", profile: "" });
});

test("a run continues with a journal whose last line was cut off", async () => {
  const { file, run, simulator, folder, read } = await createWorld();
  const input = file("users.csv", csvOf(100));
  simulator.faults.add({ match: "import", uid: "user-99", times: 10, effect: { kind: "html", status: 503 } });
  await run(input);
  file("users.csv.journal", read("users.csv.journal").slice(0, -5));
  expect(Journal.read(join(folder, "users.csv.journal"))?.done).toEqual([]);
  expect(await run(input)).toMatchObject({ created: 100 });
  file("users.csv.journal", '{"version":1,"fing');
  expect(await run(input)).toMatchObject({ existing: 100 });
});

test("a file of users who all exist causes no import", async () => {
  const { file, run, simulator, batches } = await createWorld();
  for (let number = 1; number <= 2_500; number++) simulator.seed({ uid: `user-${number}` });
  expect(await run(file("users.csv", csvOf(2_500)))).toMatchObject({ existing: 2_500, created: 0 });
  expect(batches()).toEqual([]);
});
