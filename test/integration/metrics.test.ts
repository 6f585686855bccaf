import { describe, expect, it } from "vitest";
import { eventHeaders } from "../support/webhook.ts";
import { API_KEY, bodyOf, createWorld, ISSUER, type World, type WorldOptions } from "../support/world.ts";

/** A gateway, and the data points that it writes. */
function measuredWorld(options: WorldOptions = {}): World & { readonly points: AnalyticsEngineDataPoint[] } {
  const points: AnalyticsEngineDataPoint[] = [];
  const METRICS = { writeDataPoint: (point: AnalyticsEngineDataPoint) => void points.push(point) };
  return { ...createWorld({ ...options, env: { METRICS, ...options.env } }), points };
}

const EUROPE: WorldOptions = {
  env: {
    COMETCHAT_APPS: { eu: { appId: "2753000000000eu", region: "eu" } },
    PLACEMENT: { default: "eu" },
  },
  simulator: { appId: "2753000000000eu", region: "eu" },
};

describe("the data point of a request", () => {
  it("has route, code, app and region, status and milliseconds", async () => {
    const world = measuredWorld(EUROPE);
    expect((await world.signIn()).status).toBe(201);
    expect(world.points).toHaveLength(1);
    const [point] = world.points;
    const [line] = world.lines.filter(({ event }) => event === "request");
    expect(point?.indexes).toEqual(["/v1/token"]);
    expect(point?.blobs).toEqual(["/v1/token", "ok", "eu", "eu", "", line?.issuer ?? ""]);
    // The status; the milliseconds of everything, session, directory and CometChat; calls, created, reused.
    expect(point?.doubles).toEqual([201, line?.total, line?.session, line?.directory, line?.cometchat, 2, 1, 0]);
    for (const ms of point?.doubles ?? []) expect(ms).toEqual(expect.any(Number));
  });

  it("has the data centre and the number of calls to CometChat", async () => {
    const world = measuredWorld({ cf: { colo: "FRA" } });
    // An unknown user needs two calls: a mint, and a create that returns a token too.
    await world.signIn();
    const [line] = world.lines.filter(({ event }) => event === "request");
    expect(line).toMatchObject({ colo: "FRA", calls: 2 });
    expect(world.points[0]?.blobs?.[4]).toBe("FRA");
    expect(world.points[0]?.doubles?.[5]).toBe(2);
  });

  it("has the milliseconds of each stage", async () => {
    const world = measuredWorld({ simulator: { latency: 60 } });
    await world.signIn();
    const [, total = 0, , , cometchat = 0] = world.points[0]?.doubles ?? [];
    expect(cometchat).toBeGreaterThanOrEqual(50);
    expect(cometchat).toBeLessThan(20_000);
    expect(total).toBeGreaterThanOrEqual(cometchat);
  });

  it.each<[string, string, RequestInit, string, string, number]>([
    ["a refusal", "/v1/token", { method: "POST" }, "/v1/token", "session-missing", 401],
    ["a method that the route does not have", "/v1/token", { method: "PUT" }, "/v1/token", "method-not-allowed", 405],
    ["a probe", "/healthz", {}, "/healthz", "ok", 200],
    // Otherwise the caller of an address that does not exist could choose the index.
    ["an address that does not exist", "/wp-login.php?user=alice", {}, "none", "not-found", 404],
  ])("is written for %s too, without app and region", async (_, path, init, route, code, status) => {
    const world = measuredWorld();
    expect((await world.call(path, init)).status).toBe(status);
    expect(world.points).toHaveLength(1);
    expect(world.points[0]).toMatchObject({ indexes: [route], blobs: [route, code, "", "", "", ""] });
    expect(world.points[0]?.doubles?.[0]).toBe(status);
  });

  it("has the route, without the uid that is in the address", async () => {
    const BACKEND_SECRET = "a-backend-secret-of-more-than-32-bytes-0123456789";
    const world = measuredWorld({ env: { BACKEND_SECRET } });
    await world.call("/v1/users/alice", { headers: { Authorization: `Bearer ${BACKEND_SECRET}` } });
    expect(world.points[0]?.indexes).toEqual(["/v1/users/:uid"]);
    expect(JSON.stringify(world.points)).not.toContain("alice");
  });

  it("has nothing about the caller, and no secret", async () => {
    const world = measuredWorld({ cf: { country: "DE", city: "Berlin" } });
    const claims = { name: "Alice Liddell", email: "alice@example.com" };
    const session = await world.provider.issue({ subject: "alice", claims });
    const headers = { "CF-Connecting-IP": "192.0.2.77", "User-Agent": "Browser/1", "X-Request-Id": "request-of-alice" };
    const { authToken } = await bodyOf(await world.signIn(session, { headers }));
    const text = JSON.stringify(world.points);
    const secrets = ["alice", "Liddell", "192.0.2.77", "Browser", "Berlin", session, authToken, API_KEY, ISSUER];
    for (const secret of secrets) expect(text).not.toContain(secret);
  });
});

