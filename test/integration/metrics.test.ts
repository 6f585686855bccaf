import { describe, expect, it } from "vitest";
import { API_KEY, bodyOf, createWorld, ISSUER, type World, type WorldOptions } from "../support/world.ts";

/** A gateway whose data points are kept. */
function recording(options: WorldOptions = {}): World & { readonly points: AnalyticsEngineDataPoint[] } {
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
  it("names route, outcome, app and region, and tells status and milliseconds", async () => {
    const world = recording(EUROPE);
    expect((await world.signIn()).status).toBe(201);
    expect(world.points).toHaveLength(1);
    const [point] = world.points;
    const [line] = world.lines.filter(({ event }) => event === "request");
    expect(point?.indexes).toEqual(["/v1/token"]);
    expect(point?.blobs).toEqual(["/v1/token", "ok", "eu", "eu", "", line?.issuer ?? ""]);
    // Status; then all of it, session, directory and CometChat; calls, created, reused.
    expect(point?.doubles).toEqual([201, line?.total, line?.session, line?.directory, line?.cometchat, 2, 1, 0]);
    for (const ms of point?.doubles ?? []) expect(ms).toEqual(expect.any(Number));
  });

  it("names the data centre, and counts the calls to CometChat", async () => {
    const world = recording({ cf: { colo: "FRA" } });
    // Unknown: a mint, and the create that carries the token.
    await world.signIn();
    const [line] = world.lines.filter(({ event }) => event === "request");
    expect(line).toMatchObject({ colo: "FRA", calls: 2 });
    expect(world.points[0]?.blobs?.[4]).toBe("FRA");
    expect(world.points[0]?.doubles?.[5]).toBe(2);
  });

  it("tells in milliseconds how long each stage took", async () => {
    const world = recording({ simulator: { latency: 60 } });
    await world.signIn();
    const [, total = 0, , , cometchat = 0] = world.points[0]?.doubles ?? [];
    expect(cometchat).toBeGreaterThanOrEqual(50);
    expect(cometchat).toBeLessThan(20_000);
    expect(total).toBeGreaterThanOrEqual(cometchat);
  });

  it.each<[string, string, RequestInit, string, string, number]>([
    ["a refusal", "/v1/token", { method: "POST" }, "/v1/token", "session-missing", 401],
    ["a method that is not there", "/v1/token", { method: "PUT" }, "/v1/token", "method-not-allowed", 405],
    ["a probe", "/healthz", {}, "/healthz", "ok", 200],
    // Whoever asks for addresses that are not there would otherwise choose the index.
    ["an address that is not there", "/wp-login.php?user=alice", {}, "none", "not-found", 404],
  ])("of %s is one as well, without app and region", async (_, path, init, route, code, status) => {
    const world = recording();
    expect((await world.call(path, init)).status).toBe(status);
    expect(world.points).toHaveLength(1);
    expect(world.points[0]).toMatchObject({ indexes: [route], blobs: [route, code, "", "", "", ""] });
    expect(world.points[0]?.doubles?.[0]).toBe(status);
  });

  it("of a path with a uid in it names the route alone", async () => {
    const BACKEND_SECRET = "a-backend-secret-of-more-than-32-bytes-0123456789";
    const world = recording({ env: { BACKEND_SECRET } });
    await world.call("/v1/users/alice", { headers: { Authorization: `Bearer ${BACKEND_SECRET}` } });
    expect(world.points[0]?.indexes).toEqual(["/v1/users/:uid"]);
    expect(JSON.stringify(world.points)).not.toContain("alice");
  });

  it("holds nothing of who asked, nor of any secret", async () => {
    const world = recording({ cf: { country: "DE", city: "Berlin" } });
    const claims = { name: "Alice Liddell", email: "alice@example.com" };
    const session = await world.provider.issue({ subject: "alice", claims });
    const headers = { "CF-Connecting-IP": "192.0.2.77", "User-Agent": "Browser/1", "X-Request-Id": "request-of-alice" };
    const { authToken } = await bodyOf(await world.signIn(session, { headers }));
    const text = JSON.stringify(world.points);
    const secrets = ["alice", "Liddell", "192.0.2.77", "Browser", "Berlin", session, authToken, API_KEY, ISSUER];
    for (const secret of secrets) expect(text).not.toContain(secret);
  });
});

