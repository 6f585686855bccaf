import { describe, expect, it } from "vitest";
import { bodyOf, createWorld, type ProblemAnswer, type World } from "../support/world.ts";

const ORIGIN = "https://app.example.com";
const EVIL = "https://evil.example";

/** What an answer says to a browser about who may read it. */
const corsOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => /^(access-control|timing-allow)-/.test(name)));

/** On every answer that a listed origin is given. */
const READABLE = {
  "access-control-allow-origin": ORIGIN,
  // Without it no page that sends its cookie could read the answer.
  "access-control-allow-credentials": "true",
  "access-control-expose-headers": "X-Request-Id, Server-Timing, Retry-After",
  "timing-allow-origin": ORIGIN,
};

const ROUTES: readonly [path: string, method: string, methods: string][] = [
  ["/v1/token", "POST", "POST, DELETE, OPTIONS"],
  ["/v1/token", "DELETE", "POST, DELETE, OPTIONS"],
  ["/v1/tokens", "DELETE", "DELETE, OPTIONS"],
];

const preflight = (world: World, path: string, headers: Record<string, string>) =>
  world.call(path, { method: "OPTIONS", headers });

describe("CORS (Fetch standard §3.2)", () => {
  it.each(ROUTES)(
    "a preflight of %s for %s gets exactly this, and nothing is done for it",
    async (path, method, all) => {
      const world = createWorld();
      const response = await preflight(world, path, { Origin: ORIGIN, "Access-Control-Request-Method": method });
      expect(response.status).toBe(204);
      expect(corsOf(response)).toEqual({
        ...READABLE,
        "access-control-allow-methods": all,
        "access-control-allow-headers": "Authorization, Content-Type, X-Request-Id",
        // The most that Chromium grants: two hours in which a sign-in is one request, not two.
        "access-control-max-age": "7200",
      });
      // An answer to one origin must not be given to another out of some cache.
      expect(response.headers.get("Vary")).toMatch(/\bOrigin\b/);
      expect(world.fetched).toEqual([]);
    },
  );

  it.each(ROUTES)(
    "a preflight of %s for %s from an origin that is not listed gets none of it",
    async (path, method) => {
      const response = await preflight(createWorld(), path, { Origin: EVIL, "Access-Control-Request-Method": method });
      expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([403, "origin-not-allowed"]);
      expect(corsOf(response)).toEqual({});
    },
  );

  it("one without Access-Control-Request-Method is no preflight: a method that is not there", async () => {
    const response = await preflight(createWorld(), "/v1/token", { Origin: ORIGIN });
    expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([405, "method-not-allowed"]);
    expect(response.headers.get("Allow")).toBe("POST, DELETE, OPTIONS");
    // Said so that the page can read it, and no more than that.
    expect(corsOf(response)).toEqual(READABLE);
  });

  it("one without Origin comes from no browser", async () => {
    const response = await preflight(createWorld(), "/v1/token", { "Access-Control-Request-Method": "POST" });
    expect(response.status).toBe(405);
    expect(corsOf(response)).toEqual({});
  });

  it("a token for a listed origin can be read by it", async () => {
    const response = await createWorld().signIn({}, { headers: { Origin: ORIGIN } });
    expect(response.status).toBe(201);
    expect(corsOf(response)).toEqual(READABLE);
  });

  it.each(["", "Bearer x"])("a refusal of a listed origin's session can be read by it (%j)", async (Authorization) => {
    const response = await createWorld().call("/v1/token", {
      method: "POST",
      headers: { Origin: ORIGIN, Authorization },
    });
    expect(response.status).toBe(401);
    expect(corsOf(response)).toEqual(READABLE);
  });

  it("so can a spent limit, whose Retry-After is for the page", async () => {
    const world = createWorld({ env: { RATE_LIMIT_IP: { limit: async () => ({ success: false }) } } });
    const response = await world.call("/v1/token", { method: "POST", headers: { Origin: ORIGIN } });
    expect(response.status).toBe(429);
    expect(corsOf(response)).toEqual(READABLE);
  });

  it("a refused origin gets nothing", async () => {
    const world = createWorld();
    const response = await world.signIn({}, { headers: { Origin: EVIL } });
    expect(response.status).toBe(403);
    expect(corsOf(response)).toEqual({});
    expect(world.fetched).toEqual([]);
  });

  it("whom no browser has sent gets nothing either", async () => {
    const response = await createWorld().signIn();
    expect(response.status).toBe(201);
    expect(corsOf(response)).toEqual({});
  });

  it("a page that is not listed is refused and told nothing, though it is of the same site", async () => {
    const world = createWorld();
    const response = await world.signIn({}, { headers: { Origin: EVIL, "Sec-Fetch-Site": "same-site" } });
    expect(response.status).toBe(403);
    expect(corsOf(response)).toEqual({});
    expect(world.fetched).toEqual([]);
  });

  it("a page of the gateway's own origin is served, and needs no CORS headers", async () => {
    const response = await createWorld().signIn({}, { headers: { Origin: EVIL, "Sec-Fetch-Site": "same-origin" } });
    expect(response.status).toBe(201);
    expect(corsOf(response)).toEqual({});
  });

  it.each(["/healthz", "/readyz", "/openapi.json"])("%s is not for pages", async (path) => {
    expect(corsOf(await createWorld().call(path, { headers: { Origin: ORIGIN } }))).toEqual({});
  });
});

describe("the way to a route", () => {
  // No dot segments here: `/x/../v1/token` is `/v1/token` before anybody sees it. Every URL parser resolves them (URL
  // standard §4.4), the caller's as well as the platform's, so no way past a rule for a path leads through them.
  it.each<[string, number]>([
    ["/x/../v1/token", 201],
    ["/x/%2e%2e/v1/token", 201],
    ["/v1/./token", 201],
    // Resolved as well, to another address
    ["/v1/token/..", 404],
    // No dot segment: an encoded slash separates nothing.
    ["/x/..%2fv1/token", 404],
  ])("%s: %i", async (path, status) => {
    const world = createWorld();
    const Authorization = `Bearer ${await world.provider.issue()}`;
    expect((await world.call(path, { method: "POST", headers: { Authorization } })).status).toBe(status);
  });

  it("TRACE, which would echo the session, never reaches an answer of ours with it", async () => {
    const world = createWorld();
    const session = await world.provider.issue();
    const response = await world.call("/v1/token", {
      method: "TRACE",
      headers: { Authorization: `Bearer ${session}` },
    });
    expect(response.status).toBe(405);
    expect(response.headers.get("Allow")).toBe("POST, DELETE, OPTIONS");
    expect(await response.text()).not.toContain(session);
  });
});
