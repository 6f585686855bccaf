import { beforeAll, describe, expect, it } from "vitest";
import { createSigners, createTarget, ISSUER, JWKS, type Signers, session, type Target } from "../support/target.ts";
import { virtualTime } from "../support/time.ts";

let by: Signers;
let target: Target;
let alice: string;
let bob: string;

const OTHER = "https://other.example";
const ORIGIN = "https://app.example.com";
beforeAll(async () => {
  by = await createSigners();
  target = createTarget({
    keys: [by.es256.jwk],
    issuers: [
      { issuer: ISSUER, audience: ["chat"], jwksUrl: JWKS, cookie: "__session", uid: { prefix: "a_" } },
      { issuer: OTHER, audience: ["chat"], jwksUrl: `${OTHER}/jwks`, cookie: "other", uid: { prefix: "b_" } },
    ],
  });
  target.respond = (address) => (address === `${OTHER}/jwks` ? Response.json({ keys: [by.stranger.jwk] }) : undefined);
  alice = await session(by.es256);
  bob = await session(by.es256, { sub: "bob" });
});

const ask = (headers: Record<string, string> | [string, string][], path = "/v1/token") =>
  target.send(path, { headers });

describe("the Authorization header (RFC 6750 §2.1; CVE-2026-47673)", () => {
  it.each<[string, (token: string) => string, string]>([
    ["Bearer", (token) => `Bearer ${token}`, "ok"],
    ["bearer", (token) => `bearer ${token}`, "ok"],
    ["BEARER", (token) => `BEARER ${token}`, "ok"],
    ["two spaces", (token) => `Bearer  ${token}`, "session-malformed"],
    ["a tab", (token) => `Bearer\t${token}`, "session-malformed"],
    ["no space", (token) => `Bearer${token}`, "session-malformed"],
    ["a colon", (token) => `Bearer:${token}`, "session-malformed"],
    ["a colon and a space", (token) => `Bearer: ${token}`, "session-missing"],
    ["an equals sign", (token) => `Bearer=${token}`, "session-malformed"],
    ["no scheme", (token) => token, "session-malformed"],
    ["no token", () => "Bearer", "session-malformed"],
    ["no token, a space", () => "Bearer ", "session-malformed"],
    ["two tokens", (token) => `Bearer ${token} ${token}`, "session-malformed"],
    ["quotes", (token) => `Bearer "${token}"`, "session-malformed"],
    ["a parameter", (token) => `Bearer token=${token}`, "session-malformed"],
    ["two headers' worth", (token) => `Bearer ${token}, Bearer ${token}`, "session-malformed"],
    ["a comma at the end", (token) => `Bearer ${token},`, "session-malformed"],
    ["Bearer twice", (token) => `Bearer Bearer ${token}`, "session-malformed"],
    ["Basic", (token) => `Basic ${token}`, "session-missing"],
    ["Token", (token) => `Token ${token}`, "session-missing"],
    ["DPoP", (token) => `DPoP ${token}`, "session-missing"],
    ["Basic, then Bearer", (token) => `Basic YTpi, Bearer ${token}`, "session-missing"],
    ["empty", () => "", "session-missing"],
  ])("is Bearer in any case, one space and one token: %s", async (_, value, code) => {
    expect((await ask({ Authorization: value(alice) })).code).toBe(code);
  });

  it("is refused if it comes twice", async () => {
    const verdict = await ask([
      ["Authorization", `Bearer ${alice}`],
      ["Authorization", `Bearer ${bob}`],
    ]);
    expect(verdict.code).toBe("session-malformed");
  });

  it("is answered session-missing if it is not there, with a challenge without an error (RFC 6750 §3.1)", async () => {
    const verdict = await ask({});
    expect(verdict.code).toBe("session-missing");
    expect(verdict.response.headers.get("www-authenticate")).toBe('Bearer realm="cometchat-edge-gateway"');
  });
});

