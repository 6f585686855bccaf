import { runInDurableObject } from "cloudflare:test";
import { env as bindings, exports } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
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

/** The REST calls that CometChat has seen, in their order. */
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

  it("mints for a known user, in one call", async () => {
    const world = createWorld();
    await world.signIn({ subject: "alice" });
    world.simulator.journal.clear();
    const response = await world.signIn({ subject: "alice" });
    expect(response.status).toBe(201);
    expect(await bodyOf(response)).toMatchObject({ uid: "alice", created: false });
    expect(calls(world)).toEqual(["mint"]);
    expect(world.simulator.tokens("alice")).toHaveLength(2);
  });

  it("asks for a new token, never for one that somebody holds", async () => {
    const world = createWorld();
    await world.signIn();
    await world.signIn();
    expect(world.simulator.journal.entries.at(-1)).toMatchObject({ call: "mint", body: { force: true } });
    expect(new Set(world.simulator.tokens("alice")).size).toBe(2);
  });

  it("mints for a user that exists already, in two calls, and remembers it", async () => {
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

  it("creates again a user that was deleted upstream, in two calls", async () => {
    const world = createWorld();
    await world.signIn({ subject: "alice" });
    await deleteForGood(world, "alice");
    world.simulator.journal.clear();
    const response = await world.signIn({ subject: "alice" });
    expect(response.status).toBe(201);
    expect(await bodyOf(response)).toMatchObject({ uid: "alice", created: true });
    expect(calls(world)).toEqual(["mint", "create"]);
  });

  it.each(["known", "unknown"])("tells a deactivated user so, in two calls (%s to the directory)", async (state) => {
    const world = createWorld();
    if (state === "known") await world.signIn({ subject: "alice" });
    world.simulator.seed({ uid: "alice", name: "Alice", deactivatedAt: 1_700_000_000 });
    world.simulator.journal.clear();
    const response = await world.signIn({ subject: "alice" });
    expect(response.status).toBe(403);
    expect(await codeOf(response)).toBe("user-deactivated");
    expect(calls(world)).toHaveLength(2);
  });

  it("gives fifty first sign-ins at once one user and fifty tokens, in at most two calls each", async () => {
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
    // Whoever came second does not bring the profile up to date again.
    expect(calls(world).filter((call) => call === "update").length).toBeLessThanOrEqual(1);
  });

  it("gives fifty sign-ins at once of a user deleted upstream a token each: none is taken for deactivated", async () => {
    const world = createWorld({ simulator: { createDelay: 20 } });
    await world.signIn({ subject: "alice" });
    await deleteForGood(world, "alice");
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
    // Another isolate, which remembers nothing
    const later = createWorld({ deps: { fetch: (input, init) => world.fetch(input, init) } });
    for (const subject of ["alice", "bob", "Carol"]) {
      const response = await world.call("/v1/token", bearer(await world.provider.issue({ subject })));
      expect(response.status).toBe(201);
      const again = await later.call("/v1/token", bearer(await world.provider.issue({ subject })));
      expect(await bodyOf(again)).toMatchObject({ created: false });
    }
    expect(world.simulator.users().filter(({ uid }) => !uid.startsWith("cometchat-uid-"))).toHaveLength(3);
  });

  it("names its stages in Server-Timing, carries a request id, and is never stored", async () => {
    const world = createWorld();
    const response = await world.signIn();
    expect(response.headers.get("Server-Timing")).toMatch(
      /^session;dur=\d+, directory;dur=\d+, cometchat;dur=\d+, total;dur=\d+$/,
    );
    expect(response.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("Vary")).toBe("Origin, Authorization, Cookie");
  });

  it("logs one line for the request, with nothing in it that is secret or personal", async () => {
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

  it("takes an empty object, and `fresh`", async () => {
    const world = createWorld();
    for (const body of ["", "{}", '{"fresh":true}', '{"fresh":false}']) {
      const headers = { "Content-Type": "application/json" };
      expect((await world.signIn({}, { body, headers })).status).toBe(201);
    }
  });
});

describe("how users are provisioned", () => {
  virtualTime();

  it("in mode `existing`, an unknown user is told so after one call, and none is created", async () => {
    const world = createWorld({ env: { PROVISIONING: { mode: "existing" } } });
    const response = await world.signIn({ subject: "alice" });
    expect(response.status).toBe(403);
    expect(await codeOf(response)).toBe("user-not-provisioned");
    expect(calls(world)).toEqual(["mint"]);
    expect(world.simulator.user("alice")).toBeUndefined();
  });

  it("in mode `existing`, a known user gets its token in one call", async () => {
    const world = createWorld({ env: { PROVISIONING: { mode: "existing", sync: false } } });
    world.simulator.seed({ uid: "alice", name: "Alice" });
    expect((await world.signIn({ subject: "alice" })).status).toBe(201);
    expect(calls(world)).toEqual(["mint"]);
  });

  it("with `reactivate`, a deactivated user is reactivated and given a token", async () => {
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
    // No token of before comes back to life with the user.
    expect(world.simulator.tokens("alice")).not.toContain(before);
    expect(world.simulator.tokens("alice")).toHaveLength(1);
  });
});

describe("the profile", () => {
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

  it("loses what the claims no longer hold", async () => {
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

  it("is tried again at the next sign-in when the update failed", async () => {
    const world = createWorld();
    await signInAs(world, { name: "Alice" });
    world.simulator.faults.add({ match: "update", effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" } });
    expect((await signInAs(world, { name: "Alicia" })).status).toBe(201);
    expect(world.simulator.user("alice")?.name).toBe("Alice");
    world.simulator.faults.clear();
    await signInAs(world, { name: "Alicia" });
    expect(world.simulator.user("alice")?.name).toBe("Alicia");
  });

  it("is brought up to date once at a time, however many isolates see the change", async () => {
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

  it("is brought up to date though CometChat does not know the role", async () => {
    const issuer = { issuer: "https://idp.example", audience: ["chat"], profile: { name: "name", role: "role" } };
    const world = createWorld({ env: { SESSION_ISSUERS: [{ ...issuer, roles: { admin: "uncreated" } }] } });
    await signInAs(world, { name: "Alice" });
    await signInAs(world, { name: "Alicia", role: "admin" });
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alicia", role: "default" });
  });

  it("is left alone with `sync = false`", async () => {
    const world = createWorld({ env: { PROVISIONING: { sync: false } } });
    await signInAs(world, { name: "Alice" });
    await signInAs(world, { name: "Alicia" });
    expect(calls(world).slice(2)).toEqual(["mint"]);
  });
});

describe("a wrong configuration", () => {
  it("answers config-invalid everywhere, and names each variable with its remedy in the log alone", async () => {
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
    // Once, not at every request
    expect(named).toHaveLength(new Set(named.map(({ variable }) => variable)).size);
  });
});

describe("readiness", () => {
  it("says that the gateway runs, without asking anybody", async () => {
    const world = createWorld();
    const response = await world.call("/healthz");
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
    expect(world.fetched).toEqual([]);
  });

  it("is there when the configuration, KV and a key of each issuer are", async () => {
    const response = await createWorld().call("/readyz");
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: "ready" });
  });

  it("names what a sign-in lacks, a line each: the issuer whose keys cannot be had", async () => {
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

describe("the deployed entry", () => {
  it("serves the same from its own bindings", async () => {
    const world = createWorld();
    vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => world.fetch(String(input), init ?? {}));
    const session = await world.provider.issue({ subject: "alice" });
    const response = await exports.default.fetch("https://gateway.example/v1/token", bearer(session));
    expect(response.status).toBe(201);
    expect(await bodyOf<TokenAnswer>(response)).toMatchObject({ uid: "alice", created: true });
    // It answers before the work after the answer is done.
    await vi.waitFor(async () => {
      expect(await bindings.USERS.get("v1:u:alice")).not.toBeNull();
      const rows = await runInDurableObject(bindings.LEDGER.getByName("alice"), (_, state) =>
        state.storage.sql.exec("SELECT * FROM minted").toArray(),
      );
      expect(rows).toHaveLength(1);
    });
  });
});

function bearer(session: string): RequestInit {
  return { method: "POST", headers: { Authorization: `Bearer ${session}` } };
}

async function deleteForGood({ simulator }: World, uid: string): Promise<void> {
  const response = await simulator.fetch(`https://${APP_ID}.api-us.cometchat.io/v3/users/${uid}`, {
    method: "DELETE",
    headers: { apikey: API_KEY, "Content-Type": "application/json" },
    body: JSON.stringify({ permanent: true }),
  });
  expect(response.status).toBe(200);
}
