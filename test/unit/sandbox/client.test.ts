import { describe, expect, test } from "vitest";
import { ConnectionReset, createSimulator, type Effect, type SimulatorOptions } from "../../sandbox/cometchat/index.ts";
import { virtualTime } from "../../support/time.ts";

// biome-ignore lint/suspicious/noExplicitAny: the tests look into answers of any form
type Json = any;

const key = "fedcba9876543210fedcba9876543210fedcba98";
const rest = "https://app1.api-us.cometchat.io/v3";
const client = "https://app1.apiclient-us.cometchat.io/v3.0";

function setUp(options: Partial<SimulatorOptions> = {}) {
  const slept: number[] = [];
  const simulator = createSimulator({
    appId: "app1",
    region: "us",
    keys: { [key]: "fullAccess" },
    sampleUsers: false,
    // No test waits. The simulator records how long it would have waited.
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
    },
    ...options,
  });
  simulator.seed({ uid: "alice", name: "Alice" });

  const mint = (uid = "alice", init: RequestInit = {}) =>
    simulator.fetch(`${rest}/users/${uid}/auth_tokens`, {
      method: "POST",
      headers: { apikey: key, "content-type": "application/json" },
      body: JSON.stringify({ force: true }),
      redirect: "manual",
      ...init,
    });
  const create = (uid: string) =>
    simulator.fetch(`${rest}/users`, {
      method: "POST",
      headers: { apikey: key, "content-type": "application/json" },
      body: JSON.stringify({ uid, name: uid, withAuthToken: true }),
    });
  /** A call as the SDK makes it. */
  async function sdk(method: string, path: string, authToken?: string, body?: unknown, base = client) {
    const response = await simulator.fetch(`${base}${path}`, {
      method,
      headers: {
        ...{ accept: "application/json", appid: "app1", "content-type": "application/json" },
        ...{ resource: "WEB-4_2_0-x-1", sdk: "javascript@4.2.0", ...(authToken && { authtoken: authToken }) },
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: { data?: Json; error?: { code: string } } = text ? JSON.parse(text) : {};
    return { status: response.status, headers: response.headers, ...json };
  }
  const control = async (method: string, path: string, body?: unknown) => {
    const response = await simulator.fetch(`http://127.0.0.1:9000/_sim${path}`, {
      method,
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: (text ? JSON.parse(text) : undefined) as Json,
    };
  };
  return { simulator, slept, mint, create, sdk, control };
}

const login = { platform: "WEB", deviceId: "app1_x_1", appInfo: { version: "v4.2.0" } };
const unknown = { status: 401, error: { code: "AUTH_ERR_AUTH_TOKEN_NOT_FOUND" } };

describe("The client API", () => {
  test.each([
    ["CometChat's host", client],
    ["a plain host", "http://127.0.0.1:8787/v3.0"],
  ])("logs in at %s with the auth token alone, and echoes it", async (_, base) => {
    const { simulator, sdk } = setUp();
    const authToken = simulator.mint("alice");
    const { status, data } = await sdk("PUT", "/me", authToken, login, base);
    expect(status).toBe(200);
    expect(data).toMatchObject({ uid: "alice", name: "Alice", authToken });
    // The settings are complete, because the SDK builds its addresses from them.
    expect(data.settings).toMatchObject({
      CLIENT_API_HOST: "app1.apiclient-us.cometchat.io",
      CHAT_API_VERSION: "v3.0",
    });
    expect(simulator.journal.entries.at(-1)).toMatchObject({ call: "login", uid: "alice", authToken, body: login });
    expect(simulator.journal.entries.at(-1)?.headers).not.toContain("apikey");
  });

  test("refuses a token that is unknown, missing, revoked or evicted, and says so to every call", async () => {
    const { simulator, sdk, mint } = setUp();
    const authToken = simulator.mint("alice");
    expect(await sdk("GET", "/users/alice", authToken)).toMatchObject({ status: 200, data: { uid: "alice" } });
    for (let index = 0; index < 100; index += 1) await mint();
    for (const presented of [authToken, "alice_1767268830000000000000000000000000000000", undefined]) {
      for (const [method, path] of [
        ["PUT", "/me"],
        ["GET", "/me"],
        ["DELETE", "/me"],
        ["POST", "/user_sessions"],
        ["GET", "/settings"],
        ["GET", "/users"],
        ["GET", "/users/alice"],
      ] as const) {
        const answer = await sdk(method, path, presented);
        expect(answer, `${method} ${path}`).toMatchObject(unknown);
        expect(answer.headers.get("access-control-allow-origin")).toBe("*");
      }
    }
  });

  test("tells the next call after a flush that the token is gone", async () => {
    const { simulator, sdk } = setUp();
    const authToken = simulator.mint("alice");
    await sdk("PUT", "/me", authToken, login);
    await simulator.fetch(`${rest}/users/alice/auth_tokens`, { method: "DELETE", headers: { apikey: key } });
    expect(await sdk("GET", "/users", authToken)).toMatchObject(unknown);
  });

  test("does not revoke the token at a logout", async () => {
    const { simulator, sdk } = setUp();
    const authToken = simulator.mint("alice");
    expect((await sdk("DELETE", "/me", authToken)).data).toMatchObject({ success: true });
    expect((await sdk("PUT", "/me", authToken, login)).status).toBe(200);
  });

  test("accepts a deactivated user's token, so that a missing flush is noticed", async () => {
    const { simulator, sdk } = setUp();
    const authToken = simulator.mint("alice");
    await simulator.fetch(`${rest}/users/alice`, { method: "DELETE", headers: { apikey: key } });
    expect((await sdk("PUT", "/me", authToken, login)).status).toBe(200);
  });

  test("echoes the session, gives settings whole, and shows users without what is private", async () => {
    const { simulator, sdk } = setUp();
    simulator.seed({ uid: "bob", deactivatedAt: 1 });
    simulator.seed({ uid: "carol", metadata: { "@private": { email: "c@example.com" }, a: 1 } });
    const authToken = simulator.mint("alice");
    expect((await sdk("POST", "/user_sessions", authToken, { sessionId: "s1", data: {} })).data).toEqual({
      sessionId: "s1",
    });
    expect((await sdk("GET", "/settings", authToken)).data).toMatchObject({
      CLIENT_API_HOST: "app1.apiclient-us.cometchat.io",
      CHAT_API_VERSION: "v3.0",
    });
    expect((await sdk("GET", "/me", authToken)).data).toMatchObject({ uid: "alice", authToken });
    expect((await sdk("GET", "/users", authToken)).data).toMatchObject([
      { uid: "alice" },
      { uid: "carol", metadata: { a: 1 } },
    ]);
    expect(JSON.stringify(await sdk("GET", "/users?withDeactivated=1", authToken))).not.toMatch(/bob|example\.com/);
    expect((await sdk("GET", "/users/bob", authToken)).error?.code).toBe("ERR_UID_NOT_FOUND");
  });

  test("binds a token to its first device only if configured so", async () => {
    const { simulator, sdk } = setUp();
    const authToken = simulator.mint("alice");
    const other = { ...login, deviceId: "app1_y_2" };
    await sdk("PUT", "/me", authToken, login);
    expect((await sdk("PUT", "/me", authToken, other)).status).toBe(200);
    simulator.set({ bindDevices: true });
    expect((await sdk("PUT", "/me", authToken, other)).error?.code).toBe("ERR_AUTHTOKEN_UNAVAILABLE");
    expect((await sdk("PUT", "/me", authToken, login)).status).toBe(200);
  });

  test.each([
    ["another app's host", "https://app2.apiclient-us.cometchat.io/v3.0", {}],
    ["another region's host", "https://app1.apiclient-in.cometchat.io/v3.0", {}],
    ["another app's header on a plain host", "http://127.0.0.1:8787/v3.0", { appid: "app2" }],
  ])("refuses %s", async (_, base, headers) => {
    const { simulator } = setUp();
    const authtoken = simulator.mint("alice");
    const response = await simulator.fetch(`${base}/me`, { headers: { authtoken, ...headers } });
    expect(await response.json()).toMatchObject({ error: { code: "AUTH_ERR_INVALID_APPID" } });
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
  });

  test("answers a preflight for the SDK's headers and no API key", async () => {
    const { simulator } = setUp();
    const response = await simulator.fetch(`${client}/me`, {
      method: "OPTIONS",
      headers: { "access-control-request-headers": "apikey", "access-control-request-method": "PUT" },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("access-control-allow-methods")).toBe("GET,POST,PUT,DELETE");
    expect(response.headers.get("access-control-allow-headers")).toBe("appid,authtoken,content-type,resource,sdk");
  });

  test("lets no page read the REST API", async () => {
    const { mint } = setUp();
    expect((await mint()).headers.has("access-control-allow-origin")).toBe(false);
  });
});

describe("Conversations", () => {
  function conversing() {
    const made = setUp();
    const { simulator, sdk } = made;
    simulator.seed({ uid: "bob", name: "Bob" });
    simulator.seed({ uid: "carol", name: "Carol" });
    const times = { createdAt: 1 };
    simulator.chats.addGroup({
      guid: "g",
      name: "G",
      type: "public",
      owner: "bob",
      members: ["alice", "bob"],
      ...times,
    });
    const tokens = Object.fromEntries(["alice", "bob", "carol"].map((uid) => [uid, simulator.mint(uid)]));
    const as = (uid: string, method: string, path: string, body?: unknown) => sdk(method, path, tokens[uid], body);
    const write = (uid: string, receiverType: string, receiver: string, text: string) =>
      as(uid, "POST", "/messages", { receiver, receiverType, category: "message", type: "text", data: { text } });
    return { ...made, as, write };
  }

  test("follow from the messages: the last one, and how many are unread, newest first", async () => {
    const { as, write } = conversing();
    await write("bob", "user", "alice", "one");
    await write("bob", "user", "alice", "two");
    await write("bob", "group", "g", "all");
    const { data } = await as("alice", "GET", "/conversations?per_page=30&page=1");
    expect(data).toMatchObject([
      { conversationId: "group_g", unreadMessageCount: "1", lastMessage: { data: { text: "all" } } },
      { conversationId: "alice_user_bob", unreadMessageCount: "2", conversationWith: { uid: "bob", name: "Bob" } },
    ]);
    await as("alice", "POST", "/users/bob/conversation/read", {});
    const { data: read } = await as("alice", "GET", "/users/bob/conversation");
    expect(read).toMatchObject({ unreadMessageCount: "0", lastMessage: { data: { text: "two" } } });
    // The author of a message has nothing to read.
    expect((await as("bob", "GET", "/conversations")).data[0].unreadMessageCount).toBe("0");
  });

  test("give their messages in pages, oldest first", async () => {
    const { as, write } = conversing();
    for (const text of ["a", "b", "c"]) await write("alice", "user", "bob", text);
    const { data: page } = await as("bob", "GET", "/users/alice/messages?per_page=2&affix=prepend");
    expect(page.map((message: Json) => message.data.text)).toEqual(["b", "c"]);
    const { data: older } = await as("bob", "GET", `/users/alice/messages?per_page=2&affix=prepend&id=${page[0].id}`);
    expect(older.map((message: Json) => message.data.text)).toEqual(["a"]);
  });

  test("are shown to their members, and to nobody else", async () => {
    const { as, write } = conversing();
    await write("alice", "user", "bob", "between us");
    await write("bob", "group", "g", "in the group");
    expect((await as("carol", "GET", "/conversations")).data).toEqual([]);
    expect((await as("carol", "GET", "/users/alice/messages")).data).toEqual([]);
    for (const path of ["/groups/g", "/groups/g/messages", "/groups/g/members"]) {
      expect((await as("carol", "GET", path)).error?.code, path).toBe("ERR_GROUP_NOT_JOINED");
    }
    expect((await as("carol", "GET", "/groups")).data).toEqual([]);
    expect((await write("carol", "group", "g", "let me in")).error?.code).toBe("ERR_GROUP_NOT_JOINED");
  });

  test.each([
    ["a user that is not there", { receiver: "nobody", receiverType: "user" }, "ERR_UID_NOT_FOUND"],
    ["a group that is not there", { receiver: "nothing", receiverType: "group" }, "ERR_GUID_NOT_FOUND"],
    ["no receiver", { receiverType: "user" }, "ERR_BAD_REQUEST"],
    ["no text", { receiver: "bob", receiverType: "user", data: { text: " " } }, "ERR_BAD_REQUEST"],
    ["another type", { receiver: "bob", receiverType: "user", type: "image" }, "ERR_BAD_REQUEST"],
  ])("take no message with %s", async (_, wrong, code) => {
    const { as, simulator } = conversing();
    const body = { category: "message", type: "text", data: { text: "hi" }, ...wrong };
    expect((await as("alice", "POST", "/messages", body)).error?.code).toBe(code);
    expect(simulator.chats.peersOf("alice")).toEqual([]);
  });

  test("answer an error to an unknown call, which is in the journal", async () => {
    const { as, simulator } = conversing();
    expect(await as("alice", "GET", "/reactions")).toMatchObject({ status: 404, error: { code: "ERR_API_NOT_FOUND" } });
    expect(simulator.journal.calls({ call: "unknown" })).toBe(1);
  });
});

describe("The journal", () => {
  test("has requests and answers, without the values of headers", async () => {
    const { simulator, mint, create } = setUp();
    await create("Bob");
    await mint("carol");
    expect(simulator.journal.entries).toMatchObject([
      { call: "create", method: "POST", path: "/v3/users", uid: "bob", status: 200, outcome: "answered" },
      {
        call: "mint",
        path: "/v3/users/carol/auth_tokens",
        uid: "carol",
        status: 404,
        body: { force: true },
        redirect: "manual",
      },
    ]);
    expect(simulator.journal.entries[1]?.headers).toEqual(["apikey", "content-type"]);
    expect(JSON.stringify(simulator.journal.entries)).not.toContain(key);
  });

  test("counts calls by name, user, method and status", async () => {
    const { simulator, mint, create, sdk } = setUp();
    await create("bob");
    await mint();
    await mint("nobody");
    await sdk("PUT", "/me", simulator.mint("alice"), login);
    const { calls } = simulator.journal;
    expect(calls()).toBe(4);
    expect(calls({ call: "mint" })).toBe(2);
    expect(calls({ call: "client" })).toBe(1);
    expect(calls({ uid: "alice" })).toBe(2);
    expect(calls({ method: "POST", status: 404 })).toBe(1);
    simulator.journal.clear();
    expect(calls()).toBe(0);
  });
});

describe("Faults", () => {
  test.each<[Effect, { status: number; text: RegExp; headers?: Record<string, string> }]>([
    [
      { kind: "error", status: 429, code: "ERR_TOO_MANY_REQUESTS", headers: { "retry-after": "1000000000" } },
      { status: 429, text: /"code":"ERR_TOO_MANY_REQUESTS"/, headers: { "retry-after": "1000000000" } },
    ],
    [
      { kind: "error", code: "ERR_PLAN_QUOTA_RESTRICTION" },
      { status: 402, text: /ERR_PLAN_QUOTA_RESTRICTION/ },
    ],
    [
      { kind: "error", code: "AUTH_ERR_NO_ACCESS" },
      { status: 403, text: new RegExp(`The key ${key} cannot be used`) },
    ],
    [
      { kind: "error", code: "ERR_BAD_ERROR_RESPONSE" },
      { status: 417, text: /ERR_BAD_ERROR_RESPONSE/ },
    ],
    [
      { kind: "error", status: 400, code: "ERR_NEVER_HEARD_OF", message: "?" },
      { status: 400, text: /"message":"\?"/ },
    ],
    [{ kind: "wrongKey" }, { status: 404, text: /AUTH_ERR_APIKEY_NOT_FOUND/ }],
    [
      { kind: "answer", status: 200, body: "{}" },
      { status: 200, text: /^\{\}$/ },
    ],
    [
      { kind: "answer", status: 204, body: "" },
      { status: 204, text: /^$/ },
    ],
    [{ kind: "html" }, { status: 502, text: /^<!doctype html>/, headers: { "content-type": "text/html" } }],
    [{ kind: "empty" }, { status: 200, text: /^$/ }],
    [
      { kind: "redirect", location: "https://example.com/" },
      { status: 302, text: /^$/, headers: { location: "https://example.com/" } },
    ],
    [{ kind: "truncated" }, { status: 200, text: /^\{"data":\{[^}]*$/ }],
    [
      { kind: "token", value: "absent" },
      { status: 200, text: /^\{"data":\{"uid":"alice","createdAt":\d+\}\}$/ },
    ],
    [
      { kind: "token", value: "empty" },
      { status: 200, text: /"authToken":""/ },
    ],
    [
      { kind: "token", value: "null" },
      { status: 200, text: /"authToken":null/ },
    ],
    [
      { kind: "token", value: "number" },
      { status: 200, text: /"authToken":42/ },
    ],
    [
      { kind: "token", value: "foreign" },
      { status: 200, text: /"uid":"somebody-else",.*"authToken":"somebody-else_\d{10}[0-9a-f]{30}"/ },
    ],
    [
      { kind: "huge", bytes: 100_000 },
      { status: 200, text: /^\{"data":\{.*\},"padding":"x+"\}$/ },
    ],
    [{ kind: "drip" }, { status: 200, text: /^\{"data":\{.*\}\}$/ }],
  ])("answer $kind as configured: %j", async (effect, expected) => {
    const { simulator, mint } = setUp();
    simulator.faults.add({ match: "mint", effect });
    const response = await mint();
    expect(response.status).toBe(expected.status);
    expect(await response.text()).toMatch(expected.text);
    expect(Object.fromEntries(response.headers)).toMatchObject(expected.headers ?? {});
  });

  test("answer without Retry-After if none is configured", async () => {
    const { simulator, mint } = setUp();
    simulator.faults.add({ match: "mint", effect: { kind: "error", code: "ERR_TOO_MANY_REQUESTS" } });
    expect((await mint()).headers.has("retry-after")).toBe(false);
  });

  test("send ten megabytes, and stop when the reader stops", async () => {
    const { simulator, mint } = setUp();
    simulator.faults.add({ match: "mint", effect: { kind: "huge" } });
    expect((await (await mint()).arrayBuffer()).byteLength).toBe(10_000_000);
    const reader = (await mint()).body?.getReader();
    await reader?.read();
    await reader?.cancel();
  });

  test("send one byte a second", async () => {
    const { simulator, mint, slept } = setUp();
    simulator.faults.add({ match: "mint", effect: { kind: "drip" } });
    const bytes = (await (await mint()).arrayBuffer()).byteLength;
    expect(slept.filter((ms) => ms === 1000).length).toBeGreaterThanOrEqual(bytes);
  });

  const cutOff = { name: "ConnectionReset" };
  test("refuse and reset a connection before the call is done, and drop one after it is done", async () => {
    const { simulator, create } = setUp();
    for (const [kind, stage, there] of [
      ["refuse", "refused", false],
      ["reset", "reset", false],
      ["drop", "dropped", true],
    ] as const) {
      simulator.faults.add({ match: "create", times: 1, effect: { kind } });
      const failure = await create(kind).catch((error) => error);
      expect(failure).toBeInstanceOf(TypeError);
      expect(failure).toBeInstanceOf(ConnectionReset);
      expect(failure).toMatchObject({ ...cutOff, stage });
      expect(simulator.user(kind) !== undefined).toBe(there);
      expect(simulator.tokens(kind)).toHaveLength(there ? 1 : 0);
      expect(simulator.journal.calls({ uid: kind, outcome: stage })).toBe(1);
    }
  });

  test("cut a connection in the middle of the body", async () => {
    const { simulator, mint } = setUp();
    simulator.faults.add({ match: "mint", effect: { kind: "cut" } });
    const response = await mint();
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow(TypeError);
  });

  test("create the user and answer that the create has failed", async () => {
    const { simulator, create } = setUp();
    simulator.faults.add({ match: "create", times: 2, effect: { kind: "partial" } });
    const first = await create("bob");
    expect(first.status).toBe(500);
    expect(await first.json()).toMatchObject({ error: { code: "ERR_WS_USER_CREATION_FAILED" } });
    expect(simulator.user("bob")).toBeDefined();
    expect(await (await create("bob")).json()).toMatchObject({ error: { code: "ERR_UID_ALREADY_EXISTS" } });
  });

  test("affect only the calls that they match, as often as configured", async () => {
    const { simulator, mint, create } = setUp();
    simulator.seed({ uid: "bob" });
    simulator.faults.add({ match: "mint", uid: "Alice", times: 2, effect: { kind: "html" } });
    const statuses = [];
    for (const uid of ["bob", "alice", "alice", "alice"]) statuses.push((await mint(uid)).status);
    expect(statuses).toEqual([200, 502, 502, 200]);
    simulator.faults.add({ match: "create", uid: "carol", effect: { kind: "html" } });
    expect((await create("Carol")).status).toBe(502);
    expect((await create("dave")).status).toBe(200);
    expect(simulator.journal.calls({ status: 502 })).toBe(3);
  });

  test("affect calls by chance if they have a probability", async () => {
    const chances = [0.1, 0.9, 0.29, 0.3];
    const { simulator, mint } = setUp({ random: () => chances.shift() ?? 1 });
    simulator.faults.add({ match: "any", probability: 0.3, effect: { kind: "html" } });
    const statuses = [];
    for (let index = 0; index < 4; index += 1) statuses.push((await mint()).status);
    expect(statuses).toEqual([502, 200, 502, 200]);
  });

  test("match the client API as a whole, which has no API key", async () => {
    const { simulator, mint, sdk } = setUp();
    const authToken = simulator.mint("alice");
    simulator.faults.add({ match: "any", effect: { kind: "wrongKey" } });
    expect((await sdk("PUT", "/me", authToken, login)).status).toBe(200);
    expect((await mint()).status).toBe(404);
    simulator.faults.clear();
    simulator.faults.add({ match: "client", uid: "alice", effect: { kind: "html" } });
    const response = await simulator.fetch(`${client}/me`, { headers: { authtoken: authToken } });
    expect(response.status).toBe(502);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect((await mint()).status).toBe(200);
  });

  test("delay an answer, on top of the latency and before another fault", async () => {
    const { simulator, mint, slept } = setUp({ latency: () => 5 });
    simulator.faults.add({ match: "mint", effect: { kind: "delay", ms: 2000 } });
    simulator.faults.add({ match: "mint", times: 1, effect: { kind: "html" } });
    expect([(await mint()).status, (await mint()).status]).toEqual([502, 200]);
    expect(slept).toEqual([2005, 2005]);
  });

  test("are removed one by one or all together, and count how often they were used", async () => {
    const { simulator, mint } = setUp();
    const id = simulator.faults.add({ match: "mint", times: Number.POSITIVE_INFINITY, effect: { kind: "html" } });
    await mint();
    expect(simulator.faults.list()).toMatchObject([{ id, match: "mint", played: 1 }]);
    expect(simulator.faults.remove(id)).toBe(true);
    expect(simulator.faults.remove(id)).toBe(false);
    expect((await mint()).status).toBe(200);
  });
});

describe("An aborted call", () => {
  virtualTime();

  const abortable: [string, Partial<SimulatorOptions>, Effect | undefined][] = [
    ["the latency", { latency: 60_000 }, undefined],
    ["a delay", {}, { kind: "delay", ms: 60_000 }],
    ["a call that hangs", {}, { kind: "hang" }],
  ];

  test.each(abortable)("stops waiting for %s, and nothing is done", async (_, options, effect) => {
    const { simulator, mint } = setUp({ ...options, sleep: undefined });
    if (effect) simulator.faults.add({ match: "any", effect });
    const reason = new DOMException("enough", "TimeoutError");
    for (const asRequest of [false, true]) {
      const controller = new AbortController();
      const pending = asRequest
        ? simulator.fetch(new Request(`${rest}/users/alice`, { signal: controller.signal, headers: { apikey: key } }))
        : mint("alice", { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 5);
      await expect(pending).rejects.toMatchObject({ name: "TimeoutError" });
    }
    expect(simulator.tokens("alice")).toEqual([]);
    expect(simulator.journal.calls({ outcome: "aborted" })).toBe(2);
  });

  test.each<Effect>([{ kind: "silence" }, { kind: "drip", ms: 60_000 }])("stops the body of $kind", async (effect) => {
    const { simulator, mint } = setUp({ sleep: undefined });
    simulator.faults.add({ match: "any", effect });
    const controller = new AbortController();
    const response = await mint("alice", { signal: controller.signal });
    expect(response.status).toBe(200);
    setTimeout(() => controller.abort(new DOMException("enough", "TimeoutError")), 5);
    await expect(response.text()).rejects.toMatchObject({ name: "TimeoutError" });
  });

  test.each<Effect>([{ kind: "silence" }, { kind: "drip", ms: 60_000 }])(
    "may stop reading $kind by itself",
    async (effect) => {
      const { simulator, mint } = setUp({ sleep: undefined });
      simulator.faults.add({ match: "any", effect });
      const reader = (await mint()).body?.getReader();
      const reading = reader?.read();
      await reader?.cancel();
      expect(await reading).toMatchObject({ done: true });
    },
  );

  test("that was aborted before it began does nothing", async () => {
    const { simulator, mint } = setUp();
    await expect(mint("alice", { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
    expect(simulator.tokens("alice")).toEqual([]);
  });

  test("during a create leaves no user", async () => {
    const { simulator } = setUp({ createDelay: 60_000, sleep: undefined });
    const pending = simulator.fetch(`${rest}/users`, {
      method: "POST",
      headers: { apikey: key, "content-type": "application/json" },
      body: JSON.stringify({ uid: "bob", name: "Bob" }),
      signal: AbortSignal.timeout(5),
    });
    await expect(pending).rejects.toMatchObject({ name: "TimeoutError" });
    expect(simulator.user("bob")).toBeUndefined();
  });
});

describe("The control API", () => {
  test("shows users, settings, faults and the last calls, and never an API key", async () => {
    const { simulator, mint, control } = setUp({ latency: () => 0 });
    await mint();
    simulator.faults.add({ match: "get", effect: { kind: "hang" } });
    const { status, headers, json, text } = await control("GET", "/state");
    expect(status).toBe(200);
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(json).toMatchObject({
      appId: "app1",
      region: "us",
      users: [{ uid: "alice", tokens: 1 }],
      options: { sampleUsers: false, latency: "varies" },
      faults: [{ match: "get", effect: { kind: "hang" } }],
      journal: [{ call: "mint", uid: "alice", status: 200 }],
    });
    expect(text).not.toContain(key);
    expect((await control("GET", "/journal")).json).toHaveLength(1);
    expect(simulator.journal.calls()).toBe(1);
  });

  test("adds and removes faults", async () => {
    const { simulator, mint, control } = setUp();
    const fault = { match: "mint", times: 1, effect: { kind: "error", status: 500, code: "ERR_MISSION_FAILED" } };
    expect(await control("POST", "/faults", fault)).toMatchObject({ status: 201, json: { id: expect.any(String) } });
    expect((await mint()).status).toBe(500);
    const { json } = await control("POST", "/faults", { match: "any", effect: { kind: "hang" } });
    expect((await control("DELETE", `/faults/${json.id}`)).status).toBe(204);
    expect((await control("DELETE", `/faults/${json.id}`)).status).toBe(404);
    await control("POST", "/faults", { match: "any", effect: { kind: "hang" } });
    expect((await control("DELETE", "/faults")).status).toBe(204);
    expect(simulator.faults.list()).toEqual([]);
  });

  test.each<[string, string, unknown, RegExp]>([
    ["POST", "/faults", "no JSON", /expected object/],
    ["POST", "/faults", { match: "everything", effect: { kind: "hang" } }, /^match: /],
    ["POST", "/faults", { match: "any" }, /^effect: /],
    ["POST", "/faults", { match: "any", effect: { kind: "explode" } }, /^effect\.kind: /],
    ["POST", "/faults", { match: "any", effect: { kind: "answer", status: 99, body: "" } }, /^effect\.status: /],
    ["POST", "/faults", { match: "any", probability: 2, effect: { kind: "hang" } }, /^probability: /],
    ["POST", "/faults", { match: "any", times: 0, effect: { kind: "hang" } }, /^times: /],
    ["POST", "/faults", { match: "any", often: 1, effect: { kind: "hang" } }, /"often"/],
    ["PATCH", "/options", { createDelay: -1 }, /^createDelay: /],
    ["PATCH", "/options", { keys: {} }, /"keys"/],
    ["PATCH", "/options", { rateLimits: { core: 1 } }, /^rateLimits\./],
  ])("says what is wrong with %s %s %j", async (method, path, body, expected) => {
    const { control, simulator } = setUp();
    const { status, json } = await control(method, path, body);
    expect(status).toBe(400);
    expect(json.errors[0]).toMatch(expected);
    expect(simulator.faults.list()).toEqual([]);
  });

  test("changes settings, restores them, and resets everything", async () => {
    const { simulator, create, control, mint } = setUp({ userLimit: 10 });
    expect((await control("PATCH", "/options", { userLimit: 1, tokenLifetime: 60 })).json).toMatchObject({
      userLimit: 1,
    });
    expect((await create("bob")).status).toBe(402);
    await control("PATCH", "/options", { userLimit: null });
    expect((await create("bob")).status).toBe(200);
    await mint();
    expect((await control("POST", "/reset")).status).toBe(204);
    expect(simulator.users()).toEqual([]);
    expect(simulator.tokens("alice")).toEqual([]);
    expect(simulator.journal.entries).toEqual([]);
    expect((await control("GET", "/state")).json.options).toMatchObject({ userLimit: 10 });
    expect((await control("GET", "/state")).json.options).not.toHaveProperty("tokenLifetime");
  });

  test("answers preflights, and 404 to an unknown address", async () => {
    const { control } = setUp();
    const { status, headers } = await control("OPTIONS", "/faults");
    expect([status, headers.get("access-control-allow-methods")]).toEqual([204, "GET,POST,PATCH,DELETE"]);
    expect((await control("GET", "/keys")).status).toBe(404);
  });
});
