import { beforeAll, describe, expect, it } from "vitest";
import { b64, resigned, type Signer, segment, sign } from "../support/forge.ts";
import {
  createSigners,
  createTarget,
  ISSUER,
  JWKS,
  NOON,
  type Signers,
  session,
  type Target,
} from "../support/target.ts";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const OTHER = "https://other.example";

let by: Signers;
let target: Target;
beforeAll(async () => {
  by = await createSigners();
  target = createTarget({
    keys: [by.es256.jwk],
    issuers: [
      { issuer: ISSUER, audience: ["chat"], jwksUrl: JWKS, uid: { prefix: "a_" }, authorizedParties: ["client-1"] },
      { issuer: OTHER, audience: ["chat"], jwksUrl: `${OTHER}/jwks`, uid: { prefix: "b_" } },
    ],
  });
  target.respond = (address) => (address === `${OTHER}/jwks` ? Response.json({ keys: [by.stranger.jwk] }) : undefined);
});

/** A valid logout token, unless the given claims or header make it invalid. */
const logout = (claims: Record<string, unknown> = {}, header: object = {}, signer: Signer = by.es256) =>
  sign(
    signer,
    {
      iss: ISSUER,
      aud: "chat",
      iat: NOON,
      exp: NOON + 120,
      jti: crypto.randomUUID(),
      sub: "alice",
      events: { [EVENT]: {} },
      ...claims,
    },
    { typ: "logout+jwt", ...header },
  );

const send = (token: string, init: RequestInit = {}) =>
  target.send("/v1/backchannel-logout", { body: new URLSearchParams({ logout_token: token }), ...init });

async function expectRefused(token: string) {
  const verdict = await send(token);
  expect({ status: verdict.status, code: verdict.code, reason: verdict.reason }).toEqual({
    status: 400,
    code: "bad-request",
    reason: "logout-token-refused",
  });
  expect(verdict.response.headers.get("cache-control")).toBe("no-store");
  expect(verdict.cometchatCalls).toBe(0);
}