describe("the log line and data point of a failed request name app, region and issuer, as far as they were known", () => {
  const BACKEND_SECRET = "a-backend-secret-of-more-than-32-bytes-0123456789";
  const KEY = btoa("w".repeat(32));
  /** A gateway whose app, in Europe, fails. */
  const failing = () => {
    const world = measuredWorld({
      env: {
        BACKEND_SECRET,
        HOOK: `whsec_${KEY}`,
        COMETCHAT_APPS: EUROPE.env?.COMETCHAT_APPS,
        PLACEMENT: EUROPE.env?.PLACEMENT,
        SESSION_ISSUERS: [{ issuer: ISSUER, name: "staff", audience: ["chat"], webhookSecret: "HOOK" }],
      },
      simulator: { appId: "2753000000000eu", region: "eu" },
    });
    world.simulator.seed({ uid: "alice", name: "Alice" });
    world.simulator.faults.add({ match: "any", effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" } });
    return world;
  };
  const named = (world: ReturnType<typeof measuredWorld>) => {
    const line = world.lines.findLast(({ event }) => event === "request");
    const [, code, app, region, , issuer] = world.points.at(-1)?.blobs ?? [];
    expect([code, app, region, issuer]).toEqual([line?.code, line?.app ?? "", line?.region ?? "", line?.issuer ?? ""]);
    return [code, app, region, issuer];
  };
  const bearer = async (world: World, method = "POST"): Promise<RequestInit> => ({
    method,
    headers: { Authorization: `Bearer ${await world.provider.issue({ subject: "alice" })}` },
  });
  const signOut = async (world: World): Promise<RequestInit> => {
    const { headers } = await bearer(world);
    const body = JSON.stringify({ authToken: "alice_1700000000abcdef" });
    return { method: "DELETE", headers: { ...(headers as object), "Content-Type": "application/json" }, body };
  };
  const backend = (method: string, body?: unknown): RequestInit => ({
    method,
    headers: { Authorization: `Bearer ${BACKEND_SECRET}`, "Content-Type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  async function webhook(): Promise<RequestInit> {
    const body = '{"type":"user.deleted","data":{"sub":"alice"}}';
    return { method: "POST", headers: await eventHeaders(body, { sentAt: Date.now(), key: KEY }), body };
  }
  const logout = async (world: World): Promise<RequestInit> => ({
    method: "POST",
    body: new URLSearchParams({ logout_token: await world.provider.issueLogoutToken({ sub: "alice" }) }),
  });
  const create = backend("POST", { subject: "bob", name: "Bob" });

  it.each<[string, string, (world: World) => Promise<RequestInit>, string]>([
    ["a sign-in", "/v1/token", bearer, "staff"],
    ["a sign-out", "/v1/token", signOut, "staff"],
    ["a sign-out everywhere", "/v1/tokens", (world) => bearer(world, "DELETE"), "staff"],
    ["a backend's new user", "/v1/users", async () => create, "staff"],
    ["a backend's read of a user", "/v1/users/alice", async () => backend("GET"), ""],
    ["a backend's deactivation", "/v1/users/alice", async () => backend("DELETE"), ""],
    ["a logout", "/v1/backchannel-logout", logout, "staff"],
    ["a webhook", "/v1/webhooks/staff", async () => webhook(), "staff"],
  ])("while CometChat is down: %s", async (_, path, init, issuer) => {
    const world = failing();
    const response = await world.call(path, await init(world));
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(named(world).slice(1)).toEqual(["eu", "eu", issuer]);
  });

  it("while CometChat is down for so long that it is no longer called", async () => {
    const world = failing();
    for (let time = 0; time < 6; time += 1) await world.signIn({ subject: "alice" });
    const calls = world.simulator.journal.entries.length;
    await world.signIn({ subject: "alice" });
    expect(world.simulator.journal.entries).toHaveLength(calls);
    expect(named(world)).toEqual(["cometchat-unavailable", "eu", "eu", "staff"]);
  });

  it("for an invalid session: the issuer, if it is a configured one", async () => {
    const world = failing();
    await world.signIn({ subject: "alice", expiresIn: -3600 });
    expect(named(world)).toEqual(["session-expired", "", "", "staff"]);
    await world.signIn("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9.AAAA");
    expect(named(world)).toEqual(["session-invalid", "", "", ""]);
    // A session that was verified before names its issuer too.
    const session = await world.provider.issue({ subject: "alice" });
    await world.signIn(session);
    await world.signIn(session);
    expect(named(world)[3]).toBe("staff");
  });

  it("while the keys of the issuer cannot be fetched", async () => {
    const world = failing();
    const { METRICS: _, ...env } = world.env;
    const dead = measuredWorld({ env, deps: { fetch: () => Promise.reject(new TypeError("down")) } });
    await dead.signIn(await world.provider.issue({ subject: "alice" }));
    expect(named(dead)).toEqual(["keys-unavailable", "", "", "staff"]);
  });
});

describe("a sign-in works", () => {
  const throwing = {
    writeDataPoint: () => {
      throw new Error("over the limit");
    },
  };

  it.each<[string, unknown]>([
    ["which throws", throwing],
    ["which is not bound", undefined],
  ])("without the dataset of metrics, %s", async (_, METRICS) => {
    const world = createWorld({ env: { METRICS } });
    expect((await world.signIn()).status).toBe(201);
    expect(world.lines.filter(({ event }) => event === "request")).toHaveLength(1);
  });
});
