import { describe, expect, it } from "vitest";
import { presets } from "../../../src/session/presets.ts";
import { hmac, type Signer, sign, signer } from "../../support/forge.ts";
import { createTarget, NOON, type Target } from "../../support/target.ts";

type Entry = { issuer: string } & Record<string, unknown>;

interface Case {
  readonly preset: string;
  /** The operator's entry, of at most six lines. */
  readonly entry: Entry;
  readonly alg: string;
  /** Where the provider publishes its keys. */
  readonly jwks?: string;
  readonly discovery?: string;
  readonly header?: Record<string, unknown>;
  /** The claims in that provider's documentation, without `iss`, `iat` and `exp`, which the test adds. */
  readonly claims: Record<string, unknown>;
  readonly uid: string | RegExp;
  readonly sessionId?: string;
  readonly name?: string;
  readonly avatar?: string;
  /** Changes of the claims that make the session one for another application. */
  readonly refused?: readonly Record<string, unknown>[];
}

const HASHED = /^x-[a-z2-7]{52}$/;
const TENANT = "fa15d692-e9c7-4460-a743-29f29522229c";

const cases: readonly Case[] = [
  {
    preset: "auth0",
    entry: { issuer: "https://acme.eu.auth0.com/", audience: ["https://chat.acme.example"] },
    alg: "RS256",
    jwks: "https://acme.eu.auth0.com/.well-known/jwks.json",
    header: { typ: "at+jwt" },
    claims: {
      sub: "auth0|5f7c8ec7c33c6c004bbafe82",
      aud: ["https://chat.acme.example", "https://acme.eu.auth0.com/userinfo"],
      azp: "my_client_id",
      scope: "openid profile",
      permissions: [],
    },
    uid: HASHED,
    refused: [{ aud: "https://acme.eu.auth0.com/userinfo" }, { iss: "https://acme.eu.auth0.com" }],
  },
  {
    preset: "clerk",
    entry: { issuer: "https://clerk.acme.example", authorizedParties: ["https://acme.example"] },
    alg: "RS256",
    jwks: "https://clerk.acme.example/.well-known/jwks.json",
    header: { typ: "JWT", cat: "cl_B7d4PD111AAA" },
    claims: {
      azp: "https://acme.example",
      fva: [0, -1],
      nbf: NOON - 10,
      o: { id: "org_123", rol: "admin", slg: "acme" },
      sid: "sess_2abc",
      sts: "active",
      sub: "user_2abcDEF",
      v: 2,
    },
    uid: HASHED,
    sessionId: "sess_2abc",
    refused: [
      { azp: "https://evil.acme.example" },
      { azp: undefined },
      // This user has signed in, but still has a task to do before the session is active.
      { sts: "pending" },
      { nbf: NOON + 300 },
      // A JWT template of Clerk makes such a token for another service.
      { aud: "convex" },
      { aud: ["https://acme.example"] },
      { aud: "" },
    ],
  },
  {
    preset: "clerk",
    entry: { issuer: "https://clerk.acme.example", authorizedParties: ["https://acme.example"], audience: ["chat"] },
    alg: "RS256",
    jwks: "https://clerk.acme.example/.well-known/jwks.json",
    claims: { azp: "https://acme.example", aud: "chat", sid: "sess_2abc", sub: "user_2abcDEF" },
    uid: HASHED,
    sessionId: "sess_2abc",
    // If an audience is configured, a session without one is refused.
    refused: [{ aud: undefined }, { aud: "convex" }, { aud: [] }],
  },
  {
    preset: "supabase",
    entry: { issuer: "https://abcdefgh.supabase.co/auth/v1" },
    alg: "ES256",
    jwks: "https://abcdefgh.supabase.co/auth/v1/.well-known/jwks.json",
    claims: {
      aal: "aal1",
      amr: [{ method: "oauth", timestamp: NOON - 100 }],
      aud: "authenticated",
      app_metadata: { provider: "google", providers: ["google"] },
      email: "ada@example.com",
      is_anonymous: false,
      role: "authenticated",
      session_id: "0ab1c2d3-0000-4000-8000-000000000001",
      sub: "123e4567-e89b-42d3-a456-426614174000",
      user_metadata: { full_name: "Ada Lovelace", avatar_url: "https://example.com/ada.png" },
    },
    uid: "123e4567-e89b-42d3-a456-426614174000",
    sessionId: "0ab1c2d3-0000-4000-8000-000000000001",
    name: "Ada Lovelace",
    avatar: "https://example.com/ada.png",
    refused: [{ aud: "anon" }, { aud: undefined }],
  },
  {
    preset: "firebase",
    entry: { issuer: "https://securetoken.google.com/acme-chat" },
    alg: "RS256",
    jwks: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
    claims: {
      aud: "acme-chat",
      auth_time: NOON - 100,
      firebase: { identities: { email: ["ada@example.com"] }, sign_in_provider: "google.com" },
      name: "Ada Lovelace",
      picture: "https://example.com/ada.png",
      sub: "Xk3uV9QpL2aB7cD4eF6gH8iJ0kL1",
      user_id: "Xk3uV9QpL2aB7cD4eF6gH8iJ0kL1",
    },
    uid: HASHED,
    name: "Ada Lovelace",
    avatar: "https://example.com/ada.png",
    refused: [
      { aud: "other-project" },
      { iss: "https://securetoken.google.com/other-project" },
      { iat: NOON + 300 },
      { sub: "" },
      { sub: undefined },
    ],
  },
  {
    preset: "cognito",
    entry: {
      issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E",
      audience: ["1example23456789"],
    },
    alg: "RS256",
    jwks: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E/.well-known/jwks.json",
    header: { typ: undefined },
    claims: {
      sub: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
      "cognito:groups": ["test-group"],
      "cognito:username": "ada",
      aud: "1example23456789",
      token_use: "id",
      auth_time: NOON - 100,
      name: "Ada Lovelace",
      origin_jti: "origin-1",
      jti: "jti-1",
      email: "ada@example.com",
    },
    uid: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
    sessionId: "origin-1",
    name: "Ada Lovelace",
    refused: [{ aud: "another-client" }, { aud: undefined, token_use: "access", client_id: "1example23456789" }],
  },
  {
    preset: "cognito",
    entry: {
      issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E",
      authorizedParties: ["1example23456789"],
    },
    alg: "RS256",
    jwks: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E/.well-known/jwks.json",
    header: { typ: undefined },
    claims: {
      sub: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
      client_id: "1example23456789",
      token_use: "access",
      scope: "openid",
      origin_jti: "origin-1",
      username: "ada",
    },
    uid: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
    sessionId: "origin-1",
    refused: [
      { client_id: "another-client" },
      { client_id: undefined },
      // This is an ID token of the same client.
      { client_id: undefined, aud: "1example23456789", token_use: "id" },
    ],
  },
  {
    preset: "entra",
    entry: {
      issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
      audience: ["6e74172b-be56-4843-9ff4-e66a39bb12e3"],
    },
    alg: "RS256",
    jwks: `https://login.microsoftonline.com/${TENANT}/discovery/v2.0/keys`,
    claims: {
      aud: "6e74172b-be56-4843-9ff4-e66a39bb12e3",
      nbf: NOON - 60,
      aio: "AXQAi/8IAAAA",
      azp: "f2d2f1d4-0000-4000-8000-000000000001",
      azpacr: "0",
      name: "Ada Lovelace",
      oid: "690222be-ff1a-4d56-abd1-7e4f7d38e474",
      preferred_username: "ada@contoso.com",
      scp: "access_as_user",
      sid: "entra-session",
      sub: "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
      tid: TENANT,
      ver: "2.0",
    },
    uid: "690222be-ff1a-4d56-abd1-7e4f7d38e474",
    sessionId: "entra-session",
    name: "Ada Lovelace",
    refused: [
      { iss: "https://login.microsoftonline.com/common/v2.0" },
      { iss: "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0" },
      { nbf: NOON + 300 },
      { aud: "00000003-0000-0000-c000-000000000000" },
      { oid: undefined },
    ],
  },
  {
    preset: "entra",
    entry: { issuer: `https://sts.windows.net/${TENANT}/`, audience: ["api://chat"] },
    alg: "RS256",
    jwks: `https://login.microsoftonline.com/${TENANT}/discovery/v2.0/keys`,
    claims: {
      aud: "api://chat",
      appid: "f2d2f1d4-0000-4000-8000-000000000001",
      name: "Ada Lovelace",
      oid: "690222be-ff1a-4d56-abd1-7e4f7d38e474",
      sub: "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA",
      tid: TENANT,
      unique_name: "ada@contoso.com",
      ver: "1.0",
    },
    uid: "690222be-ff1a-4d56-abd1-7e4f7d38e474",
    name: "Ada Lovelace",
    refused: [{ iss: `https://sts.windows.net/${TENANT}` }],
  },
  {
    preset: "okta",
    entry: { issuer: "https://acme.okta.com/oauth2/default", audience: ["api://default"] },
    alg: "RS256",
    discovery: "https://acme.okta.com/oauth2/default/.well-known/openid-configuration",
    jwks: "https://acme.okta.com/oauth2/default/v1/keys",
    header: { typ: undefined },
    claims: {
      ver: 1,
      jti: "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
      aud: "api://default",
      cid: "0oabucvyc38HLL1ef0h7",
      uid: "00uid4BxXw6I6TV4m0g3",
      scp: ["openid"],
      sub: "ada@acme.example",
    },
    uid: HASHED,
    sessionId: "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
    refused: [{ aud: "https://acme.okta.com" }, { uid: undefined }],
  },
  {
    preset: "okta",
    entry: {
      issuer: "https://acme.okta.com/oauth2/default",
      audience: ["api://default"],
      authorizedParties: ["0oabucvyc38HLL1ef0h7"],
    },
    alg: "RS256",
    discovery: "https://acme.okta.com/oauth2/default/.well-known/openid-configuration",
    jwks: "https://acme.okta.com/oauth2/default/v1/keys",
    claims: { ver: 1, jti: "AT.1", aud: "api://default", cid: "0oabucvyc38HLL1ef0h7", uid: "00uid4BxXw6I6TV4m0g3" },
    uid: HASHED,
    refused: [{ cid: "0oanother" }, { cid: undefined }, { azp: "0oanother" }],
  },
  {
    preset: "entra",
    entry: {
      issuer: `https://sts.windows.net/${TENANT}/`,
      audience: ["api://chat"],
      authorizedParties: ["f2d2f1d4-0000-4000-8000-000000000001"],
    },
    alg: "RS256",
    jwks: `https://login.microsoftonline.com/${TENANT}/discovery/v2.0/keys`,
    claims: {
      aud: "api://chat",
      appid: "f2d2f1d4-0000-4000-8000-000000000001",
      oid: "690222be",
      tid: TENANT,
      ver: "1.0",
    },
    uid: "690222be",
    refused: [{ appid: "another" }, { appid: undefined }],
  },
  {
    preset: "keycloak",
    entry: { issuer: "https://id.acme.example/realms/acme", authorizedParties: ["chat-web"] },
    alg: "RS256",
    jwks: "https://id.acme.example/realms/acme/protocol/openid-connect/certs",
    claims: {
      jti: "onrtac:1",
      aud: "account",
      sub: "f3f6b2a0-1c0e-4c58-9a4c-3c3b8f3a7d11",
      typ: "Bearer",
      azp: "chat-web",
      sid: "keycloak-session",
      realm_access: { roles: ["offline_access"] },
      scope: "openid profile",
      name: "Ada Lovelace",
      preferred_username: "ada",
      picture: "https://example.com/ada.png",
    },
    uid: "f3f6b2a0-1c0e-4c58-9a4c-3c3b8f3a7d11",
    sessionId: "keycloak-session",
    name: "Ada Lovelace",
    avatar: "https://example.com/ada.png",
    refused: [{ azp: "other-client" }, { azp: undefined }],
  },
  {
    preset: "workos",
    entry: { issuer: "https://api.workos.com/user_management/client_01ABC" },
    alg: "RS256",
    jwks: "https://api.workos.com/sso/jwks/client_01ABC",
    claims: {
      sub: "user_01HBEQKA6K4QJAS93VPE39W1JT",
      org_id: "org_01HRDMC6CM357W30QMHMQ96Q0S",
      role: "member",
      permissions: ["posts:read"],
      sid: "session_01HQSXZGF8FHF7A9ZZFCW4387R",
      jti: "01HQSXZXPPFPKMDD32RKTFY6PV",
    },
    uid: HASHED,
    sessionId: "session_01HQSXZGF8FHF7A9ZZFCW4387R",
    refused: [
      { iss: "https://api.workos.com/user_management/client_other" },
      { aud: "client_01ABC" },
      { aud: ["https://elsewhere.example"] },
      { aud: "" },
    ],
  },
  {
    preset: "workos",
    entry: { issuer: "https://api.workos.com/user_management/client_01ABC", audience: ["chat"] },
    alg: "RS256",
    jwks: "https://api.workos.com/sso/jwks/client_01ABC",
    claims: { sub: "user_01HBEQKA6K4QJAS93VPE39W1JT", aud: "chat", sid: "session_1" },
    uid: HASHED,
    sessionId: "session_1",
    refused: [{ aud: undefined }, { aud: "other" }],
  },
  {
    preset: "better-auth",
    entry: { issuer: "https://acme.example" },
    alg: "EdDSA",
    jwks: "https://acme.example/api/auth/jwks",
    header: { typ: undefined },
    claims: {
      id: "K3FQ2kqjYQ8Zz1xW",
      sub: "K3FQ2kqjYQ8Zz1xW",
      aud: "https://acme.example",
      name: "Ada Lovelace",
      email: "ada@example.com",
      emailVerified: true,
      image: "https://example.com/ada.png",
    },
    uid: HASHED,
    name: "Ada Lovelace",
    avatar: "https://example.com/ada.png",
    refused: [{ aud: "https://other.example" }],
  },
  {
    preset: "better-auth",
    entry: { issuer: "https://acme.example" },
    alg: "ES256",
    jwks: "https://acme.example/api/auth/jwks",
    header: { typ: undefined },
    claims: { id: "K3FQ2kqjYQ8Zz1xW", sub: "K3FQ2kqjYQ8Zz1xW", aud: "https://acme.example" },
    uid: HASHED,
  },
  {
    preset: "auth0",
    entry: { issuer: "https://acme.eu.auth0.com/", audience: ["my_client_id"] },
    alg: "PS256",
    jwks: "https://acme.eu.auth0.com/.well-known/jwks.json",
    claims: { sub: "auth0|5f7c8ec7c33c6c004bbafe82", aud: "my_client_id", sid: "auth0-session", jti: "token-1" },
    uid: HASHED,
    sessionId: "auth0-session",
    refused: [{ aud: "another_client_id" }],
  },
  {
    preset: "okta",
    entry: {
      issuer: "https://acme.okta.com/oauth2/default",
      audience: ["0oabucvyc38HLL1ef0h7"],
      uid: { claim: "sub" },
    },
    alg: "RS256",
    discovery: "https://acme.okta.com/oauth2/default/.well-known/openid-configuration",
    jwks: "https://acme.okta.com/oauth2/default/v1/keys",
    claims: { ver: 1, jti: "ID.1", aud: "0oabucvyc38HLL1ef0h7", sub: "00uid4BxXw6I6TV4m0g3", sid: "okta-session" },
    uid: HASHED,
    sessionId: "okta-session",
  },
  {
    preset: "supabase",
    entry: { issuer: "https://abcdefgh.supabase.co/auth/v1" },
    alg: "RS256",
    jwks: "https://abcdefgh.supabase.co/auth/v1/.well-known/jwks.json",
    claims: { aud: "authenticated", session_id: "s-1", sub: "123e4567-e89b-42d3-a456-426614174000" },
    uid: "123e4567-e89b-42d3-a456-426614174000",
    sessionId: "s-1",
  },
];