describe("a logout token (OIDC Back-Channel Logout 1.0 §2.4, §2.6)", () => {
  it.each<[string, Record<string, unknown>, object?]>([
    ["with every claim that the standard requires", {}],
    ["with sub and sid", { sid: "session-1" }],
    ["with the sid of an unknown session and no sub", { sub: undefined, sid: "unknown" }],
    ["for an unknown user", { sub: "nobody" }],
    ["with typ JWT", {}, { typ: "JWT" }],
    ["without typ", {}, { typ: undefined }],
    ["whose aud is the client's id", { aud: "client-1" }],
    ["with several audiences", { aud: ["other", "chat"] }],
    ["without exp", { exp: undefined }],
    ["with a member in the event", { events: { [EVENT]: { why: 1 } } }],
    ["with a second event", { events: { [EVENT]: {}, "https://other.example": {} } }],
  ])("is accepted %s", async (_, claims, header) => {
    const verdict = await send(await logout(claims, header));
    expect({ status: verdict.status, text: verdict.text }).toEqual({ status: 200, text: "" });
  });

  it.each<[string, Record<string, unknown>, object?]>([
    ["no iss", { iss: undefined }],
    ["another iss", { iss: "https://evil.example" }],
    ["no aud", { aud: undefined }],
    ["another aud", { aud: "other" }],
    ["an empty aud", { aud: [] }],
    ["no iat", { iat: undefined }],
    ["iat as text", { iat: String(NOON) }],
    ["iat in the future", { iat: NOON + 31 }],
    ["iat too old", { iat: NOON - 330 }],
    ["iat too old, without exp", { iat: NOON - 330, exp: undefined }],
    ["iat too old, exp far in the future", { iat: NOON - 330, exp: NOON + 1e9 }],
    ["expired", { iat: NOON - 200, exp: NOON - 30 }],
    ["exp as text", { exp: String(NOON + 60) }],
    ["nbf in the future", { nbf: NOON + 31 }],
    ["no jti", { jti: undefined }],
    ["jti a number", { jti: 1 }],
    ["an empty jti", { jti: "" }],
    ["a jti of 1025 characters", { jti: "j".repeat(1025) }],
    ["no events", { events: undefined }],
    ["no such event", { events: { "https://other.example": {} } }],
    ["events a list", { events: [EVENT] }],
    ["events a text", { events: EVENT }],
    ["the event is no object", { events: { [EVENT]: true } }],
    ["the event a list", { events: { [EVENT]: [] } }],
    ["the event null", { events: { [EVENT]: null } }],
    ["the event inherited", JSON.parse(`{"events":{"__proto__":{"${EVENT}":{}}}}`)],
    ["a nonce: an ID token", { nonce: "n" }],
    ["a nonce of null", { nonce: null }],
    ["neither sub nor sid", { sub: undefined }],
    ["sub a number", { sub: 1 }],
    ["sub a number, and a valid sid", { sub: 1, sid: "session-1" }],
    ["sub empty", { sub: "" }],
    ["sid an object", { sid: { id: 1 } }],
    ["sid empty", { sub: undefined, sid: "" }],
    ["sub with a line break", { sub: "alice\n" }],
    ["typ at+jwt", {}, { typ: "at+jwt" }],
    ["typ secevent+jwt", {}, { typ: "secevent+jwt" }],
    ["crit", {}, { crit: ["b64"], b64: true }],
    ["zip", {}, { zip: "DEF" }],
    ["another kid", {}, { kid: "nobody" }],
  ])("is refused with 400: %s", async (_, claims, header) => {
    await expectRefused(await logout(claims, header));
  });

  it("is accepted to the last second that the tolerance allows", async () => {
    expect((await send(await logout({ iat: NOON + 30 }))).status).toBe(200);
    expect((await send(await logout({ iat: NOON - 329 }))).status).toBe(200);
    expect((await send(await logout({ iat: NOON - 100, exp: NOON - 29 }))).status).toBe(200);
  });

  it("needs a right signature, as a session does", async () => {
    await expectRefused(await logout({}, {}, by.stranger));
    await expectRefused(resigned(await logout(), new Uint8Array(64)));
    await expectRefused(resigned(await logout(), new Uint8Array()));
    await expectRefused(`${segment({ alg: "none", typ: "logout+jwt" })}.${(await logout()).split(".")[1]}.`);
    await expectRefused(await logout({}, { alg: "HS256" }));
    await expectRefused(`${await logout()}=`);
    await expectRefused("not a token");
    await expectRefused(`${b64("{}")}.${b64("{}")}.${b64("x")}`);
  });

  it("is refused if another issuer's key has signed it", async () => {
    await expectRefused(await logout({ iss: OTHER }));
    expect((await send(await logout({ iss: OTHER }, {}, by.stranger))).status).toBe(200);
  });

  it("is no session, and a session is no logout token", async () => {
    await expectRefused(await session(by.es256));
    await expectRefused(await session(by.es256, { jti: crypto.randomUUID() }, { typ: "logout+jwt" }));
    expect((await target.present(await logout())).code).toBe("session-invalid");
    expect((await target.present(await logout({ azp: "client-1" }, { typ: "JWT" }))).reason).toBe("logout-token");
  });

  it("is accepted once: a second token of this issuer with the same jti is refused", async () => {
    const token = await logout();
    expect((await send(token)).status).toBe(200);
    await expectRefused(token);
    // The same jti of another issuer is another token.
    const jti = crypto.randomUUID();
    expect((await send(await logout({ jti }))).status).toBe(200);
    expect((await send(await logout({ jti, iss: OTHER }, {}, by.stranger))).status).toBe(200);
  });

  it("needs the claim that names users here, or sid, if that claim is not sub", async () => {
    const own = createTarget({
      keys: [by.es256.jwk],
      issuers: [{ issuer: ISSUER, audience: ["chat"], jwksUrl: JWKS, uid: { claim: "email" } }],
    });
    const ask = async (claims: object) =>
      own.send("/v1/backchannel-logout", { body: new URLSearchParams({ logout_token: await logout({ ...claims }) }) });
    expect((await ask({})).status).toBe(400);
    expect((await ask({ email: "alice" })).status).toBe(200);
    expect((await ask({ sid: "session-1" })).status).toBe(200);
  });
});

