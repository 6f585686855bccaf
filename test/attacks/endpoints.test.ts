import { runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { KEYS_COLD_COOLDOWN_MS } from "../../src/limits.ts";
import { createRecordingWorld, ledgerOf, request, restoreAfterEach } from "../support/ledger.ts";
import { createTarget, ISSUER, JWKS } from "../support/target.ts";
import { bodyOf, createWorld, type ProblemAnswer, type World, type WorldOptions } from "../support/world.ts";

restoreAfterEach();

const tokenOf = async (response: Response) => (await bodyOf(response)).authToken;
/** The headers without the two that differ in each answer. */
const headersOf = ({ headers }: Response) =>
  [...headers].filter(([name]) => !/^(server-timing|x-request-id)$/.test(name));

describe("DELETE /v1/token with a token that is not the caller's (RFC 7009 §2.2)", () => {
  // One uid is the beginning of the other, so one token's text may begin like the other's.
  it.each([
    ["a", "a_b"],
    ["a_b", "a"],
    ["a", "a_1700000000"],
    ["a_1700000000", "a"],
    ["alice", "bob"],
  ])("leaves it alive, and answers as if it were the caller's: %s presents a token of %s", async (mine, theirs) => {
    const world = createRecordingWorld();
    const session = await world.provider.issue({ subject: mine });
    const own = await tokenOf(await world.signIn(session));
    const other = await tokenOf(await world.signIn({ subject: theirs }));
    const answers: (readonly unknown[])[] = [];
    for (const authToken of [other, `${theirs}_1700000000abcdef`, `${mine}_1700000000abcdef`, "garbage", own]) {
      const response = await world.call("/v1/token", request("DELETE", session, { authToken }));
      answers.push([response.status, await response.text(), headersOf(response)]);
      expect(world.simulator.tokens(theirs)).toEqual([other]);
      expect(world.simulator.tokens(mine)).toEqual(authToken === own ? [] : [own]);
    }
    expect(answers[0]?.slice(0, 2)).toEqual([204, ""]);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it.each([
    "../",
    "..",
    "../../v3/users",
    "%2e%2e",
    "a/b",
    "a?b=c",
    "a#b",
    "a;b",
    "a\r\nb",
    "ａ",
    " ",
    "x".repeat(1025),
  ])("answers 400 and calls nothing where the text is no token and could change an address: %j", async (authToken) => {
    const world = createRecordingWorld();
    const session = await world.provider.issue({ subject: "alice" });
    const own = await tokenOf(await world.signIn(session));
    const calls = world.simulator.journal.entries.length;
    const response = await world.call("/v1/token", request("DELETE", session, { authToken }));
    expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([400, "bad-request"]);
    expect(world.simulator.journal.entries).toHaveLength(calls);
    expect(world.simulator.tokens("alice")).toEqual([own]);
  });
});

const reusing = (options: WorldOptions = {}): World =>
  createRecordingWorld({ ...options, env: { TOKENS: { reuse: "session" }, ...options.env } });

/** A gateway in another isolate: its memory is empty, the stores and CometChat are the same. */
const anotherIsolate = (world: World, env: Record<string, unknown> = {}) =>
  reusing({ env, deps: { fetch: (input, init) => world.fetch(input, init) } });

describe("a session after DELETE /v1/tokens", () => {
  it.each(["in this isolate", "in another one"])("gets a new token, and never an old one again: %s", async (where) => {
    const world = reusing();
    const session = await world.provider.issue({ subject: "alice" });
    const dead = await tokenOf(await world.signIn(session));
    expect(await tokenOf(await world.signIn(session))).toBe(dead);
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    const asked = where === "in this isolate" ? world : anotherIsolate(world);
    const response = await asked.signIn(session);
    const token = await tokenOf(response);
    expect(response.status).toBe(201);
    expect(token).not.toBe(dead);
    expect(world.simulator.tokens("alice")).toEqual([token]);
    // The new token is recorded and given to the session from now on.
    const next = await asked.signIn(session);
    expect([next.status, await tokenOf(next)]).toEqual([200, token]);
  });
});

const BACKEND = "correct-horse-battery-staple-0123456789";
const SEALING = btoa("tokens are encrypted with this one".slice(0, 32));

describe("an endpoint without a credential", () => {
  const env = {
    BACKEND_SECRET: BACKEND,
    TOKEN_ENCRYPTION_KEY: SEALING,
    TOKENS: { reuse: "session" },
    HOOK_SECRET: `whsec_${btoa("w".repeat(32))}`,
    SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["an-audience"], webhookSecret: "HOOK_SECRET" }],
    COMETCHAT_APPS: { main: { appId: "2753secretapp", region: "us" } },
    ALLOWED_ORIGINS: ["https://an-origin.example"],
  };
  const never = /2753secretapp|an-audience|an-origin|COMETCHAT|SECRET|whsec_|v1:|sub"|0123456789abcdef/;

  it.each([
    ["/healthz", 200],
    ["/readyz", 200],
    ["/openapi.json", 200],
  ])("shows no secret and no value of the configuration: %s", async (path, status) => {
    for (const method of ["GET", "HEAD"]) {
      const response = await createWorld({ env }).call(path, { method });
      const text = `${await response.text()}${JSON.stringify([...response.headers])}`;
      if (method === "GET") expect(response.status).toBe(status);
      for (const secret of [BACKEND, SEALING, env.HOOK_SECRET]) expect(text).not.toContain(secret.slice(0, 12));
      // The API's description names fields and settings, but no values of this deployment.
      if (path !== "/openapi.json") expect(text).not.toMatch(never);
      else expect(text).not.toMatch(/2753secretapp|an-audience|an-origin|idp\.example/);
    }
  });

  it("is the same for every configuration: /openapi.json", async () => {
    const texts = await Promise.all(
      [createWorld(), createWorld({ env })].map(async (world) => (await world.call("/openapi.json")).text()),
    );
    expect(texts[0]).toBe(texts[1]);
  });

  it("answers without any I/O, also while everything is down: /healthz", async () => {
    const asked: string[] = [];
    const down = (name: string) => async () => {
      asked.push(name);
      throw new Error("down");
    };
    const world = createWorld({
      env: {
        USERS: { get: down("kv"), put: down("kv"), list: down("kv"), delete: down("kv") },
        LEDGER: { getByName: down("ledger") },
        HOME: { getByName: down("home") },
        ONCE: { getByName: down("once") },
        RATE_LIMIT_IP: { limit: down("limit") },
        RATE_LIMIT_USER: { limit: down("limit") },
      },
      deps: { fetch: down("fetch") },
    });
    for (let count = 0; count < 5; count += 1) expect((await world.call("/healthz")).status).toBe(200);
    expect(asked).toEqual([]);
  });

  it("causes one fetch from a provider in each cool-down, however often it is called: /readyz", async () => {
    const target = createTarget({ env: { RATE_LIMIT_IP: { limit: async () => ({ success: true }) } } });
    target.respond = () => new Response(null, { status: 500 });
    const ready = () => target.send("/readyz", { method: "GET" });
    expect(await Promise.all(Array.from({ length: 30 }, async () => (await ready()).status))).toEqual(
      Array(30).fill(503),
    );
    expect(target.asked).toEqual([JWKS]);
    target.clock.now += KEYS_COLD_COOLDOWN_MS;
    for (let count = 0; count < 10; count += 1) await ready();
    expect(target.asked).toEqual([JWKS, JWKS]);
    // Calls are limited by address.
    const limited = createWorld({ env: { RATE_LIMIT_IP: { limit: async () => ({ success: false }) } } });
    expect((await limited.call("/readyz")).status).toBe(429);
    expect(limited.fetched).toEqual([]);
  });
});

const EVERYWHERE: readonly [method: string, path: string][] = [
  ["POST", "/v1/token"],
  ["DELETE", "/v1/token"],
  ["OPTIONS", "/v1/token"],
  ["DELETE", "/v1/tokens"],
  ["POST", "/v1/backchannel-logout"],
  ["POST", "/v1/users"],
  ["GET", "/v1/users/alice"],
  ["POST", "/v1/webhooks/idp"],
  ["GET", "/openapi.json"],
  ["GET", "/healthz"],
  ["GET", "/readyz"],
  ["GET", "/nowhere"],
];

/** Every address answers 500 with the same text and calls nothing. Only the log names what is wrong. */
async function expectStopped(env: Record<string, unknown>, variables: readonly string[]): Promise<void> {
  const world = createWorld({ env: { BACKEND_SECRET: BACKEND, ...env } });
  const session = await world.provider.issue();
  for (const [method, path] of EVERYWHERE) {
    const response = await world.call(path, { method, headers: { Authorization: `Bearer ${session}` } });
    const text = await response.text();
    expect([path, response.status, response.headers.get("cache-control")]).toEqual([path, 500, "no-store"]);
    const { code, title, ...rest } = JSON.parse(text) as ProblemAnswer;
    expect([code, title]).toEqual(["config-invalid", "The gateway is not configured correctly."]);
    expect(Object.keys(rest).sort()).toEqual(["requestId", "status", "type"]);
    for (const variable of variables) expect(text).not.toContain(variable);
  }
  expect(world.fetched).toEqual([]);
  const named = world.lines.filter(({ event }) => event === "config-invalid").map(({ variable }) => String(variable));
  expect(named.sort()).toEqual([...variables].sort());
}

describe("a configuration in which users of two issuers could get the same uid", () => {
  const entry = (name: string, uid?: object) => ({
    issuer: `https://${name}.example`,
    audience: ["chat"],
    ...(uid && { uid }),
  });
  it.each<[string, object[]]>([
    ["two without prefixes", [entry("a"), entry("b")]],
    ["one without a prefix", [entry("a"), entry("b", { prefix: "b_" })]],
    ["the same prefix", [entry("a", { prefix: "x_" }), entry("b", { prefix: "x_" })]],
    ["a prefix that begins another's", [entry("a", { prefix: "a" }), entry("b", { prefix: "ab" })]],
    ["a prefix that another's begins", [entry("a", { prefix: "a_b_" }), entry("b", { prefix: "a_" })]],
    ["only one that shares", [entry("a", { shared: true }), entry("b")]],
    ["sharing under two prefixes", [entry("a", { shared: true }), entry("b", { shared: true, prefix: "b_" })]],
  ])("is refused at every endpoint: %s", async (_, issuers) => {
    await expectStopped({ SESSION_ISSUERS: issuers }, ["SESSION_ISSUERS[1].uid.prefix"]);
  });
});

const ENTRY = { issuer: ISSUER, audience: ["chat"] };
const APP = { appId: "2753", region: "us" };
const based = (baseUrl: string) => ({ COMETCHAT_APPS: { main: { ...APP, baseUrl } } });

describe("a wrong configuration", () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      "an issuer over http",
      { SESSION_ISSUERS: [{ ...ENTRY, issuer: "http://idp.example" }] },
      "SESSION_ISSUERS[0].issuer",
    ],
    [
      "http on a name that begins like the loopback's",
      { SESSION_ISSUERS: [{ ...ENTRY, issuer: "http://localhost.example" }] },
      "SESSION_ISSUERS[0].issuer",
    ],
    [
      "http on another address of this network",
      { SESSION_ISSUERS: [{ ...ENTRY, issuer: "http://10.0.0.1" }] },
      "SESSION_ISSUERS[0].issuer",
    ],
    [
      "keys over http",
      { SESSION_ISSUERS: [{ ...ENTRY, jwksUrl: "http://idp.example/jwks" }] },
      "SESSION_ISSUERS[0].jwksUrl",
    ],
    [
      "keys of another scheme",
      { SESSION_ISSUERS: [{ ...ENTRY, jwksUrl: "data:application/json,{}" }] },
      "SESSION_ISSUERS[0].jwksUrl",
    ],
    ["an app over http", based("http://chat.example/v3"), "COMETCHAT_APPS.main.baseUrl"],
    [
      "credentials in an issuer",
      { SESSION_ISSUERS: [{ ...ENTRY, issuer: "https://a:b@idp.example" }] },
      "SESSION_ISSUERS[0].issuer",
    ],
    [
      "credentials in the keys' address",
      { SESSION_ISSUERS: [{ ...ENTRY, jwksUrl: "https://a@idp.example/jwks" }] },
      "SESSION_ISSUERS[0].jwksUrl",
    ],
    ["credentials in an app's address", based("https://a:b@chat.example/v3"), "COMETCHAT_APPS.main.baseUrl"],
    ["an unknown key", { TOKENS: { lifetime: 60 } }, "TOKENS.lifetime"],
    ["an unknown key in JSON text", { TOKENS: JSON.parse('{"__proto__":{"ttl":1}}') }, "TOKENS.__proto__"],
    ["a wrong type", { REQUEST_TIMEOUT_MS: "soon" }, "REQUEST_TIMEOUT_MS"],
    ["text that is no JSON", { COMETCHAT_APPS: "{main}" }, "COMETCHAT_APPS"],
    ["JSON of another type", { PLACEMENT: "[1]" }, "PLACEMENT"],
  ])("is refused at every endpoint: %s", async (_, env, variable) => {
    await expectStopped(env, [variable]);
  });

  it("is logged with all its mistakes at once", async () => {
    await expectStopped(
      {
        SESSION_ISSUERS: [{ issuer: "http://idp.example", jwksUrl: "http://idp.example/jwks", audiences: [] }],
        COMETCHAT_APPS: { main: { ...APP, baseUrl: "https://a:b@chat.example" } },
        REQUEST_TIMEOUT_MS: "soon",
      },
      [
        "COMETCHAT_APPS.main.baseUrl",
        "REQUEST_TIMEOUT_MS",
        "SESSION_ISSUERS[0].audience",
        "SESSION_ISSUERS[0].audiences",
        "SESSION_ISSUERS[0].issuer",
        "SESSION_ISSUERS[0].jwksUrl",
      ],
    );
  });
});