let signers: Map<string, Signer> | undefined;
async function signerFor(alg: string): Promise<Signer> {
  signers ??= new Map();
  const known = signers.get(alg) ?? (await signer(alg, "preset-key"));
  signers.set(alg, known);
  return known;
}

async function targetOf(
  entry: Entry,
  { preset, jwks, discovery, alg }: Omit<Case, "claims" | "uid" | "entry">,
  env = {},
) {
  const by = await signerFor(alg);
  const target = createTarget({ issuers: [{ preset, ...entry }], env });
  target.respond = (address) => {
    if (address === jwks) return Response.json({ keys: [by.jwk] });
    if (address === discovery) return Response.json({ issuer: entry.issuer, jwks_uri: jwks });
    return undefined;
  };
  return { target, by };
}

/** The variables that are logged as wrong. */
const mistakes = ({ world }: Target) =>
  world.lines.filter(({ event }) => event === "config-invalid").map(({ variable }) => variable);

describe("a preset for an identity provider", () => {
  it("is tested here, for every provider", () => {
    const tested = new Set([...cases.map(({ preset }) => preset), "authjs", "nextauth"]);
    expect(Object.keys(presets)).toEqual([...tested]);
  });

  it.each(cases)(
    "accepts a session of that provider, and none for another application: $preset ($entry.issuer)",
    async (one) => {
      const { entry, claims, header } = one;
      expect(Object.keys(entry).length + 1).toBeLessThanOrEqual(6);
      const { target, by } = await targetOf(entry, one);
      const good = { iss: entry.issuer, iat: NOON - 60, exp: NOON + 300, ...claims };
      const verdict = await target.present(await sign(by, good, header));
      expect({ status: verdict.status, reason: verdict.reason }).toEqual({ status: 201, reason: undefined });
      expect(verdict.uid).toMatch(one.uid);
      expect(target.asked).toEqual([one.discovery, one.jwks].filter(Boolean));
      const user = target.world.simulator.users().find(({ uid }) => uid === verdict.uid);
      if (one.name) expect(user?.name).toBe(one.name);
      expect(user?.avatar).toBe(one.avatar);

      for (const change of one.refused ?? []) {
        const { code } = await target.present(await sign(by, { ...good, ...change }, header));
        expect([change, code]).toEqual([change, "session-invalid"]);
      }
      expect((await target.present(await sign(by, { ...good, exp: NOON - 300 }, header))).code).toBe("session-expired");
    },
  );

  it.each(cases.filter(({ sessionId }) => sessionId !== undefined))(
    "uses the provider's own id of a session: $preset",
    (one) => {
      const claim = presets[one.preset]?.(one.entry).sessionIdClaim;
      expect(one.claims[String(claim)] ?? one.claims.jti).toBe(one.sessionId);
    },
  );

  it.each<[string, string]>([
    ["authjs", "AUTH_SECRET"],
    ["nextauth", "NEXTAUTH_SECRET"],
  ])("accepts signed sessions in the provider's cookie, and no encrypted ones: %s", async (preset, name) => {
    const secret = "a secret of at least thirty-two bytes";
    const entry = { issuer: "https://acme.example" };
    const { target } = await targetOf(entry, { preset, alg: "ES256" }, { [name]: secret });
    const claims = {
      iss: entry.issuer,
      name: "Ada Lovelace",
      email: "ada@example.com",
      picture: "https://example.com/ada.png",
      sub: "42",
      iat: NOON,
      exp: NOON + 300,
      jti: "1",
    };
    const cookie = preset === "authjs" ? "__Secure-authjs.session-token" : "__Secure-next-auth.session-token";
    const send = (token: string) =>
      target.send("/v1/token", { headers: { Cookie: `${cookie}=${token}`, Origin: "https://app.example.com" } });
    expect(await send(await hmac(secret, claims))).toMatchObject({ status: 201, uid: "42" });
    expect(await send(await hmac(`${secret}!`, claims))).toMatchObject({ code: "session-invalid" });
    expect(await send(await hmac(secret, { ...claims, iss: undefined }))).toMatchObject({ code: "session-invalid" });
    const encrypted = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..AAAA.AAAA.AAAA";
    expect(await send(encrypted)).toMatchObject({ code: "session-malformed" });
    expect(target.asked).toEqual([]);
  });

  it("accepts sessions of a project that signs with a secret: supabase", async () => {
    const secret = "super-secret-jwt-token-with-at-least-32-characters-long";
    const entry = { issuer: "https://abcdefgh.supabase.co/auth/v1", secret: "SUPABASE_JWT_SECRET" };
    const { target } = await targetOf(entry, { preset: "supabase", alg: "ES256" }, { SUPABASE_JWT_SECRET: secret });
    const claims = { iss: entry.issuer, aud: "authenticated", sub: "ada", iat: NOON, exp: NOON + 300 };
    expect(await target.present(await hmac(secret, claims))).toMatchObject({ status: 201, uid: "ada" });
    // The project's public API keys are signed with the same secret, but are no sessions of users.
    expect(
      await target.present(await hmac(secret, { iss: "supabase", role: "anon", iat: NOON, exp: NOON + 300 })),
    ).toMatchObject({
      code: "session-invalid",
    });
  });

  it("accepts a session in the provider's cookie, from a listed origin, and in no other cookie: clerk", async () => {
    const entry = { issuer: "https://clerk.acme.example", authorizedParties: ["https://acme.example"] };
    const jwks = "https://clerk.acme.example/.well-known/jwks.json";
    const { target, by } = await targetOf(entry, { preset: "clerk", alg: "RS256", jwks });
    const claims = { iss: entry.issuer, azp: "https://acme.example", sub: "ada", iat: NOON, exp: NOON + 60 };
    const token = await sign(by, claims);
    const send = (Cookie: string, Origin = "https://app.example.com") =>
      target.send("/v1/token", { headers: { Cookie, Origin } });
    expect(await send(`__session=${token}`)).toMatchObject({ status: 201, uid: "ada" });
    expect(await send(`__session=${token}`, "https://evil.example")).toMatchObject({ code: "origin-not-allowed" });
    expect(await send(`session=${token}`)).toMatchObject({ code: "session-missing" });
  });

  it("refuses a pending session, unless the operator allows it, and has no such rule for others: clerk", async () => {
    const jwks = "https://clerk.acme.example/.well-known/jwks.json";
    const pending = { azp: "https://acme.example", sub: "ada", sts: "pending", iat: NOON, exp: NOON + 60 };
    const entry = { issuer: "https://clerk.acme.example", authorizedParties: ["https://acme.example"] };
    const strict = await targetOf(entry, { preset: "clerk", alg: "RS256", jwks });
    const token = await sign(strict.by, { iss: entry.issuer, ...pending });
    expect(await strict.target.present(token)).toMatchObject({ code: "session-invalid", reason: "session-pending" });
    const lenient = await targetOf(
      { ...entry, treatPendingAsSignedOut: false },
      { preset: "clerk", alg: "RS256", jwks },
    );
    expect(await lenient.target.present(token)).toMatchObject({ status: 201, uid: "ada" });
    const auth0 = { issuer: "https://acme.eu.auth0.com/", audience: ["chat"] };
    const other = await targetOf(auth0, {
      preset: "auth0",
      alg: "RS256",
      jwks: "https://acme.eu.auth0.com/.well-known/jwks.json",
    });
    const theirs = await sign(other.by, { iss: auth0.issuer, aud: "chat", ...pending });
    expect(await other.target.present(theirs)).toMatchObject({ status: 201, uid: "ada" });
  });

  // Without an audience, sessions of every application of that provider would be accepted.
  it.each<[string, string]>([
    ["keycloak", "https://id.acme.example/realms/acme"],
    ["cognito", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E"],
    ["auth0", "https://acme.eu.auth0.com/"],
    ["entra", `https://login.microsoftonline.com/${TENANT}/v2.0`],
    ["okta", "https://acme.okta.com/oauth2/default"],
  ])("requires an audience or authorized parties: %s", async (preset, issuer) => {
    const { target } = await targetOf({ issuer }, { preset, alg: "RS256" });
    expect(await target.send("/v1/token")).toMatchObject({ status: 500, code: "config-invalid" });
    expect(mistakes(target)).toEqual(["SESSION_ISSUERS[0].audience"]);
    expect(target.asked).toEqual([]);
  });

  it.each(["https://api.workos.com", "https://api.workos.com/", "https://api.workos.com/user_management"])(
    "requires jwksUrl if the issuer does not name the client: workos of %s",
    async (issuer) => {
      const { target } = await targetOf({ issuer }, { preset: "workos", alg: "RS256" });
      expect(await target.send("/v1/token")).toMatchObject({ status: 500, code: "config-invalid" });
      expect(mistakes(target)).toEqual(["SESSION_ISSUERS[0].jwksUrl"]);
      const jwksUrl = "https://api.workos.com/sso/jwks/client_01ABC";
      const named = await targetOf({ issuer, jwksUrl }, { preset: "workos", alg: "RS256", jwks: jwksUrl });
      const token = await sign(named.by, { iss: issuer, sub: "ada", iat: NOON, exp: NOON + 60 });
      expect(await named.target.present(token)).toMatchObject({ status: 201, uid: "ada" });
    },
  );

  it("is overridden by the operator's own settings", async () => {
    const { target, by } = await targetOf(
      {
        issuer: "https://acme.okta.com/oauth2/default",
        audience: ["client"],
        uid: { claim: "sub" },
        sessionIdClaim: "jti",
        jwksUrl: "https://acme.okta.com/keys",
      },
      { preset: "okta", alg: "ES256", jwks: "https://acme.okta.com/keys" },
    );
    const claims = {
      iss: "https://acme.okta.com/oauth2/default",
      aud: "client",
      sub: "00u1",
      iat: NOON,
      exp: NOON + 300,
    };
    expect(await target.present(await sign(by, claims))).toMatchObject({ status: 201, uid: "00u1" });
  });

  it.each<[string, string, string | undefined]>([
    ["better-auth", "https://acme.example/api/auth", "https://acme.example/api/auth/jwks"],
    ["better-auth", "https://acme.example/", "https://acme.example/api/auth/jwks"],
    ["entra", "https://acme.ciamlogin.com/tenant/v2.0", undefined],
    ["workos", "https://acme.authkit.app", undefined],
    ["workos", "https://auth.acme.example/user_management/client_1", "https://auth.acme.example/sso/jwks/client_1"],
    ["authjs", "http://localhost:3000", undefined],
    ["auth0", "no address", "no address/.well-known/jwks.json"],
  ])("knows the address of the keys: of %s with issuer %s it is %s", (preset, issuer, jwksUrl) => {
    expect(presets[preset]?.({ issuer }).jwksUrl).toBe(jwksUrl);
  });
});
