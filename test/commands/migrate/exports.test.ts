import { expect, test } from "vitest";
import { createWorld } from "../../support/migrate.ts";

/** A line of firebase-tools: 28 fields, and a comma at the end. */
const firebase = (id: string, name: string, photo = "", claims = "") =>
  `${[id, `${id}@x.example`, "true", "HASH", "SALT", name, photo, ...Array(16).fill(""), "1", "2", "", "false", claims].join(",")},\n`;

const json = JSON.stringify;
/** Base32 SHA-256 of the issuer, a newline, and "auth0|1". */
const HASHED = "x-gbxlu5n7urkg55oycqgnbikqdjm2m57sl6m2mzybi3mlbtw63wda";

test.each<[string, string, string]>([
  [
    "auth0",
    "users.json",
    `${json({ user_id: "auth0|1", name: "Anna", picture: "https://p.example/1.png", email: "a@x.example" })}\n${json({ user_id: "2", nickname: "bo" })}\n`,
  ],
  ["auth0", "users.csv", '"Id","Name","Picture"\n"auth0|1","Anna","https://p.example/1.png"\n"2","bo",\n'],
  // Each text of Auth0's CSV begins with an apostrophe, so that no spreadsheet takes it for a formula.
  ["auth0", "users.csv", `"user_id","name","picture"\n"'auth0|1","'Anna","'https://p.example/1.png"\n"'2","'bo",\n`],
  [
    "clerk",
    "users.csv",
    "id,first_name,last_name,username,primary_email_address,password_digest,image_url\nauth0|1,Anna,,,a@x.example,$2a$x,https://p.example/1.png\n2,,,bo,b@x.example,,\n",
  ],
  [
    "clerk",
    "users.json",
    json([
      {
        id: "auth0|1",
        first_name: "Anna",
        last_name: null,
        image_url: "https://p.example/1.png",
        password_digest: "x",
      },
      { id: "2", first_name: "", username: "bo" },
    ]),
  ],
  [
    "firebase",
    "users.json",
    json({
      users: [
        { localId: "auth0|1", displayName: "Anna", photoUrl: "https://p.example/1.png", passwordHash: "H" },
        { localId: "2", displayName: "bo" },
      ],
    }),
  ],
  ["firebase", "users.csv", firebase("auth0|1", "Anna", "https://p.example/1.png") + firebase("2", "bo")],
  [
    "supabase",
    "users.csv",
    `id,email,encrypted_password,raw_user_meta_data\nauth0|1,a@x.example,$2a,"{""full_name"":""Anna"",""avatar_url"":""https://p.example/1.png""}"\n2,b@x.example,$2a,"{""name"":""bo""}"\n`,
  ],
  [
    "supabase",
    "users.json",
    json({
      users: [
        { id: "auth0|1", user_metadata: { full_name: "Anna", avatar_url: "https://p.example/1.png" } },
        { id: "2", user_metadata: { name: "bo" } },
      ],
    }),
  ],
])("an export of %s is recognised: %s", async (from, name, content) => {
  const { file, run, simulator } = await createWorld();
  const summary = await run(file(name, content), { from });
  expect(summary).toMatchObject({ created: 2, failed: 0, findings: { counts: { wrong: 0, hashed: 1 } } });
  expect(simulator.user(HASHED)).toMatchObject({ name: "Anna", avatar: "https://p.example/1.png" });
  expect(simulator.user("2")).toMatchObject({ name: "bo" });
});

test("one apostrophe is removed from each text of Auth0's CSV, and none from its JSON", async () => {
  const { file, run, simulator } = await createWorld();
  await run(file("users.csv", `user_id,name\n"'a","''t Hooft"\n`), { from: "auth0" });
  await run(file("users.json", json({ user_id: "b", name: "'t Hooft" })), { from: "auth0" });
  expect(simulator.users().map(({ name }) => name)).toEqual(["'t Hooft", "'t Hooft"]);
});

test("Auth0's CSV without --from auth0 is refused, so that no user gets a wrong uid", async () => {
  const { file, run, simulator } = await createWorld();
  const names = new Map([["subject", "user_id"] as const]);
  const { findings } = await run(file("users.csv", `user_id,name\n"'auth0|1","'Anna"\n`), { names });
  const reason = "must not begin with an apostrophe; an export of Auth0 needs --from auth0";
  expect(findings.lists.wrong).toEqual([{ line: 2, field: "subject", reason }]);
  expect(simulator.users()).toEqual([]);
});