describe("a configuration with http", () => {
  it.each(["http://127.0.0.1:8788", "http://localhost:8788"])("is allowed for the sandbox: %s", async (base) => {
    const world = createWorld({
      env: { ...based(`${base}/v3`), SESSION_ISSUERS: [{ ...ENTRY, issuer: `${base}/idp`, jwksUrl: `${base}/jwks` }] },
    });
    expect((await world.call("/healthz")).status).toBe(200);
  });
});

const phone = { claims: { jti: "phone" } };

describe("a recorded token that somebody has changed in storage", () => {
  const sql = <T>(uid: string, work: (sql: SqlStorage) => T): Promise<T> =>
    runInDurableObject(ledgerOf(uid), (_, { storage }) => work(storage.sql));
  const sealedOf = async (uid: string) => {
    const rows = await sql(uid, (sql) => sql.exec("SELECT sealed FROM minted").toArray());
    return new Uint8Array(rows[0]?.sealed as ArrayBuffer);
  };
  const put = (uid: string, sealed: Uint8Array<ArrayBuffer>) =>
    sql(uid, (sql) => void sql.exec("UPDATE minted SET sealed = ?", sealed.slice().buffer));
  const changed = (sealed: Uint8Array<ArrayBuffer>, at: number, value: number) => sealed.with(at, value);

  it.each<[string, (sealed: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>]>([
    ["cut by one byte", (sealed) => sealed.slice(0, -1)],
    ["cut to its nonce", (sealed) => sealed.slice(0, 13)],
    ["of version 2", (sealed) => changed(sealed, 0, 2)],
    ["of version 0", (sealed) => changed(sealed, 0, 0)],
    ["with another nonce", (sealed) => changed(sealed, 4, (sealed[4] ?? 0) ^ 1)],
    ["as a plain text", () => Uint8Array.from(new TextEncoder().encode("alice_forged"))],
  ])("is not handed out, and the session gets a new one: %s", async (_, change) => {
    const world = reusing();
    const session = await world.provider.issue({ subject: "alice", ...phone });
    const old = await tokenOf(await world.signIn(session));
    await put("alice", change(await sealedOf("alice")));
    const response = await anotherIsolate(world).signIn(session);
    expect(response.status).toBe(201);
    expect(await tokenOf(response)).not.toBe(old);
  });

  it.each([
    ["another session of the same user", { subject: "alice", claims: { jti: "laptop" } }],
    ["another user's session", { subject: "bob", ...phone }],
  ])("is not handed out to %s", async (_, victim) => {
    const world = reusing();
    const session = await world.provider.issue({ subject: "alice", ...phone });
    const stolen = await tokenOf(await world.signIn(session));
    const sealed = await sealedOf("alice");
    const other = await world.provider.issue(victim);
    await world.signIn(other);
    await put(victim.subject, sealed);
    const response = await anotherIsolate(world).signIn(other);
    expect(response.status).toBe(201);
    expect(await tokenOf(response)).not.toBe(stolen);
    // In its own place it can be decrypted.
    const right = await anotherIsolate(world).signIn(session);
    expect([right.status, await tokenOf(right)]).toEqual([200, stolen]);
  });
});

describe("a recorded token whose TOKEN_ENCRYPTION_KEY is rotated", () => {
  it("is handed out while the old key is listed, and not afterwards", async () => {
    const { TOKEN_ENCRYPTION_KEY: old } = bindings as unknown as { TOKEN_ENCRYPTION_KEY: string };
    const world = reusing();
    const session = await world.provider.issue({ subject: "alice", ...phone });
    const token = await tokenOf(await world.signIn(session));
    const during = await anotherIsolate(world, { TOKEN_ENCRYPTION_KEY: `${SEALING},${old}` }).signIn(session);
    expect([during.status, await tokenOf(during)]).toEqual([200, token]);
    expect((await anotherIsolate(world, { TOKEN_ENCRYPTION_KEY: SEALING }).signIn(session)).status).toBe(201);
  });
});
