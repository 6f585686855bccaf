import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import type { Code } from "../../src/errors.ts";
import { createRecordingWorld, ledgerOf, restoreAfterEach } from "../support/ledger.ts";
import {
  API_KEY,
  APP_ID,
  bodyOf,
  createWorld,
  ISSUER,
  type ProblemAnswer,
  type World,
  type WorldOptions,
} from "../support/world.ts";

const SECRET = "the backend's own secret 0123456789";
const MANAGER = { roles: ["manager"] };

interface Provisioned {
  uid: string;
  appId: string;
  region: string;
  created: boolean;
  authToken?: string;
}

const backendWorld = ({ env, ...rest }: WorldOptions = {}): World =>
  createWorld({ simulator: MANAGER, ...rest, env: { BACKEND_SECRET: SECRET, ...env } });

/** A request of the backend, with a body as JSON. */
function ask(world: World, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  return world.call(path, {
    method,
    headers: { Authorization: `Bearer ${SECRET}`, "Content-Type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

const provision = (world: World, body: Record<string, unknown> = {}) =>
  ask(world, "POST", "/v1/users", { subject: "alice", name: "Alice", ...body });

const calls = (world: World) => world.simulator.journal.entries.map(({ call }) => call);

async function expectProblem(response: Response, status: number, code: Code): Promise<ProblemAnswer> {
  const problem = await bodyOf<ProblemAnswer>(response);
  expect([response.status, problem.code]).toEqual([status, code]);
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  return problem;
}

describe("POST /v1/users", () => {
  it("creates a user with the whole profile, in one call", async () => {
    const world = backendWorld();
    const profile = {
      name: "Alice",
      avatar: "https://cdn.example/a.png",
      link: "http://example.com/alice",
      role: "manager",
      tags: ["red", "blue"],
      metadata: { plan: "pro" },
    };
    const response = await provision(world, profile);
    expect(response.status).toBe(201);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await bodyOf(response)).toEqual({ uid: "alice", appId: APP_ID, region: "us", created: true });
    expect(calls(world)).toEqual(["create"]);
    expect(world.simulator.user("alice")).toMatchObject(profile);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("answers 200 if the user exists already, and does not change it", async () => {
    const world = backendWorld();
    world.simulator.seed({ uid: "alice", name: "Alice of old" });
    const response = await provision(world);
    expect(response.status).toBe(200);
    expect(await bodyOf(response)).toEqual({ uid: "alice", appId: APP_ID, region: "us", created: false });
    expect(calls(world)).toEqual(["create"]);
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice of old" });
  });

  it("does not make the next sign-in of a user who exists more expensive", async () => {
    const world = backendWorld();
    const session = { subject: "alice", claims: { name: "Alice" } };
    await world.signIn(session);
    expect((await provision(world, { name: "Alice A." })).status).toBe(200);
    await world.signIn(session);
    expect(calls(world).slice(-2)).toEqual(["create", "mint"]);
  });

  it("answers with a token of the new user, in the same call", async () => {
    const world = backendWorld();
    const response = await provision(world, { withAuthToken: true });
    expect(response.status).toBe(201);
    const { authToken } = await bodyOf<Provisioned>(response);
    expect(world.simulator.tokens("alice")).toEqual([authToken]);
    expect(calls(world)).toEqual(["create"]);
  });

  it("answers with a token of a user who exists already, in two calls", async () => {
    const world = backendWorld();
    world.simulator.seed({ uid: "alice" });
    const response = await provision(world, { withAuthToken: true });
    expect(response.status).toBe(200);
    const body = await bodyOf<Provisioned>(response);
    expect(body).toMatchObject({ created: false, authToken: world.simulator.tokens("alice")[0] });
    expect(calls(world)).toEqual(["create", "mint"]);
  });

  it("refuses a token of a deactivated user, and does not reactivate it, although sign-ins do", async () => {
    const world = backendWorld({ env: { PROVISIONING: { reactivate: true } } });
    world.simulator.seed({ uid: "alice", deactivatedAt: 1 });
    await expectProblem(await provision(world, { withAuthToken: true }), 403, "user-deactivated");
    expect(calls(world)).toEqual(["create", "mint"]);
    expect(world.simulator.user("alice")?.deactivatedAt).toBe(1);
  });

  it.each(["alice", "auth0|5f7c", "Alice@Example.com", "x-ray", "ü".repeat(200)])(
    "gives the subject %s the same uid as a session does",
    async (subject) => {
      const world = backendWorld();
      const { uid } = await bodyOf<Provisioned>(await provision(world, { subject }));
      const signedIn = await bodyOf(await world.signIn({ subject }));
      expect(signedIn).toMatchObject({ uid, created: false });
    },
  );

  it("makes the first sign-in need one call", async () => {
    const world = backendWorld();
    await provision(world, { avatar: "https://cdn.example/a.png" });
    world.simulator.journal.clear();
    await world.signIn({ subject: "alice" });
    expect(calls(world)).toEqual(["mint"]);
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice", avatar: "https://cdn.example/a.png" });
  });

  it("causes no update at the first sign-in if the session's claims are the same", async () => {
    const world = backendWorld();
    await provision(world, { avatar: "https://cdn.example/a.png" });
    world.simulator.journal.clear();
    const claims = { name: "Alice", picture: "https://cdn.example/a.png" };
    await world.signIn({ subject: "alice", claims });
    await world.signIn({ subject: "alice", claims });
    expect(calls(world)).toEqual(["mint", "mint"]);
  });

  it("sets fields that the first session does not change, unless it has the claim", async () => {
    const world = backendWorld();
    await provision(world, { avatar: "https://cdn.example/a.png" });
    world.simulator.journal.clear();
    await world.signIn({ subject: "alice", claims: { name: "Alice B." } });
    expect(calls(world)).toEqual(["mint", "update"]);
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice B.", avatar: "https://cdn.example/a.png" });
  });

  it("sets fields that are removed if a session had their claim and no longer has it", async () => {
    const world = backendWorld();
    await provision(world, { avatar: "https://cdn.example/a.png" });
    await world.signIn({ subject: "alice", claims: { name: "Alice", picture: "https://cdn.example/a.png" } });
    await world.signIn({ subject: "alice", claims: { name: "Alice" } });
    expect(world.simulator.user("alice")).not.toHaveProperty("avatar");
  });

  it("creates users who can then sign in with PROVISIONING.mode = existing", async () => {
    const world = backendWorld({ env: { PROVISIONING: { mode: "existing" } } });
    expect((await world.signIn({ subject: "alice" })).status).toBe(403);
    expect((await provision(world)).status).toBe(201);
    expect((await world.signIn({ subject: "alice" })).status).toBe(201);
  });

  it("refuses CometChat's own user", async () => {
    const world = backendWorld();
    await expectProblem(await provision(world, { subject: "app_system" }), 403, "subject-not-allowed");
    expect(calls(world)).toEqual([]);
  });

  it("creates a user without the role if CometChat does not have it", async () => {
    const world = backendWorld();
    expect((await provision(world, { role: "astronaut" })).status).toBe(201);
    expect(world.simulator.user("alice")).toMatchObject({ role: "default" });
  });
});

describe("the fields of POST /v1/users", () => {
  const text = (length: number) => "a".repeat(length);
  const address = (length: number) => `https://cdn.example/${text(length - 20)}`;
  const nested = (depth: number) =>
    `{"subject":"a","name":"a","metadata":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;

  it.each<[string, Record<string, unknown>]>([
    ["a name of 100 characters", { name: text(100) }],
    ["a name of 100 characters outside the basic plane", { name: "😀".repeat(100) }],
    ["an address of 3000 characters", { avatar: address(3000) }],
    ["a plain http address", { link: "http://example.com" }],
    ["25 tags of 100 characters", { tags: Array.from({ length: 25 }, (_, at) => text(98) + String(at + 10)) }],
    ["no tags", { tags: [] }],
    ["metadata of 1600 characters", { metadata: { a: text(1600 - 8) } }],
    ["empty metadata", { metadata: {} }],
    ["the one issuer", { issuer: ISSUER }],
    ["the one app", { app: "main" }],
  ])("may have %s", async (_, body) => {
    const world = backendWorld();
    expect((await provision(world, body)).status).toBe(201);
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    ["no subject", { subject: undefined }, ["subject"]],
    ["an empty subject", { subject: "" }, ["subject"]],
    ["a number as subject", { subject: 7 }, ["subject"]],
    ["a subject with a control character", { subject: "a\u0000b" }, ["subject"]],
    ["a subject with a line feed", { subject: "a\nb" }, ["subject"]],
    ["a subject of 5000 characters", { subject: text(5000) }, ["subject"]],
    ["a subject with a lone surrogate", { subject: "a\ud800" }, ["subject"]],
    ["no name", { name: undefined }, ["name"]],
    ["an empty name", { name: "" }, ["name"]],
    ["a name of spaces", { name: "   " }, ["name"]],
    ["null as name", { name: null }, ["name"]],
    ["a name of 101 characters", { name: text(101) }, ["name"]],
    ["a name of 101 characters outside the basic plane", { name: "😀".repeat(101) }, ["name"]],
    ["a name with a lone surrogate", { name: "\udc00" }, ["name"]],
    ["a script as avatar", { avatar: "javascript:alert(1)" }, ["avatar"]],
    ["data as avatar", { avatar: "data:image/png;base64,AAAA" }, ["avatar"]],
    ["null as avatar", { avatar: null }, ["avatar"]],
    ["an address of 3001 characters", { avatar: address(3001) }, ["avatar"]],
    [
      "an address of more than 3000 characters when encoded",
      { avatar: `https://cdn.example/${"é".repeat(1000)}` },
      ["avatar"],
    ],
    ["an address with a space", { link: "https://example.com/a b" }, ["link"]],
    ["an address without a host", { link: "https://" }, ["link"]],
    ["a relative address", { link: "/alice" }, ["link"]],
    ["an ftp address", { link: "ftp://example.com/" }, ["link"]],
    ["a role in capitals", { role: "Manager" }, ["role"]],
    ["an empty role", { role: "" }, ["role"]],
    ["a role of 101 characters", { role: text(101) }, ["role"]],
    ["a role with a line feed", { role: "manager\n" }, ["role"]],
    ["26 tags", { tags: Array.from({ length: 26 }, String) }, ["tags"]],
    ["a tag of 101 characters", { tags: [text(101)] }, ["tags"]],
    ["an empty tag", { tags: ["a", ""] }, ["tags"]],
    ["a number as tag", { tags: ["a", 1] }, ["tags"]],
    ["text as tags", { tags: "red" }, ["tags"]],
    ["a list as metadata", { metadata: [] }, ["metadata"]],
    ["text as metadata", { metadata: "{}" }, ["metadata"]],
    ["metadata of 1601 characters", { metadata: { a: text(1601 - 8) } }, ["metadata"]],
    ["text as withAuthToken", { withAuthToken: "true" }, ["withAuthToken"]],
    ["an unknown issuer", { issuer: "https://elsewhere.example" }, ["issuer"]],
    ["an unknown app", { app: "eu" }, ["app"]],
    ["the name of an inherited property as app", { app: "constructor" }, ["app"]],
    ["an unknown key", { uid: "bob" }, ["a key that is not known"]],
    ["several mistakes", { name: "", avatar: 1, tags: 2, uid: "bob" }, ["name", "avatar", "tags", "not known"]],
  ])("are refused with 400, which names the field, and nothing is called: %s", async (_, body, named) => {
    const world = backendWorld();
    const { detail } = await expectProblem(await provision(world, body), 400, "bad-request");
    for (const name of named) expect(detail).toContain(name);
    expect(detail).not.toContain("bob");
    expect(calls(world)).toEqual([]);
  });

  it("are refused with 400 if together they are too large for CometChat", async () => {
    const world = backendWorld();
    const address = (letter: string) => `https://a.example/${letter.repeat(2982)}`;
    const tags = Array.from({ length: 25 }, (_, index) => `${index}`.padStart(100, "t"));
    const user = { avatar: address("a"), link: address("b"), tags, metadata: { m: "x".repeat(1500) } };
    await expectProblem(await provision(world, user), 400, "bad-request");
    world.simulator.seed({ uid: "alice" });
    await expectProblem(await ask(world, "PATCH", "/v1/users/alice", user), 400, "bad-request");
    expect(calls(world)).toEqual([]);
  });

  it("need the issuer if there are several, before the app can be judged", async () => {
    const other = { issuer: "https://other.example", audience: ["chat"], app: "eu", uid: { prefix: "o_" } };
    const world = backendWorld({
      env: {
        COMETCHAT_APPS: { main: { appId: APP_ID, region: "us" }, eu: { appId: "2753000000000eu", region: "eu" } },
        PLACEMENT: { default: "main" },
        SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], app: "main", uid: { prefix: "m_" } }, other],
      },
    });
    const { detail } = await expectProblem(await provision(world, { app: "eu" }), 400, "bad-request");
    expect(detail).toBe("issuer: is missing.");
  });

  it("may not name another app than the issuer's, which is named with the other mistakes", async () => {
    const world = backendWorld({
      env: {
        COMETCHAT_APPS: { main: { appId: APP_ID, region: "us" }, eu: { appId: "2753000000000eu", region: "eu" } },
        PLACEMENT: { default: "main" },
        SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], app: "main" }],
      },
    });
    const { detail } = await expectProblem(await provision(world, { name: "", app: "eu" }), 400, "bad-request");
    expect(detail).toMatch(/name: must be .* app: must be the app of this issuer/);
  });

  it.each<[string, string | undefined, Record<string, string>, number, Code]>([
    ["nothing", undefined, {}, 400, "bad-request"],
    ["no JSON", "{", {}, 400, "bad-request"],
    ["a list", "[]", {}, 400, "bad-request"],
    ["null", "null", {}, 400, "bad-request"],
    ["__proto__", '{"subject":"a","name":"a","__proto__":{"app":"main"}}', {}, 400, "bad-request"],
    ["metadata 1500 levels deep", nested(1500), {}, 400, "bad-request"],
    ["another type", '{"subject":"a","name":"a"}', { "Content-Type": "text/plain" }, 415, "unsupported-media-type"],
    ["more than 10 KB", JSON.stringify({ subject: "a", name: text(10_240) }), {}, 413, "body-too-large"],
  ])("are refused in a body with %s", async (_, body, headers, status, code) => {
    const world = backendWorld();
    await expectProblem(await ask(world, "POST", "/v1/users", body, headers), status, code);
    expect(calls(world)).toEqual([]);
  });
});