describe("a logout token at an entry with no audience to compare (OIDC Back-Channel Logout 1.0 §2.6 step 4)", () => {
  it.each<[string, object]>([
    ["neither audience nor authorizedParties", { audienceRequired: false }],
    ["an empty audience", { audience: [], audienceRequired: false }],
  ])("is refused, and the log and /readyz say what to do: %s", async (_, entry) => {
    const own = createTarget({ keys: [by.es256.jwk], issuers: [{ issuer: ISSUER, jwksUrl: JWKS, ...entry }] });
    for (const aud of ["chat", "anything", ISSUER, "", ["a", "b"]]) {
      const body = new URLSearchParams({ logout_token: await logout({ aud }) });
      const { status, reason, cometchatCalls } = await own.send("/v1/backchannel-logout", { body });
      expect([aud, status, reason, cometchatCalls]).toEqual([aud, 400, "logout-token-refused", 0]);
    }
    expect(own.world.lines.find(({ event, reason }) => event === "request" && reason)?.remedy).toMatch(
      /client's id in authorizedParties/,
    );
    const variable = "SESSION_ISSUERS[0].authorizedParties";
    expect(own.world.lines.filter(({ event }) => event === "config-warning")).toEqual([
      expect.objectContaining({ variable, remedy: expect.stringContaining("refuses logout tokens") }),
    ]);
    const ready = await own.send("/readyz", { method: "GET" });
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text).checks).toContainEqual({
      check: "configuration",
      ok: true,
      warning: expect.stringContaining(`${variable} is missing`),
    });
  });

  it("is accepted as soon as authorizedParties has the client's id, which is its aud", async () => {
    const entry = { issuer: ISSUER, jwksUrl: JWKS, audienceRequired: false, authorizedParties: ["client-1"] };
    const own = createTarget({ keys: [by.es256.jwk], issuers: [entry] });
    const ask = async (aud: unknown) =>
      own.send("/v1/backchannel-logout", { body: new URLSearchParams({ logout_token: await logout({ aud }) }) });
    expect((await ask("client-1")).status).toBe(200);
    expect((await ask("client-2")).status).toBe(400);
    expect(own.world.lines.filter(({ event }) => event === "config-warning")).toEqual([]);
  });
});

describe("a request with a logout token (OIDC Back-Channel Logout 1.0 §2.5)", () => {
  it.each<[string, () => Promise<RequestInit>]>([
    [
      "JSON",
      async () => ({
        body: JSON.stringify({ logout_token: await logout() }),
        headers: { "Content-Type": "application/json" },
      }),
    ],
    [
      "a form with the content type of JSON",
      async () => ({ body: `logout_token=${await logout()}`, headers: { "Content-Type": "application/json" } }),
    ],
    ["the token as plain text", async () => ({ body: await logout() })],
    ["multipart", async () => ({ body: form(await logout()) })],
    [
      "two tokens in one form",
      async () => ({
        body: new URLSearchParams([
          ["logout_token", await logout()],
          ["logout_token", await logout()],
        ]),
      }),
    ],
    ["a form with another parameter", async () => ({ body: new URLSearchParams({ token: await logout() }) })],
    ["an empty token", async () => ({ body: new URLSearchParams({ logout_token: "" }) })],
    ["nothing", async () => ({})],
    ["a header", async () => ({ headers: { Authorization: `Bearer ${await logout()}` } })],
  ])("is refused with 400: %s", async (_, init) => {
    expect((await target.send("/v1/backchannel-logout", await init())).status).toBe(400);
  });

  it("is refused with 400: the token in the address, although it is in the body too", async () => {
    const address = `/v1/backchannel-logout?logout_token=${await logout()}`;
    expect((await target.send(address)).status).toBe(400);
    const body = new URLSearchParams({ logout_token: await logout() });
    expect((await target.send(address, { body })).status).toBe(400);
    expect((await target.send("/v1/backchannel-logout", { body })).status).toBe(200);
  });

  it("is answered 503, so that the provider tries again, while keys cannot be fetched", async () => {
    const down = createTarget();
    down.respond = () => new Response(null, { status: 503 });
    const body = new URLSearchParams({ logout_token: await logout() });
    const verdict = await down.send("/v1/backchannel-logout", { body });
    expect(verdict.code).toBe("keys-unavailable");
    expect(Number(verdict.response.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

function form(token: string): FormData {
  const data = new FormData();
  data.set("logout_token", token);
  return data;
}