describe("a session in a cookie", () => {
  const cookie = (value: string, more: Record<string, string> = {}) => ask({ Origin: ORIGIN, Cookie: value, ...more });

  it("is accepted without a header", async () => {
    expect((await cookie(`__session=${alice}`)).uid).toBe("a_alice");
    expect((await cookie(`theme=dark; __session=${alice}; x=1`)).uid).toBe("a_alice");
  });

  it("is ignored if there is a Bearer header, also an invalid one", async () => {
    expect((await cookie(`__session=${bob}`, { Authorization: `Bearer ${alice}` })).uid).toBe("a_alice");
    expect((await cookie(`__session=${bob}`, { Authorization: "Bearer x" })).code).toBe("session-malformed");
  });

  it("is used if the header has another scheme", async () => {
    expect((await cookie(`__session=${bob}`, { Authorization: "Basic cHJldmlldzp4" })).uid).toBe("a_bob");
  });

  it.each<[string, () => string, string]>([
    ["there twice with two values", () => `__session=${alice}; __session=${bob}`, "session-malformed"],
    ["there twice with one value", () => `__session=${alice}; __session=${alice}`, "ok"],
    ["empty", () => "__session=", "session-missing"],
    ["there twice, once empty", () => `__session=; __session=${alice}`, "ok"],
    ["of another name", () => `session=${alice}`, "session-missing"],
    ["of another case", () => `__SESSION=${alice}`, "session-missing"],
    ["with a longer name", () => `x__session=${alice}`, "session-missing"],
    ["in quotes", () => `__session="${alice}"`, "session-malformed"],
    ["with a space", () => `__session= ${alice}`, "session-malformed"],
    ["percent-encoded", () => `__session=${alice.replace(".", "%2E")}`, "session-malformed"],
  ])("is found by the exact name and read as it is: a cookie %s", async (_, value, code) => {
    expect((await cookie(value())).code).toBe(code);
  });

  it("is accepted only in the cookie of its own issuer, also if it was verified before", async () => {
    const theirs = await session(by.stranger, { iss: OTHER });
    expect((await cookie(`other=${theirs}`)).uid).toBe("b_alice");
    expect((await cookie(`other=${alice}`)).reason).toBe("issuer-unknown");
    expect((await cookie(`__session=${theirs}`)).reason).toBe("issuer-unknown");
    expect((await ask({ Authorization: `Bearer ${theirs}` })).uid).toBe("b_alice");
  });
});