describe("GET /v1/users/{uid}", () => {
  it("answers with the user", async () => {
    const world = backendWorld();
    world.simulator.seed({
      uid: "alice",
      name: "Alice",
      avatar: "https://cdn.example/a.png",
      createdAt: 1_700_000_000,
    });
    const response = await ask(world, "GET", "/v1/users/alice");
    expect(response.status).toBe(200);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await response.json()).toEqual({
      uid: "alice",
      name: "Alice",
      avatar: "https://cdn.example/a.png",
      role: "default",
      status: "offline",
      createdAt: 1_700_000_000,
    });
  });

  it.each([
    ["unknown", undefined],
    ["deactivated", 1],
  ])("answers 404 for a user who is %s", async (_, deactivatedAt) => {
    const world = backendWorld();
    if (deactivatedAt) world.simulator.seed({ uid: "alice", deactivatedAt });
    await expectProblem(await ask(world, "GET", "/v1/users/alice"), 404, "not-found");
  });
});

describe("PATCH /v1/users/{uid}", () => {
  it("changes the given fields, and answers with the user", async () => {
    const world = backendWorld();
    world.simulator.seed({ uid: "alice", name: "Alice", link: "https://example.com/" });
    const response = await ask(world, "PATCH", "/v1/users/alice", { name: "Alice B.", role: "manager" });
    expect(response.status).toBe(200);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await response.json()).toMatchObject({ uid: "alice", name: "Alice B.", role: "manager" });
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice B.", link: "https://example.com/" });
    expect(calls(world)).toEqual(["update"]);
  });

  it("removes fields that are null, and metadata that is empty", async () => {
    const world = backendWorld();
    const full = { avatar: "https://cdn.example/a.png", link: "https://example.com/", metadata: { plan: "pro" } };
    for (const metadata of [null, {}]) {
      world.simulator.seed({ uid: "alice", ...full });
      const response = await ask(world, "PATCH", "/v1/users/alice", { avatar: null, link: null, metadata });
      expect(response.status).toBe(200);
      for (const field of ["avatar", "link", "metadata"])
        expect(world.simulator.user("alice")).not.toHaveProperty(field);
    }
  });

  it.each<[string, unknown, string]>([
    ["no body", undefined, "nothing to change"],
    ["nothing", {}, "nothing to change"],
    ["null as name", { name: null }, "name"],
    ["null as role", { role: null }, "role"],
    ["null as tags", { tags: null }, "tags"],
    ["a subject", { subject: "bob" }, "not known"],
    ["a name that is too long and a link of a wrong form", { name: "a".repeat(101), link: "x" }, "link"],
  ])("answers 400, and nothing is called: %s", async (_, body, named) => {
    const world = backendWorld();
    world.simulator.seed({ uid: "alice" });
    const { detail } = await expectProblem(await ask(world, "PATCH", "/v1/users/alice", body), 400, "bad-request");
    expect(detail).toContain(named);
    expect(calls(world)).toEqual([]);
  });

  it("makes changes that later sign-ins with unchanged claims do not undo", async () => {
    const world = backendWorld();
    const claims = { name: "Alice" };
    await world.signIn({ subject: "alice", claims });
    await ask(world, "PATCH", "/v1/users/alice", { name: "Al", avatar: "https://cdn.example/al.png" });
    await world.signIn({ subject: "alice", claims });
    expect(world.simulator.user("alice")).toMatchObject({ name: "Al", avatar: "https://cdn.example/al.png" });
  });

  it("answers 404 for an unknown user", async () => {
    await expectProblem(await ask(backendWorld(), "PATCH", "/v1/users/alice", { name: "A" }), 404, "not-found");
  });

  it("answers 502 for a role that CometChat does not have", async () => {
    const world = backendWorld();
    world.simulator.seed({ uid: "alice" });
    const response = await ask(world, "PATCH", "/v1/users/alice", { role: "astronaut" });
    await expectProblem(response, 502, "cometchat-rejected");
  });
});

