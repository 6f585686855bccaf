import { describe, expect, it } from "vitest";
import { bodyOf, createWorld, type ProblemAnswer, type World } from "../support/world.ts";

const ORIGIN = "https://app.example.com";
const EVIL = "https://evil.example";

/** The headers that tell a browser which page may read the answer. */
const corsOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => /^(access-control|timing-allow)-/.test(name)));

/** The CORS headers of every answer to a listed origin. */
const READABLE = {
  "access-control-allow-origin": ORIGIN,
  // Without this header, a page that sends its cookie could not read the answer.
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
    "answers a preflight of %s for %s with exactly these headers, and calls nothing",
    async (path, method, all) => {
      const world = createWorld();
      const response = await preflight(world, path, { Origin: ORIGIN, "Access-Control-Request-Method": method });
      expect(response.status).toBe(204);
      expect(corsOf(response)).toEqual({
        ...READABLE,
        "access-control-allow-methods": all,
        "access-control-allow-headers": "Authorization, Content-Type, X-Request-Id",
        // Chromium's maximum: for two hours, a sign-in is one request instead of two.
        "access-control-max-age": "7200",
      });
      // A cache must not give the answer for one origin to another.
      expect(response.headers.get("Vary")).toMatch(/\bOrigin\b/);
      expect(world.fetched).toEqual([]);
    },
  );

  it.each(ROUTES)(
    "refuses a preflight of %s for %s from an origin that is not listed, without CORS headers",
    async (path, method) => {
      const response = await preflight(createWorld(), path, { Origin: EVIL, "Access-Control-Request-Method": method });
      expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([403, "origin-not-allowed"]);
      expect(corsOf(response)).toEqual({});
    },
  );

  it("answers 405 to OPTIONS without Access-Control-Request-Method, which is no preflight", async () => {
    const response = await preflight(createWorld(), "/v1/token", { Origin: ORIGIN });
    expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([405, "method-not-allowed"]);
    expect(response.headers.get("Allow")).toBe("POST, DELETE, OPTIONS");
    // The page can read that answer, and nothing else is allowed.
    expect(corsOf(response)).toEqual(READABLE);
  });

  it("answers 405 to OPTIONS without Origin, which does not come from a browser", async () => {
    const response = await preflight(createWorld(), "/v1/token", { "Access-Control-Request-Method": "POST" });
    expect(response.status).toBe(405);
    expect(corsOf(response)).toEqual({});
  });

  it("lets a listed origin read its token", async () => {
    const response = await createWorld().signIn({}, { headers: { Origin: ORIGIN } });
    expect(response.status).toBe(201);
    expect(corsOf(response)).toEqual(READABLE);
  });

  it.each(["", "Bearer x"])("lets a listed origin read the refusal of its session (%j)", async (Authorization) => {
    const response = await createWorld().call("/v1/token", {
      method: "POST",
      headers: { Origin: ORIGIN, Authorization },
    });
    expect(response.status).toBe(401);
    expect(corsOf(response)).toEqual(READABLE);
  });

  it("lets a listed origin read the refusal of a rate limit, with its Retry-After", async () => {
    const world = createWorld({ env: { RATE_LIMIT_IP: { limit: async () => ({ success: false }) } } });
    const response = await world.call("/v1/token", { method: "POST", headers: { Origin: ORIGIN } });
    expect(response.status).toBe(429);
    expect(corsOf(response)).toEqual(READABLE);
  });

  it("refuses an origin that is not listed, without CORS headers", async () => {
    const world = createWorld();
    const response = await world.signIn({}, { headers: { Origin: EVIL } });
    expect(response.status).toBe(403);
    expect(corsOf(response)).toEqual({});
    expect(world.fetched).toEqual([]);
  });

  it("sends no CORS headers to a request without an origin", async () => {
    const response = await createWorld().signIn();
    expect(response.status).toBe(201);
    expect(corsOf(response)).toEqual({});
  });

  it("refuses an origin of the same site that is not listed, without CORS headers", async () => {
    const world = createWorld();
    const response = await world.signIn({}, { headers: { Origin: EVIL, "Sec-Fetch-Site": "same-site" } });
    expect(response.status).toBe(403);
    expect(corsOf(response)).toEqual({});
    expect(world.fetched).toEqual([]);
  });

  it("serves a page of the gateway's own origin, which needs no CORS headers", async () => {
    const response = await createWorld().signIn({}, { headers: { Origin: EVIL, "Sec-Fetch-Site": "same-origin" } });
    expect(response.status).toBe(201);
    expect(corsOf(response)).toEqual({});
  });

  it.each(["/healthz", "/readyz", "/openapi.json"])(
    "sends no CORS headers at %s, which is not for pages",
    async (path) => {
      expect(corsOf(await createWorld().call(path, { headers: { Origin: ORIGIN } }))).toEqual({});
    },
  );
});

describe("an address with dots", () => {
  // Every URL parser resolves dot segments (URL standard §4.4), the caller's as well as the platform's. `/x/../v1/token`
  // is `/v1/token` before a rule for paths sees it, so dot segments are no way around such a rule.
  it.each<[string, number]>([
    ["/x/../v1/token", 201],
    ["/x/%2e%2e/v1/token", 201],
    ["/v1/./token", 201],
    // This is resolved too, to another address.
    ["/v1/token/..", 404],
    // This is no dot segment, because an encoded slash separates nothing.
    ["/x/..%2fv1/token", 404],
  ])("is resolved before the gateway sees it: %s is answered %i", async (path, status) => {
    const world = createWorld();
    const Authorization = `Bearer ${await world.provider.issue()}`;
    expect((await world.call(path, { method: "POST", headers: { Authorization } })).status).toBe(status);
  });
});

describe("TRACE", () => {
  it("is refused, and never repeats the session", async () => {
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
