import { runInDurableObject } from "cloudflare:test";
import { env as bindings, exports } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { deleteInDashboard } from "../support/dashboard.ts";
import { virtualTime } from "../support/time.ts";
import {
  API_KEY,
  APP_ID,
  bodyOf,
  createWorld,
  type ProblemAnswer,
  type TokenAnswer,
  type World,
} from "../support/world.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** The REST calls to CometChat, in order. */
const calls = ({ simulator }: World) =>
  simulator.journal.entries.filter(({ surface }) => surface === "rest").map(({ call }) => call);

const codeOf = async (response: Response) => (await bodyOf<ProblemAnswer>(response)).code;

describe("POST /v1/token", () => {
  virtualTime();

  it("creates an unknown user together with its token, in at most two calls", async () => {
    const world = createWorld();
    const claims = { name: "Alice", picture: "https://cdn.example/a.png" };
    const response = await world.signIn({ subject: "alice", claims });
    expect(response.status).toBe(201);
    expect(await bodyOf(response)).toEqual({
      authToken: world.simulator.tokens("alice")[0],
      uid: "alice",
      appId: APP_ID,
      region: "us",
      created: true,
    });
    expect(calls(world).sort()).toEqual(["create", "mint"]);
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice", avatar: "https://cdn.example/a.png" });
  });

  it("mints a token for a known user, in one call", async () => {
    const world = createWorld();
    await world.signIn({ subject: "alice" });
    world.simulator.journal.clear();
    const response = await world.signIn({ subject: "alice" });
    expect(response.status).toBe(201);
    expect(await bodyOf(response)).toMatchObject({ uid: "alice", created: false });
    expect(calls(world)).toEqual(["mint"]);
    expect(world.simulator.tokens("alice")).toHaveLength(2);
  });

  it("asks CometChat for a new token, never for one that another device has", async () => {
    const world = createWorld();
    await world.signIn();
    await world.signIn();
    expect(world.simulator.journal.entries.at(-1)).toMatchObject({ call: "mint", body: { force: true } });
    expect(new Set(world.simulator.tokens("alice")).size).toBe(2);
  });

  it("mints a token for a user who exists already, in two calls, and in one call afterwards", async () => {
    const world = createWorld();
    world.simulator.seed({ uid: "alice", name: "Alice" });
    const response = await world.signIn({ subject: "alice", claims: { name: "Alice" } });
    expect(response.status).toBe(201);
    expect(await bodyOf(response)).toMatchObject({ uid: "alice", created: false });
    expect(calls(world).filter((call) => call === "mint")).toHaveLength(1);
    expect(calls(world).filter((call) => call === "create").length).toBeLessThanOrEqual(1);
    world.simulator.journal.clear();
    await world.signIn({ subject: "alice", claims: { name: "Alice" } });
    expect(calls(world)).toEqual(["mint"]);
  });

  it("creates a user who was deleted in CometChat, in two calls", async () => {
    const world = createWorld();
    await world.signIn({ subject: "alice" });
    expect((await deleteInDashboard(world)).status).toBe(200);
    world.simulator.journal.clear();
    const response = await world.signIn({ subject: "alice" });
    expect(response.status).toBe(201);
    expect(await bodyOf(response)).toMatchObject({ uid: "alice", created: true });
    expect(calls(world)).toEqual(["mint", "create"]);
  });

  it.each(["known", "unknown"])("answers user-deactivated for such a user, in two calls (%s to KV)", async (state) => {
    const world = createWorld();
    if (state === "known") await world.signIn({ subject: "alice" });
    world.simulator.seed({ uid: "alice", name: "Alice", deactivatedAt: 1_700_000_000 });
    world.simulator.journal.clear();
    const response = await world.signIn({ subject: "alice" });
    expect(response.status).toBe(403);
    expect(await codeOf(response)).toBe("user-deactivated");
    expect(calls(world)).toHaveLength(2);
  });

  it("creates one user and fifty tokens for fifty first sign-ins at once, in at most two calls each", async () => {
    const world = createWorld({ simulator: { createDelay: 20 } });
    const session = await world.provider.issue({ subject: "alice" });
    const responses = await Promise.all(Array.from({ length: 50 }, () => world.ask("/v1/token", bearer(session))));
    expect(responses.map(({ status }) => status)).toEqual(Array(50).fill(201));
    const bodies = await Promise.all(responses.map((response) => bodyOf(response)));
    expect(bodies.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(bodies.map(({ authToken }) => authToken)).size).toBe(50);
    expect(world.simulator.tokens("alice")).toHaveLength(50);
    expect(world.simulator.users().filter(({ uid }) => uid === "alice")).toHaveLength(1);
    expect(calls(world).length).toBeLessThanOrEqual(100);
    await world.finish();
    // The other sign-ins do not update the profile again.
    expect(calls(world).filter((call) => call === "update").length).toBeLessThanOrEqual(1);
  });

  it("gives fifty tokens for fifty sign-ins at once of a user who was deleted in CometChat", async () => {
    const world = createWorld({ simulator: { createDelay: 20 } });
    await world.signIn({ subject: "alice" });
    expect((await deleteInDashboard(world)).status).toBe(200);
    const session = await world.provider.issue({ subject: "alice" });
    const responses = await Promise.all(Array.from({ length: 50 }, () => world.ask("/v1/token", bearer(session))));
    expect(responses.map(({ status }) => status)).toEqual(Array(50).fill(201));
    expect(world.simulator.users().filter(({ uid }) => uid === "alice")).toHaveLength(1);
    await world.finish();
  });

  it("finds every user again after all of KV is lost", async () => {
    const world = createWorld();
    for (const subject of ["alice", "bob", "Carol"]) await world.signIn({ subject });
    const { keys } = await bindings.USERS.list();
    await Promise.all(keys.map(({ name }) => bindings.USERS.delete(name)));
    // Another isolate, whose memory is empty
    const later = createWorld({ deps: { fetch: (input, init) => world.fetch(input, init) } });
    for (const subject of ["alice", "bob", "Carol"]) {
      const response = await world.call("/v1/token", bearer(await world.provider.issue({ subject })));
      expect(response.status).toBe(201);
      const second = await later.call("/v1/token", bearer(await world.provider.issue({ subject })));
      expect(await bodyOf(second)).toMatchObject({ created: false });
    }
    expect(world.simulator.users().filter(({ uid }) => !uid.startsWith("cometchat-uid-"))).toHaveLength(3);
  });

  it("answers with its stages in Server-Timing and a request id, and forbids caching", async () => {
    const world = createWorld();
    const response = await world.signIn();
    expect(response.headers.get("Server-Timing")).toMatch(
      /^session;dur=\d+, directory;dur=\d+, cometchat;dur=\d+, total;dur=\d+$/,
    );
    expect(response.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("Vary")).toBe("Origin, Authorization, Cookie");
  });

  it("logs one line for the request, with nothing secret or personal in it", async () => {
    const world = createWorld();
    const session = await world.provider.issue({ subject: "alice", claims: { name: "Alice Liddell" } });
    const response = await world.call("/v1/token", bearer(session));
    const { authToken } = await bodyOf(response);
    const requests = world.lines.filter(({ event }) => event === "request");
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ method: "POST", route: "/v1/token", status: 201, code: "ok", app: "main" });
    const text = JSON.stringify(world.lines);
    for (const secret of [session, session.split(".")[2], authToken, API_KEY, "alice", "Liddell"]) {
      expect(text).not.toContain(secret);
    }
  });

  it("accepts no body, an empty object, and an object with fresh", async () => {
    const world = createWorld();
    for (const body of ["", "{}", '{"fresh":true}', '{"fresh":false}']) {
      const headers = { "Content-Type": "application/json" };
      expect((await world.signIn({}, { body, headers })).status).toBe(201);
    }
  });
});