describe("DELETE /v1/users/{uid}", () => {
  it("flushes the tokens, and then deactivates the user", async () => {
    const world = backendWorld();
    await world.signIn({ subject: "alice" });
    world.simulator.journal.clear();
    const response = await ask(world, "DELETE", "/v1/users/alice");
    expect(response.status).toBe(204);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(calls(world)).toEqual(["flush", "deactivate"]);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect(world.simulator.user("alice")?.deactivatedAt).toBeGreaterThan(0);
    await expectProblem(await world.signIn({ subject: "alice" }), 403, "user-deactivated");
  });

  it("does not deactivate the user if the tokens could not be flushed", async () => {
    const world = backendWorld();
    await world.signIn({ subject: "alice" });
    world.simulator.faults.add({ match: "flush", effect: { kind: "html" } });
    await expectProblem(await ask(world, "DELETE", "/v1/users/alice"), 503, "cometchat-unavailable");
    expect(world.simulator.user("alice")?.deactivatedAt).toBeUndefined();
    world.simulator.faults.clear();
    expect((await ask(world, "DELETE", "/v1/users/alice")).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("answers 204 for a user who is deactivated already", async () => {
    const world = backendWorld();
    world.simulator.seed({ uid: "alice", deactivatedAt: 1 });
    expect((await ask(world, "DELETE", "/v1/users/alice")).status).toBe(204);
  });

  it("answers 404 for an unknown user", async () => {
    await expectProblem(await ask(backendWorld(), "DELETE", "/v1/users/alice"), 404, "not-found");
  });
});

describe("POST /v1/users/{uid}/reactivate", () => {
  it("reactivates a deactivated user, who can then sign in", async () => {
    const world = backendWorld();
    world.simulator.seed({ uid: "alice", deactivatedAt: 1 });
    const response = await ask(world, "POST", "/v1/users/alice/reactivate");
    expect(response.status).toBe(204);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect((await world.signIn({ subject: "alice" })).status).toBe(201);
  });

  it("answers 204 for a user who is active", async () => {
    const world = backendWorld();
    world.simulator.seed({ uid: "alice" });
    expect((await ask(world, "POST", "/v1/users/alice/reactivate")).status).toBe(204);
  });

  it("answers 404 for an unknown user", async () => {
    await expectProblem(await ask(backendWorld(), "POST", "/v1/users/alice/reactivate"), 404, "not-found");
  });
});

describe("DELETE /v1/users/{uid}/tokens", () => {
  it("revokes every token of the user, and of nobody else", async () => {
    const world = backendWorld();
    for (const subject of ["alice", "alice", "bob"]) await world.signIn({ subject });
    const response = await ask(world, "DELETE", "/v1/users/alice/tokens");
    expect(response.status).toBe(204);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect(world.simulator.tokens("bob")).toHaveLength(1);
    expect((await world.signIn({ subject: "alice" })).status).toBe(201);
  });

  it("answers 204 for a user who does not exist in CometChat", async () => {
    expect((await ask(backendWorld(), "DELETE", "/v1/users/alice/tokens")).status).toBe(204);
  });

  it("makes the next sign-in of a session mint a new token (reuse = session)", async () => {
    const key = btoa("0123456789abcdef0123456789abcdef");
    const world = backendWorld({ env: { TOKENS: { reuse: "session" }, TOKEN_ENCRYPTION_KEY: key } });
    const session = await world.provider.issue({ subject: "alice" });
    const { authToken } = await bodyOf(await world.signIn(session));
    expect((await world.signIn(session)).status).toBe(200);
    await ask(world, "DELETE", "/v1/users/alice/tokens");
    const next = await world.signIn(session);
    expect(next.status).toBe(201);
    expect((await bodyOf(next)).authToken).not.toBe(authToken);
  });
});

describe("a token that a backend has requested", () => {
  restoreAfterEach();

  it("is revoked after TOKENS.ttl", async () => {
    const world = createRecordingWorld({ env: { BACKEND_SECRET: SECRET, TOKENS: { ttl: 3600 } } });
    await provision(world, { withAuthToken: true });
    expect(world.simulator.tokens("alice")).toHaveLength(1);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_601_000 });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("a backend of a deployment with several issuers", () => {
  const issuers = [
    { issuer: ISSUER, audience: ["chat"], uid: { prefix: "a_" } },
    { issuer: "https://other.example", audience: ["chat"], uid: { prefix: "b_" } },
  ];

  it("has to name the issuer of a new user", async () => {
    const world = backendWorld({ env: { SESSION_ISSUERS: issuers } });
    const { detail } = await expectProblem(await provision(world), 400, "bad-request");
    expect(detail).toContain("issuer: is missing");
    const response = await provision(world, { issuer: "https://other.example" });
    expect(await bodyOf(response)).toMatchObject({ uid: "b_alice", created: true });
  });
});

describe("a backend of a deployment with several apps", () => {
  const EU = "275300000000000b";
  const COMETCHAT_APPS = {
    main: { appId: APP_ID, region: "us" },
    eu: { appId: EU, region: "us", baseUrl: "https://eu.cometchat.io/v3" },
  };
  const PLACEMENT = { default: "main" };

  /** Two simulated apps, which have different hosts. */
  function twoApps(env: Record<string, unknown> = {}, cf?: Record<string, unknown>) {
    const eu = backendWorld().simulator;
    const world = backendWorld({
      ...(cf && { cf }),
      env: { COMETCHAT_APPS, PLACEMENT, ...env },
      deps: {
        fetch: (input, init) => {
          const url = new URL(input);
          if (url.host === "eu.cometchat.io") {
            url.host = `${APP_ID}.api-us.cometchat.io`;
            return eu.fetch(url.href, init);
          }
          if (url.host.endsWith(".cometchat.io")) return world.simulator.fetch(input, init);
          return world.provider.fetch(new Request(input, init));
        },
      },
    });
    return { world, main: world.simulator, eu };
  }

  it("creates a user in the app that it names, and finds it there later", async () => {
    const { world, main, eu } = twoApps();
    expect(await bodyOf(await provision(world, { app: "eu" }))).toMatchObject({ appId: EU, created: true });
    expect(eu.user("alice")).toBeDefined();
    expect(main.user("alice")).toBeUndefined();
    // The other app is searched once, before a user is placed for the first time.
    expect(main.journal.entries.map(({ call }) => call)).toEqual(["list"]);
    expect((await ask(world, "GET", "/v1/users/alice")).status).toBe(200);
    expect(main.journal.calls()).toBe(1);
  });

  it("reaches a user in any app, although KV does not name that app", async () => {
    const { world, eu } = twoApps();
    eu.seed({ uid: "alice" });
    eu.mint("alice");
    expect((await ask(world, "GET", "/v1/users/alice")).status).toBe(200);
    expect((await ask(world, "PATCH", "/v1/users/alice", { name: "A" })).status).toBe(200);
    expect((await ask(world, "DELETE", "/v1/users/alice")).status).toBe(204);
    expect(eu.user("alice")?.deactivatedAt).toBeGreaterThan(0);
    expect(eu.tokens("alice")).toEqual([]);
    expect((await ask(world, "POST", "/v1/users/alice/reactivate")).status).toBe(204);
    eu.mint("alice");
    expect((await ask(world, "DELETE", "/v1/users/alice/tokens")).status).toBe(204);
    expect(eu.tokens("alice")).toEqual([]);
    await expectProblem(await ask(world, "GET", "/v1/users/nobody"), 404, "not-found");
  });

  it("does not move a user whom geography has placed, and places a new user with the app that it names", async () => {
    const PLACEMENT = { default: "main", continents: { EU: "eu" } };
    const { world, eu } = twoApps({ PLACEMENT }, { continent: "EU", country: "FR" });
    // This user has signed in from France before.
    expect(await bodyOf(await world.signIn({ subject: "alice" }))).toMatchObject({ appId: EU, created: true });
    expect(await bodyOf(await provision(world, { app: "main" }))).toMatchObject({ appId: EU, created: false });
    // This user was created by the backend before the sign-in from France.
    expect(await bodyOf(await provision(world, { subject: "bob" }))).toMatchObject({ appId: APP_ID, created: true });
    expect(await bodyOf(await world.signIn({ subject: "bob" }))).toMatchObject({ appId: APP_ID, created: false });
    expect(eu.user("bob")).toBeUndefined();
  });

  it.each([
    ["uses the app of the issuer, if that has one", { app: "eu" }, {}, EU],
    [
      "uses the app that it names, if a claim places users",
      { appClaim: "r", appByClaim: { e: "eu" } },
      { app: "eu" },
      EU,
    ],
    ["may not name another app than the issuer's", { app: "eu" }, { app: "main" }, "app"],
    ["has to name an app, if a claim places users", { appClaim: "r", appByClaim: { e: "eu" } }, {}, "app"],
  ])("%s", async (_, more, body, expected) => {
    const { world } = twoApps({ SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], ...more }] });
    const response = await provision(world, body);
    if (expected === EU) expect(await bodyOf(response)).toMatchObject({ appId: EU, created: true });
    else expect((await expectProblem(response, 400, "bad-request")).detail).toMatch(/^app: /);
  });
});

describe("a backend endpoint while CometChat fails", () => {
  it.each<[string, string, unknown?]>([
    ["POST", "/v1/users", { subject: "alice", name: "A" }],
    ["POST", "/v1/users", { subject: "alice", name: "A", withAuthToken: true }],
    ["GET", "/v1/users/alice"],
    ["PATCH", "/v1/users/alice", { name: "A" }],
    ["DELETE", "/v1/users/alice"],
    ["DELETE", "/v1/users/alice/tokens"],
    ["POST", "/v1/users/alice/reactivate"],
  ])("answers the failure's own code, and nothing of CometChat's answer: %s %s (%j)", async (method, path, body) => {
    for (const [effect, status, code] of [
      [{ kind: "wrongKey" }, 502, "cometchat-rejected"],
      [{ kind: "html" }, 503, "cometchat-unavailable"],
      [{ kind: "error", code: "ERR_TOO_MANY_REQUESTS" }, 503, "cometchat-rate-limited"],
    ] as const) {
      const world = backendWorld();
      world.simulator.seed({ uid: "alice" });
      world.simulator.faults.add({ match: "any", effect });
      const response = await ask(world, method, path, body);
      const problem = await expectProblem(response, status, code);
      expect(JSON.stringify(problem)).not.toContain(API_KEY.slice(0, 16));
      if (status === 503) expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
    }
  });
});