describe("a request that failed tells for whom it was, as far as that was known by then", () => {
  const BACKEND_SECRET = "a-backend-secret-of-more-than-32-bytes-0123456789";
  const KEY = btoa("w".repeat(32));
  /** Two apps, of which the one in Europe fails; a claim says which is a user's. */
  const failing = () => {
    const world = recording({
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
  const told = (world: ReturnType<typeof recording>) => {
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
    const [id, timestamp, body] = [
      "msg_1",
      String(Math.floor(Date.now() / 1000)),
      '{"type":"user.deleted","data":{"sub":"alice"}}',
    ];
    const bytes = new TextEncoder().encode("w".repeat(32));
    const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const signed = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`${id}.${timestamp}.${body}`));
    const signature = `v1,${btoa(String.fromCharCode(...new Uint8Array(signed)))}`;
    const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
    return { method: "POST", headers, body };
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
    ["a user of a backend's", "/v1/users", async () => create, "staff"],
    ["a look at a user", "/v1/users/alice", async () => backend("GET"), ""],
    ["a deactivation", "/v1/users/alice", async () => backend("DELETE"), ""],
    ["a logout", "/v1/backchannel-logout", logout, "staff"],
    ["a webhook", "/v1/webhooks/staff", async () => webhook(), "staff"],
  ])("%s, while CometChat is down", async (_, path, init, issuer) => {
    const world = failing();
    const response = await world.call(path, await init(world));
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(told(world).slice(1)).toEqual(["eu", "eu", issuer]);
  });

  it("a sign-in that CometChat is not even asked for any more", async () => {
    const world = failing();
    for (let time = 0; time < 6; time += 1) await world.signIn({ subject: "alice" });
    const calls = world.simulator.journal.entries.length;
    await world.signIn({ subject: "alice" });
    expect(world.simulator.journal.entries).toHaveLength(calls);
    expect(told(world)).toEqual(["cometchat-unavailable", "eu", "eu", "staff"]);
  });

  it("a session that is no good names its provider, and a stranger's names nobody", async () => {
    const world = failing();
    await world.signIn({ subject: "alice", expiresIn: -3600 });
    expect(told(world)).toEqual(["session-expired", "", "", "staff"]);
    await world.signIn("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9.AAAA");
    expect(told(world)).toEqual(["session-invalid", "", "", ""]);
    // Remembered from before, it names its provider all the same.
    const session = await world.provider.issue({ subject: "alice" });
    await world.signIn(session);
    await world.signIn(session);
    expect(told(world)[3]).toBe("staff");
  });

  it("a provider whose keys cannot be had is named", async () => {
    const world = failing();
    const { METRICS: _, ...env } = world.env;
    const dead = recording({ env, deps: { fetch: () => Promise.reject(new TypeError("down")) } });
    await dead.signIn(await world.provider.issue({ subject: "alice" }));
    expect(told(dead)).toEqual(["keys-unavailable", "", "", "staff"]);
  });
});

describe("a dataset that is no good costs no sign-in", () => {
  const throwing = {
    writeDataPoint: () => {
      throw new Error("over the limit");
    },
  };

  it.each<[string, unknown]>([
    ["one that throws", throwing],
    ["none at all", undefined],
  ])("%s", async (_, METRICS) => {
    const world = createWorld({ env: { METRICS } });
    expect((await world.signIn()).status).toBe(201);
    expect(world.lines.filter(({ event }) => event === "request")).toHaveLength(1);
  });
});