describe("the setting PROVISIONING", () => {
  virtualTime();

  it("with mode existing, refuses an unknown user after one call and does not create it", async () => {
    const world = createWorld({ env: { PROVISIONING: { mode: "existing" } } });
    const response = await world.signIn({ subject: "alice" });
    expect(response.status).toBe(403);
    expect(await codeOf(response)).toBe("user-not-provisioned");
    expect(calls(world)).toEqual(["mint"]);
    expect(world.simulator.user("alice")).toBeUndefined();
  });

  it("with mode existing, gives a user of CometChat its token in one call", async () => {
    const world = createWorld({ env: { PROVISIONING: { mode: "existing", sync: false } } });
    world.simulator.seed({ uid: "alice", name: "Alice" });
    expect((await world.signIn({ subject: "alice" })).status).toBe(201);
    expect(calls(world)).toEqual(["mint"]);
  });

  it("with reactivate, reactivates a deactivated user and gives it a token", async () => {
    const world = createWorld({ env: { PROVISIONING: { reactivate: true } } });
    world.simulator.seed({ uid: "alice", name: "Alice" });
    const before = world.simulator.mint("alice");
    world.simulator.seed({ uid: "alice", deactivatedAt: 1_700_000_000 });
    const response = await world.signIn({ subject: "alice" });
    expect(response.status).toBe(201);
    const asked = calls(world);
    expect(asked.slice(0, 2).sort()).toEqual(["create", "mint"]);
    expect(asked.slice(2, 5)).toEqual(["reactivate", "flush", "mint"]);
    expect(world.simulator.user("alice")?.deactivatedAt).toBeUndefined();
    // No token from before works again.
    expect(world.simulator.tokens("alice")).not.toContain(before);
    expect(world.simulator.tokens("alice")).toHaveLength(1);
  });
});

