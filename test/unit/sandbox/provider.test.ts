import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, it, vi } from "vitest";
import {
  createProvider,
  type Provider,
  type ProviderFault,
  type SessionOptions,
} from "../../sandbox/provider/index.ts";
import { virtualTime } from "../../support/time.ts";

const issuer = "http://idp.test/realm";
const expected = { issuer, audience: "chat" };

async function verify(provider: Provider, session: string) {
  const jwks = await (await provider.fetch(new Request(provider.jwksUrl))).json<{ keys: [] }>();
  return jwtVerify(session, createLocalJWKSet(jwks), expected);
}

describe("the sandbox's identity provider", () => {
  it.each(["ES256", "RS256"])("issues %s sessions, which its published keys verify", async (alg) => {
    const provider = createProvider({ issuer });
    const { payload, protectedHeader } = await verify(provider, await provider.issue({ subject: "bob", alg }));
    expect(protectedHeader).toEqual({ alg, typ: "JWT", kid: `${alg.toLowerCase()}-1` });
    expect(payload).toMatchObject({ iss: issuer, sub: "bob", aud: "chat", jti: expect.any(String) });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
  });

  it.each<[string, SessionOptions, string]>([
    ["expired", { expiresIn: -10 }, "ERR_JWT_EXPIRED"],
    ["for another audience", { audience: "other" }, "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    ["forged", { forged: true }, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
    ["signed with an unknown kid", { kid: "nobody" }, "ERR_JWKS_NO_MATCHING_KEY"],
  ])("issues an invalid session on demand: %s", async (_, options, code) => {
    const provider = createProvider({ issuer });
    await expect(verify(provider, await provider.issue(options))).rejects.toMatchObject({ code });
  });

  it("issues sessions whose claims and header members are replaced or left out", async () => {
    const provider = createProvider({ issuer });
    const session = await provider.issue({ kid: null, claims: { sub: 42, exp: undefined }, header: { typ: "at+jwt" } });
    expect(decodeProtectedHeader(session)).toEqual({ alg: "ES256", typ: "at+jwt" });
    expect(decodeJwt(session)).toMatchObject({ sub: 42 });
    expect(decodeJwt(session)).not.toHaveProperty("exp");
  });

  it("publishes the old key for one more rotation, or not at all with overlap: false", async () => {
    const provider = createProvider({ issuer, algorithms: ["ES256"] });
    const session = await provider.issue();
    await provider.rotate();
    await expect(verify(provider, session)).resolves.toBeDefined();
    expect(decodeProtectedHeader(await provider.issue()).kid).toBe("es256-2");
    await provider.rotate({ overlap: false });
    expect((await provider.jwks()).keys.map((key) => key.kid)).toEqual(["es256-3"]);
    await expect(verify(provider, session)).rejects.toMatchObject({ code: "ERR_JWKS_NO_MATCHING_KEY" });
  });

  it("issues logout tokens, which are no sessions", async () => {
    const provider = createProvider({ issuer });
    const token = await provider.issueLogoutToken({ sid: "s-1" });
    const { payload, protectedHeader } = await verify(provider, token);
    expect(protectedHeader.typ).toBe("logout+jwt");
    expect(payload).toMatchObject({ sid: "s-1", events: { "http://schemas.openid.net/event/backchannel-logout": {} } });
    expect(payload).not.toHaveProperty("sub");
  });

  it("publishes its documents under the issuer's path, and counts the requests", async () => {
    const provider = createProvider({ issuer, algorithms: ["ES256"] });
    const document = await (await provider.fetch(new Request(`${issuer}/.well-known/openid-configuration`))).json();
    expect(document).toMatchObject({ issuer, jwks_uri: `${issuer}/jwks` });
    await provider.fetch(new Request(`${issuer}/jwks`));
    await provider.fetch(new Request(`${issuer}/jwks`));
    expect(provider.requests).toEqual({ discovery: 1, jwks: 2 });
    expect((await provider.fetch(new Request("http://idp.test/jwks"))).status).toBe(404);
  });

  it("publishes no private key", async () => {
    const { keys } = await createProvider({ issuer }).jwks();
    expect(keys.map((key) => key.d)).toEqual([undefined, undefined]);
  });

  it("gives the demo page a session and its claims over HTTP", async () => {
    const provider = createProvider({ issuer });
    const ask = (body: unknown) =>
      provider.fetch(new Request(`${issuer}/sessions`, { method: "POST", body: JSON.stringify(body) }));
    const answer = await ask({ subject: "carol", name: "Carol" });
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    const { session, claims } = await answer.json<{ session: string; claims: object }>();
    expect((await verify(provider, session)).payload).toEqual(claims);
    expect(claims).toMatchObject({ sub: "carol", name: "Carol", sid: expect.any(String) });

    const { session: expired } = await (await ask({ subject: "carol", kind: "expired" })).json<{ session: string }>();
    await expect(verify(provider, expired)).rejects.toMatchObject({ code: "ERR_JWT_EXPIRED" });
    expect((await ask({ subject: "carol", kind: "odd" })).status).toBe(400);
    expect((await ask({})).status).toBe(400);
  });

  function signedIn() {
    const provider = createProvider({
      issuer,
      backchannelLogoutUri: () => "https://gateway.test/v1/backchannel-logout",
    });
    const ask = async (method: string, path: string, body: unknown) => {
      const answer = await provider.fetch(new Request(issuer + path, { method, body: JSON.stringify(body) }));
      return { status: answer.status, body: await answer.json<{ session: string; claims: Record<string, unknown> }>() };
    };
    return { provider, ask, signIn: () => ask("POST", "/sessions", { subject: "carol", name: "Carol" }) };
  }

  it("renews a session under the same sid, until the login has ended", async () => {
    const { provider, ask, signIn } = signedIn();
    const { sid, jti } = (await signIn()).body.claims;
    const renewed = await ask("POST", "/sessions/refresh", { sid });
    expect(renewed).toMatchObject({ status: 201, body: { claims: { sub: "carol", name: "Carol", sid } } });
    expect(renewed.body.claims.jti).not.toBe(jti);
    await verify(provider, renewed.body.session);
    expect((await ask("POST", "/sessions/refresh", { sid: "another" })).status).toBe(401);
    vi.stubGlobal("fetch", async () => new Response(null));
    expect((await ask("POST", "/logout", { subject: "carol", sid })).status).toBe(200);
    vi.unstubAllGlobals();
    expect((await ask("POST", "/sessions/refresh", { sid })).status).toBe(401);
  });

  it("gives neither sessions nor keys while it is down, and has its logins afterwards", async () => {
    const { provider, ask, signIn } = signedIn();
    const { sid } = (await signIn()).body.claims;
    await ask("PUT", "/_sim/outage", { outage: "down" });
    expect((await ask("POST", "/sessions/refresh", { sid })).status).toBe(503);
    expect((await signIn()).status).toBe(503);
    expect((await provider.fetch(new Request(provider.jwksUrl))).status).toBe(503);
    await ask("PUT", "/_sim/outage", { outage: "none" });
    expect((await ask("POST", "/sessions/refresh", { sid })).status).toBe(201);
    expect((await provider.fetch(new Request(provider.jwksUrl))).status).toBe(200);
    expect((await ask("PUT", "/_sim/outage", { outage: "odd" })).status).toBe(400);
  });
});

describe("the identity provider's faults", () => {
  virtualTime();

  async function jwksUnder(fault: ProviderFault, signal?: AbortSignal) {
    const provider = createProvider({ issuer, algorithms: ["ES256"] });
    provider.fault = fault;
    return provider.fetch(new Request(provider.jwksUrl, signal ? { signal } : {}));
  }

  it.each<[ProviderFault, number, RegExp]>([
    [{ kind: "status", status: 503 }, 503, /unavailable/],
    [{ kind: "delay", ms: 5 }, 200, /^{"keys":\[{.+}\]}$/],
    [{ kind: "html" }, 200, /^<!doctype html>/],
    [{ kind: "truncated" }, 200, /^{"keys":\[.+[^}]$/],
    [{ kind: "empty" }, 200, /^$/],
    [{ kind: "huge", bytes: 100_000 }, 200, /x{100000}"}$/],
    [{ kind: "drip", bytes: 100, everyMs: 1 }, 200, /^{"keys":\[{.+}\]}$/],
    [{ kind: "empty-set" }, 200, /^{"keys":\[\]}$/],
    [{ kind: "many-keys", count: 3 }, 200, /other-0.+other-1.+other-2.+es256-1/],
    [{ kind: "status", status: 503, on: "discovery" }, 200, /^{"keys":\[{.+}\]}$/],
  ])("answers %j with %i", async (fault, status, body) => {
    const response = await jwksUnder(fault);
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(body);
  });

  it("redirects to an address at which the document is", async () => {
    const provider = createProvider({ issuer });
    provider.fault = { kind: "redirect" };
    const response = await provider.fetch(new Request(provider.jwksUrl));
    expect(response.status).toBe(302);
    const moved = await provider.fetch(new Request(response.headers.get("location") ?? ""));
    expect(await moved.json()).toHaveProperty("keys");
  });

  it("names another issuer in discovery", async () => {
    const provider = createProvider({ issuer });
    provider.fault = { kind: "wrong-issuer" };
    const document = await (await provider.fetch(new Request(provider.discoveryUrl))).json();
    expect(document).toHaveProperty("issuer", "https://elsewhere.example");
  });

  it("refuses the connection", async () => {
    await expect(jwksUnder({ kind: "refused" })).rejects.toThrow("connection refused");
  });

  it("hangs until the caller aborts", async () => {
    const asked = Date.now();
    await expect(jwksUnder({ kind: "hang" }, AbortSignal.timeout(20))).rejects.toMatchObject({ name: "TimeoutError" });
    expect(Date.now() - asked).toBe(20);
  });
});
