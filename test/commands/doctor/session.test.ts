import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import {
  advice,
  type Case,
  doctor,
  hmacKey,
  hs256,
  inAnHour,
  issuerUrl,
  keyPair,
  oidc,
  publish,
  seeded,
  serve,
  serveOidc,
  sign,
  simulator,
} from "../../support/doctor.ts";
import { API_KEY } from "../place.ts";

serve();
serveOidc();

describe("npm run doctor with --session", () => {
  const changed = (change: object): Case => ({ vars: { SESSION_ISSUERS: [{ ...hs256, ...change }] } });
  const past = () => Math.floor(Date.now() / 1000) - 3600;
  const rows: readonly (readonly [string, Case, () => Promise<string> | string, says: RegExp])[] = [
    ["no JWT", {}, () => "opaque-access-token", /^This has 1 part\. A session is a JWT.+opaque access tokens/],
    ["an encrypted one", {}, () => "a.b.c.d.e", /encrypted \(a JWE/],
    [
      "one that is too long",
      {},
      () => `${"a".repeat(9000)}.b.c`,
      /9004 characters, and the gateway accepts at most 8192/,
    ],
    ["one that was cut", {}, async () => `${(await sign({})).slice(0, -3)}!!!`, /not base64url/],
    [
      "another issuer's",
      {},
      () => sign({ iss: "https://other.test" }),
      /^iss is "https:\/\/other\.test", and issuer is "https:\/\/backend\.test"/,
    ],
    [
      "an issuer with a slash",
      {},
      () => sign({ iss: "https://backend.test/" }),
      /iss is .+issuer is .+the slash at the end counts/,
    ],
    ["no issuer", {}, () => sign({ iss: undefined as never }), /has no iss/],
    [
      "another algorithm",
      {},
      async () => sign({}, { alg: "HS512" }),
      /^alg is "HS512", and the algorithms of this issuer are HS256/,
    ],
    ["another type", {}, () => sign({}, { typ: "logout+jwt" }), /^typ is "logout\+jwt"/],
    [
      "another key",
      {},
      () => sign({}, {}, new TextEncoder().encode("x".repeat(40))),
      /signature.+HMAC key that secret names/,
    ],
    [
      "another audience",
      {},
      () => sign({ aud: "other" }),
      /^aud is "other", and audience is \["chat"\]\. .+write one of the values of aud into audience/,
    ],
    [
      "an audience with a slash",
      changed({ audience: ["https://api.test"] }),
      () => sign({ aud: "https://api.test/" }),
      /the slash at the end counts/,
    ],
    ["an audience in capitals", {}, () => sign({ aud: "Chat" }), /capital letters count/],
    ["no audience", {}, () => sign({ aud: undefined as never }), /has no aud.+audienceRequired = false/],
    [
      "another client",
      changed({ authorizedParties: ["web"] }),
      () => sign({ azp: "app" }),
      /^azp is "app", and authorizedParties is \["web"\]/,
    ],
    [
      "no client",
      changed({ authorizedParties: ["web"] }),
      () => sign({}),
      /neither azp nor client_id, and authorizedParties/,
    ],
    [
      "Okta's name for the client",
      changed({ authorizedParties: ["web"] }),
      () => sign({ cid: "app" }),
      /^cid is "app"/,
    ],
    ["one that is bound to a key", {}, () => sign({ cnf: { jkt: "x" } }), /has cnf.+DPoP/],
    [
      "one that is pending",
      changed({ treatPendingAsSignedOut: true }),
      () => sign({ sts: "pending" }),
      /^sts is "pending".+treatPendingAsSignedOut/,
    ],
    ["no end", {}, () => sign({ exp: undefined as never }), /has no exp/],
    [
      "an end in milliseconds",
      {},
      () => sign({ exp: Date.now() * 1000 }),
      /exp is \d+: it has to be a number of seconds/,
    ],
    ["one that has expired", {}, () => sign({ exp: past() }), /has expired: exp is 20.+Z\..+other claims are right/],
    ["one that is too old", changed({ maxAge: 60 }), () => sign({ iat: past() }), /iat is .+maxAge \(60 s\)/],
    ["one from the future", {}, () => sign({ nbf: inAnHour() }), /nbf is .+clockTolerance \(30 s\)/],
    ["no subject", {}, () => sign({ sub: undefined as never }), /has no sub, which names the user/],
    [
      "no subject, which is another claim",
      changed({ uid: { claim: "oid" } }),
      () => sign({}),
      /has no oid \(uid\.claim\)/,
    ],
    ["CometChat's own user", {}, () => sign({ sub: "app_system" }), /app_system/],
    [
      "a tenant that is not listed",
      changed({ appClaim: "org", appByClaim: { acme: "main" } }),
      () => sign({ org: "other" }),
      /^org is "other" \(appClaim\), and appByClaim has the values acme/,
    ],
  ];
  it.each(rows)("says why a session is refused, with claim and setting: %s", async (_, asked, make, says) => {
    const { session, ok } = await doctor({ ...asked, session: await make() });
    expect(session?.accepted).toBe(false);
    expect(session?.reason).toMatch(says);
    expect(ok).toBe(false);
  });

  it("prints uid, app and profile of a session that is accepted", async () => {
    const profile = { name: "name", avatar: "picture", role: "groups", metadata: { plan: "plan" } };
    const claims = { sub: "auth0|Ada", name: "Ada", picture: "https://img.test/a.png", groups: ["staff"], plan: "pro" };
    const report = await doctor({
      ...changed({ profile, roles: { staff: "moderator" } }),
      session: await sign(claims),
    });
    expect(report.ok).toBe(true);
    expect(report.session).toEqual({
      accepted: true,
      uid: expect.stringMatching(/^x-[a-z2-7]{52}$/),
      app: "main",
      profile: { name: "Ada", avatar: "https://img.test/a.png", role: "moderator", metadata: { plan: "pro" } },
    });
  });

  it("tells that a session has no name, or a value that CometChat would refuse, which is no mistake", async () => {
    const report = await doctor({ session: await sign({ picture: "javascript:alert(1)" }) });
    expect(report.ok).toBe(true);
    expect(advice(report).map(({ detail }) => detail)).toEqual([
      'the session has no name (profile.name), so the user gets the name "ada"',
      "the gateway leaves out avatar, since CometChat would refuse the value",
    ]);
  });

  it("accepts a session of oidc-provider, and refuses it for another audience", async () => {
    const entry = { issuer: oidc.issuer, audience: oidc.audience, profile: { name: "name" } };
    const { idToken, accessToken } = await oidc.signIn("grace");
    for (const session of [idToken, accessToken]) {
      const report = await doctor({ vars: { SESSION_ISSUERS: [entry] }, session });
      expect(report.session).toMatchObject({ accepted: true, uid: "grace", app: "main" });
    }
    const other = await doctor({ vars: { SESSION_ISSUERS: [{ ...entry, audience: ["chat"] }] }, session: idToken });
    expect(other.session?.reason).toMatch(/^aud is "chat-web", and audience is \["chat"\]/);
    const excluded = await doctor({
      vars: { SESSION_ISSUERS: [{ ...entry, algorithms: ["RS256"] }] },
      session: idToken,
    });
    expect(excluded.session?.reason).toMatch(/^alg is "ES256", and the algorithms of this issuer are RS256/);
  });

  it("says that the provider does not publish the session's key", async () => {
    publish([(await keyPair("RS256")).jwk]);
    const { privateKey } = await keyPair("RS256");
    const session = await new SignJWT({
      iss: issuerUrl(),
      aud: "chat",
      sub: "ada",
      exp: inAnHour(),
      iat: 1_700_000_000,
    })
      .setProtectedHeader({ alg: "RS256", kid: "elsewhere" })
      .sign(privateKey);
    const report = await doctor({ vars: { SESSION_ISSUERS: [{ issuer: issuerUrl(), audience: ["chat"] }] }, session });
    expect(report.session?.reason).toMatch(/^kid is "elsewhere", and no key of .+\(issuer\) has this kid/);
  });

  it("does not call a session wrong if the keys cannot be fetched", async () => {
    const session = await sign({ iss: "http://127.0.0.1:9" }, { kid: "a" }, hmacKey);
    const issuer = { issuer: "http://127.0.0.1:9", audience: ["chat"] };
    const { privateKey } = await keyPair("ES256");
    const real = await new SignJWT({ iss: issuer.issuer, aud: "chat", sub: "a", exp: inAnHour() })
      .setProtectedHeader({ alg: "ES256", kid: "a" })
      .sign(privateKey);
    expect((await doctor({ vars: { SESSION_ISSUERS: [issuer] }, session: real })).session?.reason).toMatch(
      /could not be checked/,
    );
    expect((await doctor({ vars: { SESSION_ISSUERS: [issuer] }, session })).session?.reason).toMatch(
      /alg is "HS256".+the provider's keys/,
    );
  });

  it("says that the HMAC key is not set", async () => {
    const report = await doctor({ secrets: { COMETCHAT_API_KEY: API_KEY }, session: await sign({}) });
    expect(report.session?.reason).toMatch(/the secret with the HMAC key is not set/);
  });

  const users: readonly (readonly [string, () => Case, ok: boolean, says: RegExp])[] = [
    ["exists", () => seeded({}), true, /is in main already/],
    ["does not exist", () => ({}), true, /first sign-in creates it/],
    [
      "does not exist, and none are created",
      () => ({ vars: { PROVISIONING: { mode: "existing" } } }),
      false,
      /PROVISIONING\.mode is "existing"/,
    ],
    ["is deactivated", () => seeded({ deactivatedAt: 1 }), false, /is deactivated in main/],
    [
      "is deactivated, and a sign-in reactivates it",
      () => seeded({ deactivatedAt: 1 }, { vars: { PROVISIONING: { reactivate: true } } }),
      true,
      /reactivates it/,
    ],
  ];
  it.each(users)("tells that the session's user %s", async (_, prepare, ok, says) => {
    const report = await doctor({ ...prepare(), session: await sign({}) });
    expect(report.checks.find(({ name }) => name === "user ada")).toMatchObject({
      ok,
      detail: expect.stringMatching(says),
    });
    expect(simulator.journal.entries.every(({ method }) => method === "GET")).toBe(true);
  });
});
