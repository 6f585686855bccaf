import { describe, expect, it } from "vitest";
import { API_KEY, bodyOf, createWorld, ISSUER, type World, type WorldOptions } from "./world.ts";

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
    expect(point?.doubles).toEqual([201, line?.total, line?.session, line?.directory, line?.cometchat, 1, 1, 0]);
    for (const ms of point?.doubles ?? []) expect(ms).toEqual(expect.any(Number));
  });

  it("names the data centre, and counts the calls to CometChat", async () => {
    const world = recording({ cf: { colo: "FRA" } });
    // Known in CometChat, unknown to KV: a second call.
    world.simulator.seed({ uid: "alice", name: "Alice" });
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
