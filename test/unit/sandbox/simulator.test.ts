import { describe, expect, test } from "vitest";
import { createSimulator, type SimulatorOptions } from "../../sandbox/cometchat/index.ts";

// biome-ignore lint/suspicious/noExplicitAny: the tests look into answers of any form
type Json = any;

const full = "fedcba9876543210fedcba9876543210fedcba98";
const authOnly = "0000000000000000000000000000000000000001";
const start = Date.UTC(2026, 0, 1, 12, 0, 30);

interface Body {
  data?: Json;
  meta?: Json;
  error?: { code: string; message: string; details?: Record<string, string[]> };
}

function setUp(options: Partial<SimulatorOptions> = {}) {
  const clock = { now: start };
  const simulator = createSimulator({
    appId: "app1",
    region: "us",
    keys: { [full]: "fullAccess", [authOnly]: "authOnly" },
    now: () => clock.now,
    sampleUsers: false,
    roles: ["teacher"],
    ...options,
  });
  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const url = path.startsWith("http") ? path : `https://app1.api-us.cometchat.io/v3${path}`;
    const response = await simulator.fetch(url, {
      method,
      headers: { apikey: full, "content-type": "application/json", ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: Body = text === "" ? {} : JSON.parse(text);
    return { status: response.status, headers: response.headers, ...json };
  }
  const create = (body: object) => call("POST", "/users", { uid: "alice", name: "Alice", ...body });
  const mint = async (uid = "alice", body: unknown = { force: true }): Promise<string> =>
    (await call("POST", `/users/${uid}/auth_tokens`, body)).data.authToken;
  return { simulator, clock, call, create, mint };
}

describe("Hosts, versions and keys", () => {
  test.each([
    "https://app1.api-us.cometchat.io/v3/users/alice",
    "https://app1.api-us.cometchat.io/v3.0/users/alice",
    "http://127.0.0.1:8787/v3/users/alice",
    "http://localhost:8787/v3.0/users/ALICE",
  ])("The app answers at %s", async (url) => {
    const { simulator, call } = setUp();
    simulator.seed({ uid: "alice" });
    expect(await call("GET", url)).toMatchObject({ status: 200, data: { uid: "alice" } });
  });

  test.each([
    ["another app", "https://app2.api-us.cometchat.io/v3/users", "AUTH_ERR_INVALID_APPID"],
    ["another region", "https://app1.api-eu.cometchat.io/v3/users", "AUTH_ERR_INVALID_APPID"],
    ["no app", "https://api-us.cometchat.io/v3/users", "AUTH_ERR_INVALID_APPID"],
    ["another version", "https://app1.api-us.cometchat.io/v2/users", "ERR_INVALID_API_VERSION"],
    ["no version", "https://app1.api-us.cometchat.io/users", "ERR_API_NOT_FOUND"],
    ["an unknown path", "https://app1.api-us.cometchat.io/v3/people", "ERR_API_NOT_FOUND"],
    ["a trailing slash", "https://app1.api-us.cometchat.io/v3/users/", "ERR_API_NOT_FOUND"],
    ["a malformed escape", "https://app1.api-us.cometchat.io/v3/users/%ff", "ERR_API_NOT_FOUND"],
    ["the client API's path", "https://app1.api-us.cometchat.io/v3/me", "ERR_API_NOT_FOUND"],
  ])("A request for %s is refused", async (_, url, code) => {
    expect(await setUp().call("GET", url)).toMatchObject({ error: { code } });
  });

  test("The appId header makes no difference to the REST API", async () => {
    expect(await setUp().call("GET", "/users", undefined, { appid: "app2" })).toMatchObject({ status: 200 });
  });

  test("An unknown method is an unknown API", async () => {
    expect(await setUp().call("PATCH", "/users/alice", {})).toMatchObject({ error: { code: "ERR_API_NOT_FOUND" } });
  });

  test("A missing key and an unknown key have different errors, and the unknown one is repeated in clear with a 404", async () => {
    const { call } = setUp();
    expect(await call("GET", "/users", undefined, { apikey: "" })).toMatchObject({
      error: { code: "AUTH_ERR_EMPTY_APIKEY" },
    });
    for (const key of ["not-our-key", "constructor", "__proto__"]) {
      const answer = await call("GET", "/users", undefined, { apikey: key });
      expect(answer).toMatchObject({ status: 404, error: { code: "AUTH_ERR_APIKEY_NOT_FOUND" } });
      expect(answer.error?.message).toContain(`The key ${key} does not exist.`);
    }
  });

  test("An authOnly key creates and mints, and every other call is refused with a 403 that repeats the key", async () => {
    const { simulator, call } = setUp();
    simulator.seed({ uid: "alice" });
    const headers = { apikey: authOnly };
    expect((await call("POST", "/users", { uid: "bob", name: "Bob" }, headers)).status).toBe(200);
    expect((await call("POST", "/users/bob/auth_tokens", { force: true }, headers)).status).toBe(200);
    for (const [method, path] of [
      ["GET", "/users"],
      ["GET", "/users/alice"],
      ["PUT", "/users/alice"],
      ["DELETE", "/users/alice"],
      ["GET", "/users/alice/auth_tokens"],
      ["DELETE", "/users/alice/auth_tokens"],
      ["POST", "/data_import/users"],
    ] as const) {
      const answer = await call(method, path, method === "GET" ? undefined : {}, headers);
      expect(answer, `${method} ${path}`).toMatchObject({ status: 403, error: { code: "AUTH_ERR_NO_ACCESS" } });
      expect(answer.error?.message).toContain(authOnly);
    }
  });

  test("A key can be replaced while the simulator runs, and reset restores the first keys", async () => {
    const { simulator, call } = setUp();
    simulator.set({ keys: { [authOnly]: "fullAccess" } });
    expect((await call("GET", "/users")).error?.code).toBe("AUTH_ERR_APIKEY_NOT_FOUND");
    expect((await call("GET", "/users", undefined, { apikey: authOnly })).status).toBe(200);
    simulator.reset();
    expect((await call("GET", "/users")).status).toBe(200);
  });
});

describe("Creating a user", () => {
  test("answers with the user, with its uid in lower case, with defaults, and without fields that were not given", async () => {
    const { call, simulator } = setUp();
    const { status, data } = await call("POST", "/users", { uid: "Alice_A-1", name: "Alice" });
    expect(status).toBe(200);
    const user = { uid: "alice_a-1", name: "Alice", role: "default", status: "offline", createdAt: start / 1000 };
    expect(data).toEqual(user);
    expect(simulator.user("ALICE_A-1")).toEqual(user);
  });

  test("answers with an auth token that works if withAuthToken is set, and with 201 if so configured", async () => {
    const { create, simulator } = setUp({ createStatus: 201 });
    const { status, data } = await create({ withAuthToken: true });
    expect(status).toBe(201);
    expect(data.authToken).toMatch(/^alice_1767268830[0-9a-f]{30}$/);
    expect(simulator.tokens("alice")).toEqual([data.authToken]);
  });

  test("stores every field, hides the private metadata, and leaves the tags out of a get", async () => {
    const { create, call, simulator } = setUp();
    const fields = {
      avatar: "https://example.com/a.png",
      link: "https://example.com/alice",
      role: "Teacher",
      statusMessage: "Hi",
      tags: ["a", "b"],
      metadata: { plan: "pro", "@private": { email: "a@example.com" } },
    };
    const shown = { ...fields, role: "teacher", metadata: { plan: "pro" } };
    expect((await create(fields)).data).toMatchObject(shown);
    const { tags, ...untagged } = shown;
    const { data } = await call("GET", "/users/alice");
    expect(data).toMatchObject(untagged);
    expect(data).not.toHaveProperty("tags");
    expect((await call("GET", "/users?withTags=true")).data[0].tags).toEqual(tags);
    expect(simulator.user("alice")?.metadata).toEqual(fields.metadata);
  });

  test("sends empty metadata back as a list", async () => {
    expect((await setUp().create({ metadata: {} })).data.metadata).toEqual([]);
  });

  const emoji = "😀";
  test.each<[string, object]>([
    ["an uid of 100 characters", { uid: "a".repeat(100) }],
    ["a name of 100 code points", { name: emoji.repeat(100) }],
    ["an avatar of 3000 characters", { avatar: `https://example.com/${"a".repeat(2980)}` }],
    ["25 tags of 100 code points", { tags: Array.from({ length: 25 }, () => emoji.repeat(50)) }],
    ["metadata of 5 KB", { metadata: { a: "x".repeat(5 * 1024 - 8) } }],
  ])("accepts %s", async (_, fields) => {
    expect((await setUp().create(fields)).status).toBe(200);
  });

  test.each<[string, string, object]>([
    ["uid", "no uid", { uid: undefined }],
    ["uid", "an empty uid", { uid: "" }],
    ["uid", "a uid of null", { uid: null }],
    ["uid", "a number for a uid", { uid: 42 }],
    ["uid", "a uid of 101 characters", { uid: "a".repeat(101) }],
    ["uid", "a space in the uid", { uid: "a b" }],
    ["uid", "a dot in the uid", { uid: "a.b" }],
    ["uid", "a pipe in the uid", { uid: "auth0|1" }],
    ["uid", "an umlaut in the uid", { uid: "ä" }],
    ["uid", "a Kelvin sign, which lower-cases to a k", { uid: "\u212a" }],
    ["uid", "a line feed after the uid", { uid: "alice\n" }],
    ["name", "no name", { name: undefined }],
    ["name", "an empty name", { name: "" }],
    ["name", "a blank name", { name: "  " }],
    ["name", "a name of null", { name: null }],
    ["name", "a number for a name", { name: 7 }],
    ["name", "a name of 101 code points", { name: emoji.repeat(101) }],
    ["name", "half an emoji", { name: "\ud83d" }],
    ["avatar", "an avatar of null", { avatar: null }],
    ["avatar", "an empty avatar", { avatar: "" }],
    ["avatar", "an avatar that is no URL", { avatar: "picture.png" }],
    ["avatar", "an avatar with another scheme", { avatar: "data:image/png;base64,AA==" }],
    ["avatar", "an avatar of 3001 characters", { avatar: `https://example.com/${"a".repeat(2981)}` }],
    ["link", "a link of null", { link: null }],
    ["link", "a link that is script", { link: "javascript:alert(1)" }],
    ["role", "a role that nobody created", { role: "admin" }],
    ["role", "a role of null", { role: null }],
    ["tags", "tags that are no array", { tags: "a" }],
    ["tags", "26 tags", { tags: Array.from({ length: 26 }, String) }],
    ["tags", "a tag of 101 characters", { tags: ["x".repeat(101)] }],
    ["tags", "a tag that is a number", { tags: [1] }],
    ["metadata", "metadata that are a text", { metadata: "{}" }],
    ["metadata", "metadata that are a list", { metadata: [1] }],
    ["metadata", "metadata of more than 5 KB", { metadata: { a: "x".repeat(5 * 1024 - 7) } }],
    ["withAuthToken", "withAuthToken as a text", { withAuthToken: "true" }],
    ["body", "a body of more than 10 KB", { other: "x".repeat(10 * 1024) }],
  ])("names the field %s for %s", async (field, _, fields) => {
    const { create, simulator } = setUp();
    const answer = await create(fields);
    expect(answer).toMatchObject({ status: 400, error: { code: "ERR_BAD_REQUEST" } });
    expect(Object.keys(answer.error?.details ?? {})).toEqual([field]);
    expect(answer.error?.details?.[field]).toEqual([expect.any(String)]);
    expect(simulator.users()).toEqual([]);
  });

  test("reports mistakes in CometChat's words", async () => {
    const { details } = (await setUp().create({ uid: undefined, avatar: null })).error ?? {};
    expect(details).toEqual({ uid: ["The uid field is required."], avatar: ["The avatar must have a value"] });
  });

  test.each<[string, string | object, Record<string, string>]>([
    ["a form", "uid=a&name=A", { "content-type": "application/x-www-form-urlencoded" }],
    ["JSON that says it is text", { uid: "a", name: "A" }, { "content-type": "text/plain" }],
    ["a type that only starts like JSON's", { uid: "a", name: "A" }, { "content-type": "application/jsonp" }],
    ["JSON that is cut off", '{"uid":"a","name":', {}],
    ["an array", "[]", {}],
    ["null", "null", {}],
  ])("refuses %s for a body", async (_, body, headers) => {
    const { call, simulator } = setUp();
    const answer = await call("POST", "/users", body, headers);
    expect(answer).toMatchObject({
      status: 400,
      error: { code: "ERR_BAD_REQUEST", details: { body: [expect.any(String)] } },
    });
    expect(simulator.users()).toEqual([]);
  });

  test.each(["alice", "Alice", "app_system"])("answers 400 if %s exists already", async (uid) => {
    const { create, simulator } = setUp({ statuses: {} });
    simulator.seed({ uid: "alice", name: "First" });
    expect(await create({ uid })).toMatchObject({
      status: 400,
      error: {
        code: "ERR_UID_ALREADY_EXISTS",
        message: `The uid ${uid.toLowerCase()} already exists. Please use another uid or try after permanently deleting the user.`,
      },
    });
    expect(simulator.user("alice")?.name).toBe("First");
  });

  test("can be configured to answer another status for a code", async () => {
    const { create } = setUp({ statuses: { ERR_UID_ALREADY_EXISTS: 409 } });
    await create({});
    expect(await create({})).toMatchObject({ status: 409, error: { code: "ERR_UID_ALREADY_EXISTS" } });
  });

  test("succeeds for exactly one of fifty calls at once", async () => {
    const { create, simulator } = setUp({ createDelay: 20 });
    const answers = await Promise.all(Array.from({ length: 50 }, () => create({ withAuthToken: true })));
    const lost = answers.filter(({ status, error }) => status === 400 && error?.code === "ERR_UID_ALREADY_EXISTS");
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(lost).toHaveLength(49);
    expect(simulator.users()).toHaveLength(1);
    expect(simulator.tokens("alice")).toHaveLength(1);
    expect(simulator.journal.calls({ call: "create", uid: "alice" })).toBe(50);
  });

  test("is refused with 402 at the plan's number of users, but not for a user who exists", async () => {
    const { create, simulator } = setUp({ userLimit: 1 });
    await create({});
    expect(await create({ uid: "bob" })).toMatchObject({ status: 402, error: { code: "ERR_PLAN_QUOTA_RESTRICTION" } });
    expect((await create({})).error?.code).toBe("ERR_UID_ALREADY_EXISTS");
    simulator.set({ userLimit: undefined });
    expect((await create({ uid: "bob" })).status).toBe(200);
  });
});

describe("Updating a user", () => {
  test("replaces what is sent, keeps the rest, and unsets", async () => {
    const { create, call } = setUp();
    await create({ tags: ["a"], metadata: { a: 1, b: 2 }, avatar: "https://example.com/a.png", link: "https://e.com" });
    const { data } = await call("PUT", "/users/alice", {
      name: "Alice B.",
      metadata: { a: 3 },
      tags: [],
      unset: ["avatar"],
      uid: "mallory",
    });
    expect(data).toEqual({
      ...{ uid: "alice", name: "Alice B.", role: "default", status: "offline", link: "https://e.com" },
      ...{ metadata: { a: 3 }, tags: [], createdAt: start / 1000, updatedAt: start / 1000 },
    });
  });

  test.each<[string, object]>([
    ["unset", { unset: ["name"] }],
    ["unset", { unset: "avatar" }],
    ["unset", { unset: ["avatar", 1] }],
    ["name", { name: "" }],
    ["avatar", { avatar: null }],
    ["role", { role: "admin" }],
  ])("names the field %s that is wrong", async (field, body) => {
    const { simulator, call } = setUp();
    simulator.seed({ uid: "alice", name: "Alice" });
    const { status, error } = await call("PUT", "/users/alice", body);
    expect({ status, fields: Object.keys(error?.details ?? {}) }).toEqual({ status: 400, fields: [field] });
    expect(simulator.user("alice")?.updatedAt).toBeUndefined();
  });
});

describe("Deactivated users", () => {
  test("are missing for a get, a mint and an update, and exist for a create", async () => {
    const { call, create } = setUp();
    await create({});
    expect((await call("DELETE", "/users/alice", { permanent: false })).data).toEqual({ deactivatedUids: ["alice"] });
    for (const [method, path] of [
      ["GET", "/users/alice"],
      ["PUT", "/users/alice"],
      ["POST", "/users/alice/auth_tokens"],
      ["GET", "/users/alice/auth_tokens"],
      ["DELETE", "/users/alice/auth_tokens"],
    ] as const) {
      expect(await call(method, path, method === "GET" ? undefined : {}), `${method} ${path}`).toMatchObject({
        status: 404,
        error: {
          code: "ERR_UID_NOT_FOUND",
          message: "The UID alice does not exist, please make sure you have created a user with UID alice.",
        },
      });
    }
    expect(await create({})).toMatchObject({ status: 400, error: { code: "ERR_UID_ALREADY_EXISTS" } });
  });

  test("are deactivated by a DELETE that lost its body", async () => {
    const { call, simulator } = setUp();
    simulator.seed({ uid: "alice" });
    expect((await call("DELETE", "/users/alice")).data).toEqual({ deactivatedUids: ["alice"] });
    expect(simulator.user("alice")?.deactivatedAt).toBe(start / 1000);
  });

  test("keep their tokens, unless those are flushed first", async () => {
    const { call, create, mint, simulator } = setUp();
    await create({});
    const token = await mint();
    await call("DELETE", "/users/alice");
    expect(simulator.tokens("alice")).toEqual([token]);
  });

  test("are deactivated and reactivated many at once", async () => {
    const { call, simulator } = setUp();
    simulator.seed({ uid: "alice" });
    simulator.seed({ uid: "bob", deactivatedAt: 1 });
    expect((await call("DELETE", "/users", { uidsToDeactivate: ["Alice", "bob", "carol"] })).data).toEqual({
      deactivatedUids: ["alice"],
      alreadyDeactivatedUids: ["bob"],
      notFound: ["carol"],
    });
    expect((await call("PUT", "/users", { uidsToActivate: ["alice", "bob"] })).data).toEqual({
      nonDeactivatedUids: ["alice", "bob"],
    });
    expect((await call("GET", "/users/bob")).data).not.toHaveProperty("deactivatedAt");
    simulator.set({ reactivationKey: "reactivatedUids" });
    expect((await call("PUT", "/users", { uidsToActivate: ["alice"] })).data).toEqual({ reactivatedUids: ["alice"] });
  });

  test.each([{}, { uidsToDeactivate: "alice" }, { uidsToDeactivate: [] }, { uidsToDeactivate: [1] }])(
    "are not deactivated by %j",
    async (body) => {
      expect(await setUp().call("DELETE", "/users", body)).toMatchObject({
        status: 400,
        error: { code: "ERR_BAD_REQUEST" },
      });
    },
  );

  test("are listed only on demand, and found by the beginning of their uid", async () => {
    const { call, simulator } = setUp();
    simulator.seed({ uid: "alice" });
    simulator.seed({ uid: "alice-2", deactivatedAt: 1 });
    simulator.seed({ uid: "bob", name: "Alice's brother", deactivatedAt: 1 });
    const uids = async (query: string) =>
      (await call("GET", `/users?${query}`)).data.map((user: { uid: string }) => user.uid);
    expect(await uids("")).toEqual(["alice"]);
    expect(await uids("withDeactivated=true")).toEqual(["alice", "alice-2", "bob"]);
    expect(await uids("onlyDeactivated=true&searchKey=ALICE")).toEqual(["alice-2", "bob"]);
    expect(await uids("onlyDeactivated=true&searchKey=alice&searchIn[]=uid")).toEqual(["alice-2"]);
    expect(await uids("withDeactivated=true&searchKey=alice&searchIn%5B%5D=name")).toEqual(["alice", "alice-2", "bob"]);
  });

  test("are removed by a permanent deletion, with their tokens, and can be created again", async () => {
    const { call, create, mint, simulator } = setUp();
    await create({});
    await mint();
    await call("DELETE", "/users/alice");
    expect((await call("DELETE", "/users/alice", { permanent: true })).data).toEqual({
      success: true,
      message: "User with alice has been deleted successfully.",
    });
    expect((await create({})).status).toBe(200);
    expect(simulator.tokens("alice")).toEqual([]);
    expect((await call("DELETE", "/users/carol")).error?.code).toBe("ERR_UID_NOT_FOUND");
    expect((await call("DELETE", "/users/alice", { permanent: "true" })).error?.code).toBe("ERR_BAD_REQUEST");
  });
});

describe("Lists", () => {
  test("come in pages, with their pagination", async () => {
    const { call, simulator } = setUp();
    for (let index = 0; index < 101; index += 1) simulator.seed({ uid: `user-${index}` });
    expect((await call("GET", "/users")).data).toHaveLength(100);
    const { data, meta } = await call("GET", "/users?perPage=50&page=3");
    expect(data).toMatchObject([{ uid: "user-100" }]);
    expect(meta.pagination).toEqual({ total: 101, count: 1, per_page: 50, current_page: 3, total_pages: 3 });
  });

  test.each(["perPage=1001", "perPage=0", "perPage=-1", "perPage=x", "page=0", "searchIn[]=email"])(
    "are refused for ?%s",
    async (query) => {
      expect((await setUp().call("GET", `/users?${query}`)).error?.code).toBe("ERR_BAD_REQUEST");
    },
  );

  test("are filtered by role, tag and status", async () => {
    const { call, simulator } = setUp();
    simulator.seed({ uid: "alice", role: "teacher", tags: ["x"] });
    simulator.seed({ uid: "bob", status: "available" });
    for (const query of ["role=teacher", "roles[]=teacher", "tags=x", "status=offline"]) {
      expect((await call("GET", `/users?${query}`)).data, query).toMatchObject([{ uid: "alice" }]);
    }
  });
});

describe("A new app", () => {
  test("has five sample users, and CometChat's own user, which cannot be used or changed", async () => {
    const { simulator, call } = setUp({ sampleUsers: true });
    const samples = [1, 2, 3, 4, 5].map((number) => `cometchat-uid-${number}`);
    expect(simulator.users().map(({ uid }) => uid)).toEqual(samples);
    expect((await call("GET", "/users/app_system")).error?.code).toBe("ERR_UID_NOT_FOUND");
    expect((await call("POST", "/users/app_system/auth_tokens", {})).error?.code).toBe("ERR_UID_NOT_FOUND");
    expect((await call("DELETE", "/users", { uidsToDeactivate: ["app_system"] })).data.notFound).toEqual([
      "app_system",
    ]);
  });

  test("has the role default, and others once they are created", async () => {
    const { call, create } = setUp({ roles: [] });
    expect((await call("GET", "/roles")).data).toEqual([{ role: "default", name: "default" }]);
    expect((await create({ role: "Editor" })).error?.details).toHaveProperty("role");
    expect((await call("POST", "/roles", { role: "Editor", name: "Editor" })).status).toBe(200);
    expect((await create({ role: "Editor" })).data.role).toBe("editor");
    expect((await call("POST", "/roles", { role: "editor", name: "E" })).error?.code).toBe("ERR_ROLE_ALREADY_EXISTS");
    expect((await call("GET", "/roles/none")).error?.code).toBe("ERR_ROLE_NOT_FOUND");
    expect((await call("DELETE", "/roles/default")).error?.code).toBe("ERR_ROLE_DELETE_DENIED");
    expect((await call("DELETE", "/roles/editor")).status).toBe(200);
  });
});

describe("Auth tokens", () => {
  async function withAlice(options: Partial<SimulatorOptions> = {}) {
    const all = setUp(options);
    await all.create({});
    return all;
  }

  test("are the uid, the time and 30 hex digits", async () => {
    const { call } = await withAlice();
    expect((await call("POST", "/users/ALICE/auth_tokens", { force: true })).data).toEqual({
      uid: "alice",
      authToken: expect.stringMatching(/^alice_1767268830[0-9a-f]{30}$/),
      createdAt: 1767268830,
    });
  });

  test("are new with force, and otherwise the newest one that exists", async () => {
    const { mint, simulator } = await withAlice();
    const first = await mint("alice", {});
    expect(await mint("alice", "")).toBe(first);
    const second = await mint("alice", { force: true });
    expect(second).not.toBe(first);
    expect(await mint("alice", { force: false })).toBe(second);
    expect(simulator.tokens("alice")).toEqual([second, first]);
  });

  test("are refused for a force that is no boolean", async () => {
    const { call } = await withAlice();
    expect((await call("POST", "/users/alice/auth_tokens", { force: "true" })).error?.details).toHaveProperty("force");
  });

  test("are a hundred at most: after 101 mints exactly the first is gone", async () => {
    const { mint, call, simulator } = await withAlice();
    const minted: string[] = [];
    for (let index = 0; index < 101; index += 1) minted.push(await mint());
    const live = simulator.tokens("alice");
    expect(live).toHaveLength(100);
    expect(minted.filter((token) => !live.includes(token))).toEqual([minted[0]]);
    expect((await call("GET", `/users/alice/auth_tokens/${minted[0]}`)).error?.code).toBe("ERR_AUTH_TOKEN_NOT_FOUND");
    expect((await call("GET", `/users/alice/auth_tokens/${minted[1]}`)).data.authToken).toBe(minted[1]);
    expect((await call("GET", "/users/alice/auth_tokens")).meta.pagination.total).toBe(100);
  });

  test("are listed, read, updated, revoked one by one and flushed", async () => {
    const { mint, call, simulator } = await withAlice();
    const [first, second, third] = [await mint(), await mint(), await mint()];
    expect((await call("GET", "/users/alice/auth_tokens")).data).toMatchObject([
      { uid: "alice", authToken: third, createdAt: start / 1000 },
      { authToken: second },
      { authToken: first },
    ]);
    const path = `/users/alice/auth_tokens/${first}`;
    expect((await call("PUT", path, { platform: "WEB" })).data).toMatchObject({ uid: "alice", authToken: first });
    expect((await call("DELETE", path)).data).toMatchObject({ success: true });
    expect(simulator.tokens("alice")).toEqual([third, second]);
    expect(await call("DELETE", path)).toMatchObject({ status: 404, error: { code: "ERR_AUTH_TOKEN_NOT_FOUND" } });
    expect((await call("DELETE", "/users/alice/auth_tokens")).data).toEqual({
      success: true,
      message: "Cleared Auth Tokens successfully for uid alice.",
    });
    expect(simulator.tokens("alice")).toEqual([]);
  });

  test("of another user are not accessible, and stay", async () => {
    const { mint, call, simulator } = await withAlice();
    simulator.seed({ uid: "bob" });
    const token = await mint("bob");
    for (const method of ["GET", "PUT", "DELETE"]) {
      const answer = await call(method, `/users/alice/auth_tokens/${token}`, method === "PUT" ? {} : undefined);
      expect(answer.error?.code).toBe("ERR_AUTHTOKEN_NOT_ACCESSIBLE");
    }
    expect(simulator.tokens("bob")).toEqual([token]);
  });

  test("cannot be minted for a user who does not exist", async () => {
    const answer = await setUp().call("POST", "/users/nobody/auth_tokens", { force: true });
    expect(answer).toMatchObject({ status: 404, error: { code: "ERR_UID_NOT_FOUND" } });
  });

  test("expire only if a lifetime is configured", async () => {
    const { mint, clock, simulator } = await withAlice();
    const token = await mint();
    clock.now += 365 * 86_400_000;
    expect(simulator.tokens("alice")).toEqual([token]);
    simulator.set({ tokenLifetime: 60 });
    expect(simulator.tokens("alice")).toEqual([]);
    const fresh = await mint("alice", {});
    clock.now += 59_999;
    expect(simulator.tokens("alice")).toEqual([fresh]);
    clock.now += 1;
    expect(simulator.tokens("alice")).toEqual([]);
  });
});

describe("Rate limits", () => {
  const rateLimits = { core: 2, standard: 1, import: 1 };

  test("count core and standard calls separately, answer Retry-After, and start again each minute", async () => {
    const { create, call, mint, clock, simulator } = setUp({ rateLimits });
    await create({});
    await mint();
    const refused = await create({ uid: "bob" });
    expect(refused).toMatchObject({ status: 429, error: { code: "ERR_TOO_MANY_REQUESTS" } });
    expect(refused.headers.get("retry-after")).toBe("30");
    expect(simulator.user("bob")).toBeUndefined();
    expect((await call("GET", "/users/alice")).status).toBe(200);
    expect((await call("GET", "/users/alice")).status).toBe(429);
    clock.now += 30_000;
    expect((await create({ uid: "bob" })).status).toBe(200);
  });

  const documented = {
    "x-ratelimit-limit": "2",
    "x-ratelimit-remaining": "0",
    "x-ratelimit-reset": String(start / 1000 + 30),
  };
  const older = { "x-rate-limit": "2", "x-rate-limit-remaining": "0" };
  test.each([
    ["X-RateLimit-*", documented],
    ["X-Rate-Limit-*", older],
    ["both", { ...documented, ...older }],
  ] as const)("are spelled %s on every answer", async (rateHeaders, expected) => {
    const { create } = setUp({ rateLimits, rateHeaders });
    const named = (headers: Headers) => [...headers].filter(([name]) => name.startsWith("x-rate"));
    expect((await create({})).status).toBe(200);
    expect(Object.fromEntries(named((await create({})).headers))).toEqual(expected);
    const reset = rateHeaders === "X-RateLimit-*" ? {} : { "x-rate-limit-reset": String(start / 1000 + 30) };
    const refused = await create({});
    expect(refused.status).toBe(429);
    expect(Object.fromEntries(named(refused.headers))).toEqual({ ...expected, ...reset });
  });

  test("count imports separately, and answer them with another text", async () => {
    const { call } = setUp({ rateLimits });
    const body = { users: { a: { uid: "a", name: "A" } } };
    expect((await call("POST", "/data_import/users", body)).status).toBe(200);
    const { status, error } = await call("POST", "/data_import/users", body);
    expect(status).toBe(429);
    expect(error?.message).toContain("Too many requests for data import API. 1 per minute");
  });
});

describe("The import", () => {
  test("answers 200 with the outcome of each user", async () => {
    const { call, simulator } = setUp({ userLimit: 3 });
    simulator.seed({ uid: "there", name: "Old", tags: ["kept"] });
    const { status, data } = await call("POST", "/data_import/users", {
      users: {
        Alice: { uid: "Alice", name: "Alice", createdAt: "1600000000", deactivatedAt: 1_700_000_000 },
        there: { uid: "there", name: "New" },
        other: { uid: "another", name: "A" },
        nameless: { uid: "nameless" },
        roles: { uid: "roles", name: "R", role: "admin" },
        times: { uid: "times", name: "T", createdAt: "yesterday" },
        text: "text",
        app_system: { uid: "app_system", name: "S" },
        third: { uid: "third", name: "3" },
        fourth: { uid: "fourth", name: "4" },
      },
    });
    expect(status).toBe(200);
    expect(data.Alice).toMatchObject({ success: true, data: { uid: "alice", createdAt: 1_600_000_000 } });
    expect(simulator.user("alice")?.deactivatedAt).toBe(1_700_000_000);
    expect(simulator.user("there")).toMatchObject({ name: "New", tags: ["kept"] });
    for (const uid of ["other", "nameless", "roles", "times", "text"]) {
      expect(data[uid], uid).toMatchObject({ success: false, error: { code: "ERR_IMPORT_INVALID_USER_FORMAT" } });
    }
    expect(data.app_system).toMatchObject({ success: false, error: { code: "ERR_UID_ALREADY_EXISTS" } });
    expect(data.third.success).toBe(true);
    expect(data.fourth).toMatchObject({ success: false, error: { code: "ERR_PLAN_QUOTA_RESTRICTION" } });
  });

  test("can be configured to nest the user once more", async () => {
    const { call } = setUp({ importNesting: "data.data" });
    const { data } = await call("POST", "/data_import/users", { users: { a: { uid: "a", name: "A" } } });
    expect(data.a.data.data).toMatchObject({ uid: "a", name: "A" });
  });

  test("can be configured to refuse users who exist", async () => {
    const { call, simulator } = setUp({ importExisting: "refuses" });
    simulator.seed({ uid: "a", name: "Old" });
    const { data } = await call("POST", "/data_import/users", { users: { a: { uid: "a", name: "New" } } });
    expect(data.a).toMatchObject({ success: false, error: { code: "ERR_UID_ALREADY_EXISTS" } });
    expect(simulator.user("a")?.name).toBe("Old");
  });

  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`u${index}`, { uid: `u${index}`, name: "U" }]));
  test.each<[string, unknown, number]>([
    ["fifty users", many(50), 200],
    ["51 users", many(51), 400],
    ["no users", {}, 400],
    ["an array of users", [{ uid: "a", name: "A" }], 400],
    [
      "fifty large users",
      Object.fromEntries(
        Object.entries(many(50)).map(([uid, user]) => [
          uid,
          { ...user, link: `https://example.com/${"x".repeat(500)}` },
        ]),
      ),
      200,
    ],
  ])("answers %s as documented", async (_, users, status) => {
    expect((await setUp().call("POST", "/data_import/users", { users })).status).toBe(status);
  });
});