describe("the profile of a user", () => {
  const signInAs = (world: World, claims: Record<string, unknown>) => world.signIn({ subject: "alice", claims });

  it("is updated after the answer when the claims have changed, and not when they have not", async () => {
    const world = createWorld();
    await signInAs(world, { name: "Alice" });
    await signInAs(world, { name: "Alice" });
    expect(calls(world).slice(2)).toEqual(["mint"]);
    await signInAs(world, { name: "Alice Liddell", picture: "https://cdn.example/a.png" });
    expect(calls(world).slice(2)).toEqual(["mint", "mint", "update"]);
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice Liddell", avatar: "https://cdn.example/a.png" });
    await signInAs(world, { name: "Alice Liddell", picture: "https://cdn.example/a.png" });
    expect(calls(world).at(-1)).toBe("mint");
  });

  it("loses a field whose claim is no longer in the session", async () => {
    const world = createWorld({
      env: {
        SESSION_ISSUERS: [
          {
            issuer: "https://idp.example",
            audience: ["chat"],
            profile: { name: "name", avatar: "picture", role: "role", tags: "groups", metadata: { plan: "plan" } },
            roles: { admin: "moderator" },
          },
        ],
      },
      simulator: { roles: ["moderator"] },
    });
    const all = { name: "Alice", picture: "https://cdn.example/a.png", role: "admin", groups: ["red"], plan: "pro" };
    await signInAs(world, all);
    const full = { avatar: "https://cdn.example/a.png", role: "moderator", tags: ["red"], metadata: { plan: "pro" } };
    expect(world.simulator.user("alice")).toMatchObject(full);
    await signInAs(world, { name: "Alice" });
    const user = world.simulator.user("alice");
    expect(user?.avatar).toBeUndefined();
    expect(user?.role).toBe("default");
    expect(user?.tags ?? []).toEqual([]);
    expect(user?.metadata ?? {}).toEqual({});
  });

  it("is updated at the next sign-in if an update failed", async () => {
    const world = createWorld();
    await signInAs(world, { name: "Alice" });
    world.simulator.faults.add({ match: "update", effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" } });
    expect((await signInAs(world, { name: "Alicia" })).status).toBe(201);
    expect(world.simulator.user("alice")?.name).toBe("Alice");
    world.simulator.faults.clear();
    await signInAs(world, { name: "Alicia" });
    expect(world.simulator.user("alice")?.name).toBe("Alicia");
  });

  it("is updated once, however many isolates see the change at the same time", async () => {
    const world = createWorld();
    await signInAs(world, { name: "Alice" });
    world.simulator.journal.clear();
    world.simulator.set({ latency: 50 });
    const session = await world.provider.issue({ subject: "alice", claims: { name: "Alicia" } });
    const isolates = Array.from({ length: 5 }, () => createWorld({ deps: { fetch: world.fetch } }));
    const responses = await Promise.all(isolates.map((isolate) => isolate.call("/v1/token", bearer(session))));
    expect(responses.map(({ status }) => status)).toEqual(Array(5).fill(201));
    expect(calls(world).filter((call) => call === "update")).toHaveLength(1);
    expect(world.simulator.user("alice")?.name).toBe("Alicia");
  });

  it("is updated, although CometChat does not have the role", async () => {
    const issuer = { issuer: "https://idp.example", audience: ["chat"], profile: { name: "name", role: "role" } };
    const world = createWorld({ env: { SESSION_ISSUERS: [{ ...issuer, roles: { admin: "uncreated" } }] } });
    await signInAs(world, { name: "Alice" });
    await signInAs(world, { name: "Alicia", role: "admin" });
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alicia", role: "default" });
  });

  it("is not updated with sync = false", async () => {
    const world = createWorld({ env: { PROVISIONING: { sync: false } } });
    await signInAs(world, { name: "Alice" });
    await signInAs(world, { name: "Alicia" });
    expect(calls(world).slice(2)).toEqual(["mint"]);
  });
});

describe("a wrong configuration", () => {
  it("is answered config-invalid at every endpoint, and only the log names each variable with its remedy", async () => {
    const env = { USERS: undefined, COMETCHAT_APPS: { main: { appId: APP_ID, region: "mars" } }, TOKENS: { ttl: 0 } };
    const world = createWorld({ env });
    for (const path of ["/v1/token", "/v1/tokens", "/healthz", "/readyz", "/nowhere"]) {
      const response = await world.call(path, { method: path.startsWith("/v1") ? "POST" : "GET" });
      expect(response.status).toBe(500);
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({ code: "config-invalid", status: 500 });
      expect(text).not.toMatch(/USERS|region|mars|ttl/);
    }
    const named = world.lines.filter(({ event }) => event === "config-invalid");
    expect(named.map(({ variable }) => variable)).toEqual(
      expect.arrayContaining(["USERS", "COMETCHAT_APPS.main.region", "TOKENS.ttl"]),
    );
    for (const { remedy } of named) expect(remedy).toEqual(expect.any(String));
    // It is logged once, not at every request.
    expect(named).toHaveLength(new Set(named.map(({ variable }) => variable)).size);
  });
});

describe("/healthz", () => {
  it("answers that the gateway runs, and calls nothing", async () => {
    const world = createWorld();
    const response = await world.call("/healthz");
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
    expect(world.fetched).toEqual([]);
  });
});

describe("/readyz", () => {
  it("answers ready if the configuration is right, KV answers, and each issuer has a key", async () => {
    const response = await createWorld().call("/readyz");
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: "ready" });
  });

  it("names the issuer whose keys cannot be fetched, on a line of its own", async () => {
    const down = createWorld({ provider: { issuer: "https://down.example" } });
    const response = await down.call("/readyz");
    expect(response.status).toBe(503);
    const text = await response.text();
    const line = text.split("\n").find((each) => each.includes("https://idp.example"));
    expect(line).toContain('"ok":false');
    expect(text.split("\n").find((each) => each.includes('"kv"'))).toContain('"ok":true');
    expect(text).not.toContain(API_KEY);
  });
});

describe("the deployed Worker", () => {
  it("answers a sign-in with its own bindings", async () => {
    const world = createWorld();
    vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => world.fetch(String(input), init ?? {}));
    const session = await world.provider.issue({ subject: "alice" });
    const response = await exports.default.fetch("https://gateway.example/v1/token", bearer(session));
    expect(response.status).toBe(201);
    expect(await bodyOf<TokenAnswer>(response)).toMatchObject({ uid: "alice", created: true });
    // The answer comes before the rest of the work is done. The deployed Worker does not report when that is done.
    await vi.waitFor(
      async () => {
        expect(await bindings.USERS.get("v1:u:alice")).not.toBeNull();
        const rows = await runInDurableObject(bindings.LEDGER.getByName("alice"), (_, state) =>
          state.storage.sql.exec("SELECT * FROM minted").toArray(),
        );
        expect(rows).toHaveLength(1);
      },
      { interval: 1, timeout: 10_000 },
    );
  });
});

function bearer(session: string): RequestInit {
  return { method: "POST", headers: { Authorization: `Bearer ${session}` } };
}