describe("a cookie that the page of another site sends (OWASP CSRF; CVE-2026-47675)", () => {
  it.each<[string, Record<string, string>, string]>([
    ["a listed origin", { Origin: ORIGIN }, "ok"],
    ["same-origin", { "Sec-Fetch-Site": "same-origin" }, "ok"],
    ["same-site", { "Sec-Fetch-Site": "same-site" }, "origin-not-allowed"],
    [
      "another origin, same-site",
      { Origin: "https://other.example.com", "Sec-Fetch-Site": "same-site" },
      "origin-not-allowed",
    ],
    ["same-origin in another case", { "Sec-Fetch-Site": "Same-Origin" }, "origin-not-allowed"],
    ["same-origin and more", { "Sec-Fetch-Site": "same-origin, cross-site" }, "origin-not-allowed"],
    ["same-origin as one of several", { "Sec-Fetch-Site": "same-origin;a" }, "origin-not-allowed"],
    ["no such header", {}, "origin-not-allowed"],
    ["another origin", { Origin: "https://evil.example" }, "origin-not-allowed"],
    ["cross-site", { "Sec-Fetch-Site": "cross-site" }, "origin-not-allowed"],
    ["typed by hand", { "Sec-Fetch-Site": "none" }, "origin-not-allowed"],
    [
      "another origin, cross-site",
      { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
      "origin-not-allowed",
    ],
    ["an opaque origin", { Origin: "null" }, "origin-not-allowed"],
    ["a listed Referer", { Referer: `${ORIGIN}/` }, "origin-not-allowed"],
  ])(
    "is refused unless the browser says that the page is a listed one or the gateway's own: %s",
    async (_, headers, code) => {
      expect((await ask({ Cookie: `__session=${alice}`, ...headers })).code).toBe(code);
    },
  );
});

describe("an origin (Fetch standard)", () => {
  it.each([
    "null",
    "https://app.example.com.evil.example",
    "https://evil.example/https://app.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://APP.example.com",
    "https://app.example.com/",
    "https://app.example.com.",
    "https://preview.example.com",
    "https://a.b.preview.example.com",
    "https://evil.com#.preview.example.com",
    "https://evil.com/.preview.example.com",
    "https://evil.com?.preview.example.com",
    "https://user@a.preview.example.com",
    "https://xpreview.example.com",
    "https://.preview.example.com",
    "https://-.preview.example.com",
    "https://*.preview.example.com",
  ])("is refused without CORS headers if it is not listed exactly: %s", async (origin) => {
    const verdict = await ask({ Origin: origin, Authorization: `Bearer ${alice}` });
    expect(verdict.code).toBe("origin-not-allowed");
    expect(verdict.response.headers.get("access-control-allow-origin")).toBeNull();
    expect(verdict.response.headers.get("vary")).toContain("Origin");
  });

  it.each([ORIGIN, "https://pr-1.preview.example.com"])(
    "is allowed by its name if it is listed: %s",
    async (origin) => {
      const verdict = await ask({ Origin: origin, Authorization: `Bearer ${alice}` });
      expect(verdict.status).toBe(201);
      expect(verdict.response.headers.get("access-control-allow-origin")).toBe(origin);
      expect(verdict.response.headers.get("vary")).toContain("Origin");
    },
  );
});

describe("a request without an Origin", () => {
  it("is served with a Bearer header, since servers and native apps send none", async () => {
    expect((await ask({ Authorization: `Bearer ${alice}` })).status).toBe(201);
  });
});

describe("a preflight", () => {
  it("is answered with fixed lists, which repeat nothing of the request", async () => {
    const { response } = await target.send("/v1/token", {
      method: "OPTIONS",
      headers: {
        Origin: ORIGIN,
        "Access-Control-Request-Method": "PROPFIND",
        "Access-Control-Request-Headers": Array.from({ length: 200 }, (_, n) => `x-header-${n}`).join(","),
      },
    });
    expect(response.status).toBe(204);
    expect(JSON.stringify([...response.headers])).not.toMatch(/x-header|PROPFIND/i);
    expect(Number(response.headers.get("access-control-max-age"))).toBeGreaterThan(0);
  });

  it("is refused if its origin is not listed", async () => {
    const verdict = await target.send("/v1/token", {
      method: "OPTIONS",
      headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "POST" },
    });
    expect(verdict.status).toBe(403);
    expect(verdict.response.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("a token in the address (RFC 6750 §5.3)", () => {
  it.each(["?access_token=", "?token=", "?session=", "?"])(
    "is refused, with and without a header: %s",
    async (query) => {
      expect((await ask({}, `/v1/token${query}${alice}`)).code).toBe("bad-request");
      expect((await ask({ Authorization: `Bearer ${alice}` }, `/v1/token${query}x`)).code).toBe("bad-request");
    },
  );
});

describe("the body of POST /v1/token", () => {
  virtualTime();

  const send = (body: BodyInit, type = "application/json") =>
    target.send("/v1/token", { body, headers: { Authorization: `Bearer ${alice}`, "Content-Type": type } });

  it.each<[string, string, string]>([
    ["empty object", "{}", "ok"],
    ["fresh", '{"fresh":true}', "ok"],
    ["10 MB", `{"x":"${"x".repeat(10_000_000)}"}`, "body-too-large"],
    ["one byte more than 4 KiB", `{${" ".repeat(4095)}}`, "body-too-large"],
    ["4 KiB of spaces", `{${" ".repeat(4094)}}`, "ok"],
    ["no JSON", "fresh", "bad-request"],
    ["cut off", '{"fresh":tr', "bad-request"],
    ["a list", "[]", "bad-request"],
    ["null", "null", "bad-request"],
    ["a text", '"fresh"', "bad-request"],
    ["fresh as text", '{"fresh":"true"}', "bad-request"],
    ["another key", '{"fresh":true,"x":1}', "bad-request"],
    ["another user's uid", '{"uid":"bob"}', "bad-request"],
    ["__proto__", '{"__proto__":{"fresh":true}}', "bad-request"],
    ["a BOM", "\uFEFF{}", "bad-request"],
  ])("is an object of at most 4 KiB with no other member than fresh: %s", async (_, body, code) => {
    expect((await send(body)).code).toBe(code);
  });

  it("is given up if it has not ended when the request's time is over", async () => {
    const hasty = createTarget({ keys: [by.es256.jwk], env: { REQUEST_TIMEOUT_MS: 500 } });
    const unending = new ReadableStream<Uint8Array>({ start: (c) => c.enqueue(new TextEncoder().encode('{"fr')) });
    const headers = { Authorization: `Bearer ${alice}`, "Content-Type": "application/json" };
    const begun = Date.now();
    const { code, reason } = await hasty.send("/v1/token", { body: unending, headers });
    expect({ code, reason }).toEqual({ code: "bad-request", reason: "body-late" });
    expect(Date.now() - begun).toBe(500);
  });

  it("is counted while it is read if it comes in chunks without a length", async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1024;
        controller.enqueue(new Uint8Array(1024).fill(32));
      },
    });
    expect((await send(endless)).code).toBe("body-too-large");
    expect(sent).toBeLessThan(64 * 1024);
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", ""])(
    "has to have the content type of JSON: %j is refused",
    async (type) => {
      expect((await send("{}", type)).code).toBe("unsupported-media-type");
    },
  );
});

// The router of `hono/tiny` accepts a slash after any route. The gateway must not.
describe("a second spelling of a route (CVE-2026-47676)", () => {
  it.each([
    "//v1/token",
    "/v1/token/",
    "/v1//token",
    "/v1/%74oken",
    "/v1%2ftoken",
    "/v1/token%2f",
    "/v1/token;x",
    "/V1/token",
    "/v1/TOKEN",
    "/v1/token%00",
    "/v1/token%20",
    "/v1/token.json",
    "/x/../v1/token2",
    "/v1/users/../token/",
  ])("is not found: %s", async (path) => {
    const verdict = await ask({ Authorization: `Bearer ${alice}` }, path);
    expect({ status: verdict.status, code: verdict.code }).toEqual({ status: 404, code: "not-found" });
  });
});

describe("another method at a route", () => {
  it.each(["GET", "HEAD", "PUT", "PATCH", "OPTIONS", "PROPFIND"])(
    "is refused with 405, and Allow lists the methods of the route: %s",
    async (method) => {
      const { response } = await target.send("/v1/token", { method, headers: { Authorization: `Bearer ${alice}` } });
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toMatch(/\bPOST\b/);
    },
  );
});

describe("the caller's request id", () => {
  it.each(["x".repeat(10_000), "<script>alert(1)</script>", "a b", "short", "é".repeat(8), "a,b,c,d,e,f"])(
    "is replaced if it is not short and plain: %s",
    async (id) => {
      const { response } = await ask({ "X-Request-Id": id });
      expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it("is in the answer if it is short and plain", async () => {
    const { response, text } = await ask({ "X-Request-Id": "order-12345678" });
    expect(response.headers.get("x-request-id")).toBe("order-12345678");
    expect(JSON.parse(text)).toMatchObject({ requestId: "order-12345678" });
  });
});

describe("an answer (GHSA-p77w-8qqv-26rm)", () => {
  it.each<[string, () => Promise<{ response: Response }>]>([
    ["a token", () => ask({ Authorization: `Bearer ${alice}` })],
    ["a refusal", () => ask({ Authorization: "Bearer x" })],
    ["a refused origin", () => ask({ Origin: "https://evil.example" })],
    ["a refused body", () => ask({ Authorization: `Bearer ${alice}` }, "/v1/token?x")],
  ])("is cached by nobody: %s", async (_, send) => {
    const { headers } = (await send()).response;
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("vary")).toBe("Origin, Authorization, Cookie");
  });
});

describe("the claims of a session", () => {
  it("are never in a header of the answer, also with line breaks and any alphabet", async () => {
    const verdict = await target.present(
      await session(by.es256, { name: "A\r\nSet-Cookie: x=1 Ω 🙂", sub: "Ω\u2028" }),
    );
    expect(verdict.status).toBe(201);
    expect(JSON.stringify([...verdict.response.headers])).not.toMatch(/set-cookie|Ω/i);
  });
});

describe("a rate limit", () => {
  it("is checked by address before the session is, and answers 429 with Retry-After", async () => {
    const keys: string[] = [];
    const spent = spentLimit(keys);
    const own = createTarget({ keys: [by.es256.jwk], env: { RATE_LIMIT_IP: spent } });
    const verdict = await own.present("x");
    expect(verdict.code).toBe("rate-limited");
    expect(Number(verdict.response.headers.get("retry-after"))).toBeGreaterThan(0);
    await own.present("x", { headers: { "CF-Connecting-IP": "2001:db8:1:2:3:4:5:6" } });
    await own.present("x", { headers: { "CF-Connecting-IP": "2001:db8:1:2:ffff::1" } });
    expect(keys[0]).not.toBe("");
    expect(keys[1]).toBe(keys[2]);
  });

  it("is checked by uid after the session is verified, and answers 429", async () => {
    const keys: string[] = [];
    const spent = spentLimit(keys);
    const own = createTarget({ keys: [by.es256.jwk], env: { RATE_LIMIT_USER: spent } });
    expect((await own.present(`${await session(by.es256)}x`)).code).toBe("session-malformed");
    expect(keys).toEqual([]);
    expect(await own.present(await session(by.es256))).toMatchObject({ code: "rate-limited", cometchatCalls: 0 });
    expect(keys).toEqual(["alice"]);
  });

  it("is required: a deployment without its binding has a wrong configuration", async () => {
    const own = createTarget({ keys: [by.es256.jwk], env: { RATE_LIMIT_IP: undefined } });
    expect((await own.present(await session(by.es256))).code).toBe("config-invalid");
  });
});

describe("the answer to an invalid session", () => {
  it("is the same whatever is wrong with it", async () => {
    const refusals = await Promise.all([
      session(by.stranger),
      session(by.es256, { aud: "other" }),
      session(by.es256, { iss: "https://evil.example" }),
      session(by.es256, { sub: "" }),
      session(by.es256, {}, { kid: "nobody" }),
      session(by.es256, {}, { typ: "logout+jwt" }),
      session(by.es256, { exp: "never" }),
      session(by.es256, { aud: "other", exp: 1 }),
    ]);
    const answers = new Set<string>();
    for (const token of refusals) {
      const { text, response } = await target.present(token, { headers: { "X-Request-Id": "always-the-same" } });
      answers.add(`${response.status} ${response.headers.get("www-authenticate")} ${text}`);
    }
    expect([...answers]).toHaveLength(1);
  });

  it("does not show anything of the claims if the signature is wrong", async () => {
    expect((await target.present(await session(by.stranger, { exp: 1 }))).reason).toBe("signature-wrong");
    expect((await target.present(await session(by.stranger, { aud: "other" }))).reason).toBe("signature-wrong");
  });
});

describe("a session that is presented twice", () => {
  it("is accepted twice, as bearer tokens are (docs/security.md)", async () => {
    expect((await target.present(alice)).status).toBe(201);
    expect((await target.present(alice)).status).toBe(201);
  });
});

/** A limit that is used up. It records the keys that it is called with. */
const spentLimit = (keys: string[]) => ({
  limit: async ({ key }: { key: string }) => {
    keys.push(key);
    return { success: false };
  },
});