test("a user without a name gets the same name as from a session", async () => {
  const { file, run, simulator } = await createWorld();
  await run(file("users.csv", firebase("AbC", "") + firebase("abc", "")), { from: "firebase" });
  expect(simulator.users().map(({ name }) => name)).toEqual([expect.stringMatching(/^User [a-z2-7]{6}$/), "abc"]);
});

test("a name with a quotation mark is read as firebase-tools writes it", async () => {
  const { file, run, simulator } = await createWorld();
  await run(file("users.csv", firebase("a", 'Anna "Ann" B') + firebase("b", '"Bo, C"')), { from: "firebase" });
  expect(simulator.users().map(({ name }) => name)).toEqual(['Anna "Ann" B', "Bo, C"]);
});

test("a CSV that firebase-tools did not write is refused row by row, so that no user gets a wrong uid", async () => {
  const { file, run, simulator } = await createWorld();
  const { findings } = await run(file("users.csv", `mail,localId\na@x.example,a\n${firebase("b", "Bo")}`), {
    from: "firebase",
  });
  expect(findings.lists.wrong.map(({ line }) => line)).toEqual([1, 2]);
  expect(findings.lists.wrong[0]?.reason).toContain("emailVerified must be true or false");
  expect(simulator.users()).toMatchObject([{ uid: "b" }]);
});

test("a field of --map that no row has is named", async () => {
  const { file, run } = await createWorld();
  const row = { id: "a", first_name: "Anna", public_metadata: { team: "x" } };
  const names = new Map([["role", "publicMetadata.team"] as const, ["tags", "public_metadata.team"] as const]);
  const { notes } = await run(file("users.json", json([row])), { from: "clerk", names, dryRun: true });
  expect(notes).toEqual(['No row has a value in "publicMetadata.team", which --map names for role.']);
});

test("a run of one provider's export is not continued as another's", async () => {
  const { file, run, simulator } = await createWorld();
  const input = file("users.json", json([{ id: "a", first_name: "Anna", user_metadata: { name: "Bo" } }]));
  simulator.faults.add({ match: "import", times: 10, effect: { kind: "html", status: 503 } });
  expect(await run(input, { from: "clerk" })).toMatchObject({ stopped: "unavailable" });
  await expect(run(input, { from: "supabase" })).rejects.toThrow("of a run that did not end");
});

test("digests of passwords are never written into the file of failed users", async () => {
  const { file, run, read } = await createWorld();
  await run(file("users.csv", firebase("a", "x".repeat(101))), { from: "firebase" });
  expect(JSON.parse(read("users.csv.failed.ndjson"))).toEqual({
    subject: "a",
    name: "x".repeat(101),
    failed: [{ line: 1, field: "name", reason: "must be text of 1 to 100 characters" }],
  });
});

test("--map names columns, also by paths into objects, in addition to those of an export", async () => {
  const { file, run, simulator } = await createWorld();
  const names = new Map([["name", "app_metadata.shown"] as const, ["role", "app_metadata.role"] as const]);
  simulator.set({ roles: ["moderator"] });
  const row = { id: "a", user_metadata: { full_name: "Anna" }, app_metadata: { shown: "A.", role: "moderator" } };
  await run(file("users.ndjson", json(row)), { from: "supabase", names });
  expect(simulator.users()).toMatchObject([{ uid: "a", name: "A.", role: "moderator" }]);
});

test.each<[string, string, object, string]>([
  [
    "a column that --map names",
    "id,name\n",
    { names: new Map([["subject", "sub"]]) },
    'Line 1: has no column "sub", which --map names for subject. Its columns are: "id", "name".',
  ],
  ["the column subject", "id,name\n", {}, 'Line 1: has no column "subject". Name the right column: --map subject=…'],
  ["the column name", "subject,full\n", {}, 'Line 1: has no column "name".'],
  [
    "the column of an export",
    "subject,name\n",
    { from: "clerk" },
    'Line 1: has no column "id": it is not an export of the provider that --from names.',
  ],
])("%s is missing, and the columns of the file are named", async (_, content, options, sentence) => {
  const { file, run } = await createWorld();
  await expect(run(file("users.csv", content), options)).rejects.toThrow(sentence);
});
