import { env as bindings } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { keyFromText } from "../../src/session/jwk.ts";

const KEY = "0123456789abcdef0123456789abcdef01234567";
const SECRET = "s".repeat(32);
const issuer = { issuer: "https://auth.example.com", audience: ["chat"] };
const app = { appId: "2753abc", region: "us" };
const good: Record<string, unknown> = {
  USERS: bindings.USERS,
  LEDGER: bindings.LEDGER,
  HOME: bindings.HOME,
  ONCE: bindings.ONCE,
  RATE_LIMIT_IP: bindings.RATE_LIMIT_IP,
  RATE_LIMIT_USER: bindings.RATE_LIMIT_USER,
  COMETCHAT_API_KEY: KEY,
  COMETCHAT_APPS: { main: app },
  SESSION_ISSUERS: [issuer],
};

const configOf = async (env: Record<string, unknown>) => {
  const parsed = await parseConfig({ ...good, ...env });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
};
const problemsOf = async (env: Record<string, unknown>) => {
  const parsed = await parseConfig({ ...good, ...env });
  return parsed.ok ? [] : parsed.error.map(({ variable, remedy }) => `${variable} ${remedy}`);
};
const issuers = (...more: Record<string, unknown>[]) => ({
  SESSION_ISSUERS: more.map((entry, index) => ({ ...issuer, issuer: `https://auth${index}.example.com`, ...entry })),
});

const realm = (name: string, more = {}) => ({
  issuer: `https://id.acme.example/realms/${name}`,
  authorizedParties: ["chat-web"],
  uid: { prefix: `${name}_` },
  ...more,
});
/** Two issuers, and the default name of both. */
const twins: Record<string, readonly [Record<string, unknown>, Record<string, unknown>, string]> = {
  "two Keycloak realms on one host": [
    realm("staff", { audience: ["chat"] }),
    realm("guests", { audience: ["chat"] }),
    "id.acme.example",
  ],
  "one preset twice": [realm("staff", { preset: "keycloak" }), realm("guests", { preset: "keycloak" }), "keycloak"],
};

describe("a configuration without a check that it could have", () => {
  const warnings = async (entry: Record<string, unknown>) =>
    (await configOf({ SESSION_ISSUERS: [entry] })).warnings.map(({ variable, remedy }) => `${variable} ${remedy}`);
  const clerk = { issuer: "https://clerk.example.com", preset: "clerk" };

  it.each<[string, Record<string, unknown>]>([
    ["Clerk's sessions from any origin", clerk],
    ["Clerk's sessions from any origin, with an audience", { ...clerk, audience: ["chat"] }],
  ])("works, with a warning: %s", async (_, entry) => {
    expect(await warnings(entry)).toEqual([
      expect.stringMatching(/^SESSION_ISSUERS\[0\]\.authorizedParties is missing: list your app's origins\./),
    ]);
  });

  it.each<[string, Record<string, unknown>]>([
    ["sessions for any audience", { issuer: "https://auth.example.com", audienceRequired: false }],
    ["an empty audience", { issuer: "https://auth.example.com", audience: [], audienceRequired: false }],
    ["WorkOS's sessions", { issuer: "https://api.workos.com/user_management/client_1", preset: "workos" }],
  ])("works, with a warning: %s", async (_, entry) => {
    expect(await warnings(entry)).toEqual([
      expect.stringMatching(
        /^SESSION_ISSUERS\[0\]\.authorizedParties is missing, and audience as well, .*refuses logout tokens: write the client's id/,
      ),
    ]);
  });

  it.each<[string, Record<string, unknown>]>([
    ["with an audience", issuer],
    [
      "with an authorized party",
      { issuer: "https://auth.example.com", audienceRequired: false, authorizedParties: ["web"] },
    ],
    ["for Clerk, with origins", { ...clerk, authorizedParties: ["https://app.example.com"] }],
    ["for Keycloak, with the client", { ...realm("staff"), preset: "keycloak" }],
  ])("causes no warning if it has the check: one %s", async (_, entry) => {
    expect(await warnings(entry)).toEqual([]);
  });
});

describe("issuers whose sessions are signed with a secret", () => {
  const backend = (name: string, secret: string) => ({
    ...{ issuer: name, audience: ["chat"], secret, uid: { prefix: `${name}_` } },
  });
  const warnings = async (other: string, value: string) =>
    (await configOf({ SESSION_ISSUERS: [backend("a", "ONE"), backend("b", other)], ONE: SECRET, OTHER: value }))
      .warnings;

  it.each(["ONE", "OTHER"])(
    "cause a warning if it is the same secret, since each can sign for the other: %s",
    async (name) => {
      expect(await warnings(name, SECRET)).toEqual([
        {
          variable: "SESSION_ISSUERS[1].secret",
          remedy: expect.stringMatching(
            /^has the same value as the secret of another issuer.+: give each issuer a secret of its own$/,
          ),
        },
      ]);
    },
  );

  it("cause no warning if each has its own", async () => {
    expect(await warnings("OTHER", `${SECRET}2`)).toEqual([]);
  });
});

describe("a configuration", () => {
  it("needs an app, its API key, an issuer and its audience, and everything else has a default", async () => {
    const config = await configOf({});
    expect(config).toMatchObject({
      origins: [],
      tokens: { reuse: "never", ttl: undefined, maxPerSession: undefined },
      provisioning: { mode: "create", sync: true, reactivate: false },
      placement: { default: "main", byGeography: false },
      requestTimeout: 8000,
      backendSecrets: [],
      encryptionKeys: [],
    });
    expect(config.apps.get("main")).toEqual({
      name: "main",
      appId: "2753abc",
      region: "us",
      baseUrl: "https://2753abc.api-us.cometchat.io/v3",
      apiKey: KEY,
    });
    expect(config.issuers[0]).toMatchObject({
      issuer: "https://auth.example.com",
      name: "auth.example.com",
      keys: { from: "discovery" },
      audience: ["chat"],
      clockTolerance: 30,
      uid: { claim: "sub", prefix: "", shared: false },
    });
    expect(config.issuers[0]?.algorithms).not.toContain("HS256");
  });

  it("may be JSON text, as in .dev.vars and the dashboard", async () => {
    const text = Object.fromEntries(
      Object.entries(good).map(([name, value]) => [
        name,
        name.startsWith("COMETCHAT_APPS") || name.startsWith("SESSION") ? JSON.stringify(value) : value,
      ]),
    );
    expect(await configOf({ ...text, ALLOWED_ORIGINS: '["https://app.example.com"]', TOKENS: "" })).toMatchObject({
      origins: ["https://app.example.com"],
      tokens: { reuse: "never" },
    });
  });

  it("may have http addresses on the loopback, and two values of a secret for its rotation", async () => {
    const key = btoa("k".repeat(32));
    const config = await configOf({
      COMETCHAT_APPS: { main: { ...app, baseUrl: "http://127.0.0.1:8788/v3/" } },
      SESSION_ISSUERS: [{ ...issuer, issuer: "http://localhost:8788/idp" }],
      BACKEND_SECRET: `${"1".repeat(32)}, ${"2".repeat(32)},`,
      TOKEN_ENCRYPTION_KEY: `${key},${key}`,
    });
    expect(config.apps.get("main")?.baseUrl).toBe("http://127.0.0.1:8788/v3");
    expect(config.backendSecrets).toEqual(["1".repeat(32), "2".repeat(32)]);
    expect(config.encryptionKeys).toHaveLength(2);
  });

  it("allows only HS256 for an issuer with a secret, whose variable the operator names", async () => {
    const config = await configOf({
      SESSION_ISSUERS: [{ issuer: "my-backend", audience: ["chat"], secret: "SESSION_SECRET" }],
      SESSION_SECRET: SECRET,
    });
    expect(config.issuers[0]).toMatchObject({ algorithms: ["HS256"], keys: { from: "secret" } });
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    [
      "RSA keys of a JWKS",
      { jwksUrl: "https://auth.example.com/jwks" },
      ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    ],
    ["RSA keys of discovery", {}, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]],
    ["an RSA key as PEM", { publicKey: "pem" }, ["RS256"]],
    ["an RSA key as JWK without alg", { publicKey: "jwk" }, ["RS256"]],
    ["an RSA key as JWK with an alg that is not its own", { publicKey: "inner" }, ["RS256"]],
    ["an RSA key as JWK with alg", { publicKey: "PS512" }, ["PS512"]],
    ["an RSA key as PEM, with algorithms", { publicKey: "pem", algorithms: ["PS256"] }, ["PS256"]],
    ["an RSA key as JWK, with algorithms", { publicKey: "jwk", algorithms: ["RS512", "PS384"] }, ["RS512", "PS384"]],
  ])("allows exactly the algorithms that fit: %s", async (_, entry, expected) => {
    const { publicKey } = await rsa("RSASSA-PKCS1-v1_5", 2048)();
    const der = new Uint8Array((await crypto.subtle.exportKey("spki", publicKey)) as ArrayBuffer);
    const { n, e } = (await crypto.subtle.exportKey("jwk", publicKey)) as JsonWebKey;
    const texts: Record<string, string> = {
      pem: `-----BEGIN PUBLIC KEY-----\n${btoa(String.fromCharCode(...der))}\n-----END PUBLIC KEY-----`,
      jwk: JSON.stringify({ kty: "RSA", n, e }),
      inner: JSON.stringify({ kty: "RSA", n, e, made: { alg: "PS512" } }),
      PS512: JSON.stringify({ kty: "RSA", n, e, alg: "PS512" }),
    };
    const text = texts[String(entry.publicKey)];
    const config = await configOf(issuers({ ...entry, ...(text && { publicKey: text }) }));
    const key = text === undefined ? undefined : keyFromText(text);
    const algorithms = config.issuers[0]?.algorithms.filter((alg) => /^[RP]S/.test(alg) && (key?.fits(alg) ?? true));
    expect(algorithms).toEqual(expected);
  });

  it("may have issuers that declare to share their users, or have different prefixes", async () => {
    expect(await problemsOf(issuers({ uid: { shared: true } }, { uid: { shared: true } }))).toEqual([]);
    expect(await problemsOf(issuers({ uid: { prefix: "a_" } }, { uid: { prefix: "b_" } }))).toEqual([]);
  });

  // Only the address of their webhooks would be ambiguous.
  it.each(Object.entries(twins))(
    "may have two issuers with the same default name: %s",
    async (_, [one, other, name]) => {
      const config = await configOf({ SESSION_ISSUERS: [one, other] });
      expect(config.issuers.map((issuer) => issuer.name)).toEqual([name, name]);
      const webhookSecret = "HOOK_SECRET";
      const hook = { HOOK_SECRET: `whsec_${btoa("w".repeat(24))}` };
      for (const entries of [
        [{ ...one, webhookSecret }, other],
        [one, { ...other, webhookSecret }],
      ]) {
        expect(await problemsOf({ ...hook, SESSION_ISSUERS: entries })).toEqual([]);
      }
      const both = [
        { ...one, webhookSecret },
        { ...other, webhookSecret: "OTHER_SECRET" },
      ];
      const hooks = { ...hook, OTHER_SECRET: `whsec_${btoa("o".repeat(24))}` };
      expect(await problemsOf({ ...hooks, SESSION_ISSUERS: both })).toEqual([
        expect.stringMatching(/^SESSION_ISSUERS\[1\]\.name is also the name of another issuer.*webhooks/),
      ]);
    },
  );
});

const key = (alg: string, bytes: number) => ({
  SESSION_ISSUERS: [{ ...issuer, secret: "SESSION_SECRET", algorithms: [alg] }],
  SESSION_SECRET: "s".repeat(bytes),
});
const two = { COMETCHAT_APPS: { us: app, eu: { ...app, region: "eu" } } };

const generated = (algorithm: object) => () =>
  crypto.subtle.generateKey(algorithm as SubtleCryptoGenerateKeyAlgorithm, true, [
    "sign",
    "verify",
  ]) as Promise<CryptoKeyPair>;
const rsa = (name: string, modulusLength: number) =>
  generated({ name, hash: "SHA-256", modulusLength, publicExponent: Uint8Array.of(1, 0, 1) });
const base = (baseUrl: string) => ({ COMETCHAT_APPS: { main: { ...app, baseUrl } } });
const placed = (more: Record<string, unknown>) => ({ ...two, PLACEMENT: { default: "us", ...more } });

describe("a wrong configuration is reported with the variable and a remedy", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ["a missing binding", { USERS: undefined }, /^USERS .*kv_namespaces/],
    ["a missing ledger", { LEDGER: undefined }, /^LEDGER .*durable_objects/],
    ["a missing object of users' homes", { HOME: undefined }, /^HOME .*durable_objects/],
    ["a missing object of deliveries", { ONCE: undefined }, /^ONCE .*durable_objects/],
    ["a missing limit by address", { RATE_LIMIT_IP: undefined }, /^RATE_LIMIT_IP .*ratelimits/],
    ["a missing limit by user", { RATE_LIMIT_USER: {} }, /^RATE_LIMIT_USER /],
    ["no apps", { COMETCHAT_APPS: undefined }, /^COMETCHAT_APPS is missing/],
    ["an empty table of apps", { COMETCHAT_APPS: {} }, /^COMETCHAT_APPS must name at least one/],
    [
      "an app without a region",
      { COMETCHAT_APPS: { main: { appId: "a" } } },
      /^COMETCHAT_APPS\.main\.region is missing/,
    ],
    ["an unknown region", { COMETCHAT_APPS: { main: { ...app, region: "asia" } } }, /main\.region .*"us", "eu", "in"/],
    [
      "an app id that would be another host",
      { COMETCHAT_APPS: { main: { ...app, appId: "x.evil.example/" } } },
      /main\.appId /,
    ],
    [
      "a base address over http",
      { COMETCHAT_APPS: { main: { ...app, baseUrl: "http://chat.example/v3" } } },
      /main\.baseUrl .*https/,
    ],
    [
      "credentials in an address",
      { COMETCHAT_APPS: { main: { ...app, baseUrl: "https://u:p@chat.example" } } },
      /main\.baseUrl must not contain a user name or a password/,
    ],
    [
      "a host that only begins like the loopback",
      { COMETCHAT_APPS: { main: { ...app, baseUrl: "http://127.0.0.1.evil.example" } } },
      /main\.baseUrl /,
    ],
    [
      "a missing API key",
      { COMETCHAT_API_KEY: undefined },
      /^COMETCHAT_API_KEY .*wrangler secret put COMETCHAT_API_KEY/,
    ],
    ["an API key that no header can have", { COMETCHAT_API_KEY: "abc\u0000def" }, /^COMETCHAT_API_KEY /],
    [
      "a missing API key with a name of the operator's",
      { COMETCHAT_APPS: { main: { ...app, apiKeySecret: "OTHER_KEY" } } },
      /^OTHER_KEY /,
    ],
    [
      "an unknown key of an app",
      { COMETCHAT_APPS: { main: { ...app, apiKey: KEY } } },
      /^COMETCHAT_APPS\.main\.apiKey is not a setting/,
    ],
    ["no issuers", { SESSION_ISSUERS: undefined }, /^SESSION_ISSUERS is missing/],
    ["an empty list of issuers", { SESSION_ISSUERS: [] }, /^SESSION_ISSUERS must name at least one/],
    ["a table instead of a list", { SESSION_ISSUERS: issuer }, /^SESSION_ISSUERS must be a list/],
    ["text that is no JSON", { SESSION_ISSUERS: "https://auth.example.com" }, /^SESSION_ISSUERS is text, but not JSON/],
    [
      "an issuer over http",
      { SESSION_ISSUERS: [{ ...issuer, issuer: "http://auth.example.com" }] },
      /\[0\]\.issuer .*https/,
    ],
    [
      "an issuer that is no address",
      { SESSION_ISSUERS: [{ ...issuer, issuer: "auth.example.com" }] },
      /\[0\]\.issuer .*complete address/,
    ],
    [
      "a missing audience",
      { SESSION_ISSUERS: [{ issuer: "https://a.example" }] },
      /\[0\]\.audience is missing.*audienceRequired/,
    ],
    [
      "an audience that is a text",
      { SESSION_ISSUERS: [{ ...issuer, audience: "chat" }] },
      /\[0\]\.audience must be a list/,
    ],
    ["an empty text as audience", { SESSION_ISSUERS: [{ ...issuer, audience: [""] }] }, /\[0\]\.audience/],
    [
      "an unknown key of an issuer",
      { SESSION_ISSUERS: [{ ...issuer, audiences: ["chat"] }] },
      /\[0\]\.audiences is not a setting/,
    ],
    [
      "an unknown key inside a table",
      { SESSION_ISSUERS: [{ ...issuer, uid: { claims: "sub" } }] },
      /\[0\]\.uid\.claims is not a setting/,
    ],
    ["an unknown preset", { SESSION_ISSUERS: [{ ...issuer, preset: "auth1" }] }, /\[0\]\.preset must be one of/],
    [
      "two sources of keys",
      { SESSION_ISSUERS: [{ ...issuer, jwksUrl: "https://a.example/j", publicKey: "x" }] },
      /\[0\]\.publicKey and jwksUrl exclude/,
    ],
    ["keys over http", { SESSION_ISSUERS: [{ ...issuer, jwksUrl: "http://a.example/j" }] }, /\[0\]\.jwksUrl .*https/],
    [
      "an HMAC secret that is not set",
      { SESSION_ISSUERS: [{ ...issuer, secret: "NOWHERE" }] },
      /^NOWHERE is not set, and SESSION_ISSUERS\[0\]\.secret needs this secret/,
    ],
    ["an HMAC secret too short for HS256", key("HS256", 31), /^SESSION_SECRET is too short for HS256/],
    ["an HMAC secret too short for HS384", key("HS384", 47), /^SESSION_SECRET is too short for HS384/],
    ["an HMAC secret too short for HS512", key("HS512", 63), /^SESSION_SECRET is too short for HS512/],
    [
      "a public key as secret",
      { ...key("HS256", 32), SESSION_SECRET: "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" },
      /^SESSION_SECRET looks like a public key/,
    ],
    [
      "a public key as secret, after white space",
      { ...key("HS256", 32), SESSION_SECRET: "\ufeff \n-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B" },
      /^SESSION_SECRET looks like a public key/,
    ],
    [
      "a JWK as secret",
      { ...key("HS256", 32), SESSION_SECRET: ' {"kty":"RSA","n":"0123456789abcdef","e":"AQAB"}' },
      /^SESSION_SECRET looks like/,
    ],
    [
      "HMAC with a key from the network",
      { SESSION_ISSUERS: [{ ...issuer, algorithms: ["HS256"] }] },
      /\[0\]\.algorithms contains HS256, which does not fit/,
    ],
    ["a signature with an HMAC key", key("RS256", 64), /\[0\]\.algorithms contains RS256, which does not fit/],
    [
      "an unknown algorithm",
      { SESSION_ISSUERS: [{ ...issuer, algorithms: ["none"] }] },
      /\[0\]\.algorithms\[0\] must be one of/,
    ],
    ["a publicKey that is no key", { SESSION_ISSUERS: [{ ...issuer, publicKey: "hello" }] }, /\[0\]\.publicKey /],
    [
      "a tolerance of an hour",
      { SESSION_ISSUERS: [{ ...issuer, clockTolerance: 3600 }] },
      /\[0\]\.clockTolerance .*0 to 300/,
    ],
    [
      "a tolerance of half a second",
      { SESSION_ISSUERS: [{ ...issuer, clockTolerance: 0.5 }] },
      /\[0\]\.clockTolerance .*whole/,
    ],
    [
      "an app that is not configured",
      { SESSION_ISSUERS: [{ ...issuer, app: "eu" }] },
      /\[0\]\.app must be one of.*main/,
    ],
    [
      "a claim without its table",
      { SESSION_ISSUERS: [{ ...issuer, appClaim: "org" }] },
      /\[0\]\.appClaim and appByClaim need each other/,
    ],
    [
      "an app and a claim",
      { SESSION_ISSUERS: [{ ...issuer, app: "main", appClaim: "o", appByClaim: { a: "main" } }] },
      /\[0\]\.app and appClaim exclude/,
    ],
    [
      "a role claim without a table of roles",
      { SESSION_ISSUERS: [{ ...issuer, profile: { role: "role" } }] },
      /\[0\]\.roles is missing/,
    ],
    ...["__host-session", "__HOST-session", "__secure-session"].map(
      (cookie): [string, Record<string, unknown>, RegExp] => [
        `the cookie ${cookie}, whose prefix is not in the case that all browsers know`,
        { SESSION_ISSUERS: [{ ...issuer, cookie }] },
        /\[0\]\.cookie must spell its prefix .*__Host- or __Secure-/,
      ],
    ),
    [
      "a name that no cookie can have",
      { SESSION_ISSUERS: [{ ...issuer, cookie: "a b" }] },
      /\[0\]\.cookie must be a cookie's name/,
    ],
    ["two issuers without prefixes", issuers({}, {}), /\[1\]\.uid\.prefix must differ/],
    [
      "a prefix that begins with another",
      issuers({ uid: { prefix: "a_" } }, { uid: { prefix: "a_b_" } }),
      /\[1\]\.uid\.prefix must differ/,
    ],
    [
      "the same prefix, and only one shares its users",
      issuers({ uid: { shared: true } }, {}),
      /\[1\]\.uid\.prefix must differ/,
    ],
    [
      "shared users with different prefixes",
      issuers({ uid: { shared: true, prefix: "a" } }, { uid: { shared: true, prefix: "b" } }),
      /\[1\]\.uid\.prefix must be the same/,
    ],
    ["a prefix that no uid can have", issuers({ uid: { prefix: "A:" } }), /\[0\]\.uid\.prefix must be of a-z/],
    ["an issuer named twice", { SESSION_ISSUERS: [issuer, issuer] }, /\[1\]\.issuer is configured twice/],
    ["several apps and no default", two, /^PLACEMENT\.default is missing/],
    [
      "a default that is not configured",
      { ...two, PLACEMENT: { default: "in" } },
      /^PLACEMENT\.default must be one of.*us, eu/,
    ],
    [
      "an unknown continent",
      { ...two, PLACEMENT: { default: "us", continents: { Europe: "eu" } } },
      /continents\.Europe must be one of/,
    ],
    [
      "an unknown country",
      { ...two, PLACEMENT: { default: "us", countries: { india: "us" } } },
      /countries\.india must be a country/,
    ],
    [
      "a country's app that is not configured",
      { ...two, PLACEMENT: { default: "us", countries: { IN: "in" } } },
      /countries\.IN must be one of/,
    ],
    ["a ttl of 0", { TOKENS: { ttl: 0 } }, /^TOKENS\.ttl .*from 1/],
    ["a ttl of half a second", { TOKENS: { ttl: 0.5 } }, /^TOKENS\.ttl .*whole/],
    ["reuse without a key for encryption", { TOKENS: { reuse: "session" } }, /^TOKEN_ENCRYPTION_KEY is missing/],
    ["a ttl without a key for encryption", { TOKENS: { ttl: 60 } }, /^TOKEN_ENCRYPTION_KEY is missing/],
    [
      "maxPerSession without a key for encryption",
      { TOKENS: { maxPerSession: 5 } },
      /^TOKEN_ENCRYPTION_KEY is missing/,
    ],
    ["a key of 16 bytes", { TOKEN_ENCRYPTION_KEY: btoa("k".repeat(16)) }, /^TOKEN_ENCRYPTION_KEY must be 32 bytes/],
    ["a key that is no base64", { TOKEN_ENCRYPTION_KEY: "hello, world" }, /^TOKEN_ENCRYPTION_KEY must be 32 bytes/],
    ["an unknown key of TOKENS", { TOKENS: { reus: "session" } }, /^TOKENS\.reus is not a setting/],
    ["an unknown mode", { PROVISIONING: { mode: "auto" } }, /^PROVISIONING\.mode must be one of/],
    ["any origin", { ALLOWED_ORIGINS: ["*"] }, /^ALLOWED_ORIGINS\[0\]/],
    ["the null origin", { ALLOWED_ORIGINS: ["null"] }, /^ALLOWED_ORIGINS\[0\]/],
    ["an origin with a path", { ALLOWED_ORIGINS: ["https://app.example.com/"] }, /^ALLOWED_ORIGINS\[0\] .*no slash/],
    ["an origin in capitals", { ALLOWED_ORIGINS: ["https://App.example.com"] }, /^ALLOWED_ORIGINS\[0\] .*lower case/],
    [
      "an origin with its default port",
      { ALLOWED_ORIGINS: ["https://app.example.com:443"] },
      /^ALLOWED_ORIGINS\[0\] .*default port/,
    ],
    [
      "a wildcard inside a label",
      { ALLOWED_ORIGINS: ["https://pr-*.example.com"] },
      /^ALLOWED_ORIGINS\[0\] .*wildcard/,
    ],
    ["two wildcards", { ALLOWED_ORIGINS: ["https://*.*.example.com"] }, /^ALLOWED_ORIGINS\[0\] .*wildcard/],
    [
      "a wildcard over a whole top-level domain",
      { ALLOWED_ORIGINS: ["https://*.com"] },
      /^ALLOWED_ORIGINS\[0\] .*top-level/,
    ],
    [
      "an app's address with a query",
      base("https://chat.example/v3?x=1"),
      /^COMETCHAT_APPS\.main\.baseUrl must end in/,
    ],
    [
      "an app's address with an empty query",
      base("https://chat.example/v3?"),
      /^COMETCHAT_APPS\.main\.baseUrl must end/,
    ],
    [
      "an app's address with a fragment",
      base("https://chat.example/v3#x"),
      /^COMETCHAT_APPS\.main\.baseUrl must end in/,
    ],
    [
      "two names for one app",
      { ...two, COMETCHAT_APPS: { us: app, eu: app }, PLACEMENT: { default: "us" } },
      /^COMETCHAT_APPS\.eu names the same app as another entry/,
    ],
    [
      "two names for one app behind one address",
      {
        COMETCHAT_APPS: {
          us: { ...app, baseUrl: "https://chat.example/v3" },
          eu: { ...app, region: "eu", baseUrl: "https://chat.example/v3/" },
        },
        PLACEMENT: { default: "us" },
      },
      /^COMETCHAT_APPS\.eu names the same app as another entry/,
    ],
    ...[
      ["of one character", "x"],
      ["of 31 characters", "x".repeat(31)],
      ["of 32 characters, one of which is a comma", `${"x".repeat(20)},${"y".repeat(11)}`],
      ["whose second value is too short", `${"x".repeat(32)},y`],
      ["whose first value is too short", `y, ${"x".repeat(32)}`],
      ["of 31 characters, and spaces", `  ${"x".repeat(31)}  `],
      ["with three values", ["x", "y", "z"].map((one) => one.repeat(32)).join(",")],
    ].map(([name, BACKEND_SECRET]): [string, Record<string, unknown>, RegExp] => [
      `a backend secret ${name}`,
      { BACKEND_SECRET },
      /^BACKEND_SECRET must be one value, or two with a comma between them .* at least 32 characters/,
    ]),
    ...[
      ["in one variable", "HOOK_1", "HOOK_1"],
      ["in two variables", "HOOK_1", "HOOK_2"],
      ["as one of two values", "HOOK_1", "HOOK_3"],
      ["with a prefix", "HOOK_1", "HOOK_4"],
    ].map(([name, one, other]): [string, Record<string, unknown>, RegExp] => [
      `a webhook secret of two issuers, ${name}`,
      {
        ...issuers(
          { webhookSecret: one, name: "one", uid: { prefix: "a_" } },
          { webhookSecret: other, name: "other", uid: { prefix: "b_" } },
        ),
        HOOK_1: `whsec_${btoa("w".repeat(24))}`,
        HOOK_2: `whsec_${btoa("w".repeat(24))}`,
        HOOK_3: `whsec_${btoa("v".repeat(24))},whsec_${btoa("w".repeat(24))}`,
        HOOK_4: `v1,whsec_${btoa("w".repeat(24))}`,
      },
      /^SESSION_ISSUERS\[1\]\.webhookSecret is also the secret of another issuer/,
    ]),
    ["a backend secret that is a number", { BACKEND_SECRET: 12345678 }, /^BACKEND_SECRET must be text$/],
    ["a backend secret that is a table", { BACKEND_SECRET: { a: "b" } }, /^BACKEND_SECRET must be text$/],
    ["backend secrets as a list", { BACKEND_SECRET: ["one", "two"] }, /^BACKEND_SECRET must be text$/],
    ["a key for encryption that is no text", { TOKEN_ENCRYPTION_KEY: 1 }, /^TOKEN_ENCRYPTION_KEY must be text$/],
    [
      "a continent's app that is not configured",
      placed({ continents: { EU: "asia" } }),
      /^PLACEMENT\.continents\.EU must be one of the apps in COMETCHAT_APPS: us, eu$/,
    ],
    [
      "a country's app that is not configured, named by the country",
      placed({ countries: { IN: "asia" } }),
      /^PLACEMENT\.countries\.IN must be one of the apps in COMETCHAT_APPS: us, eu$/,
    ],
    [
      "a jurisdiction of an app that is not configured",
      placed({ jurisdictions: { asia: "eu" } }),
      /^PLACEMENT\.jurisdictions\.asia must be one of the apps in COMETCHAT_APPS: us, eu$/,
    ],
    [
      "an unknown jurisdiction",
      placed({ jurisdictions: { eu: "mars" } }),
      /^PLACEMENT\.jurisdictions\.eu must be one of "eu", "fedramp"/,
    ],
    [
      "a claim's app that is not configured, named by the claim's value",
      { SESSION_ISSUERS: [{ ...issuer, appClaim: "org", appByClaim: { acme: "main", umbrella: "asia" } }] },
      /^SESSION_ISSUERS\[0\]\.appByClaim\.umbrella must be one of the apps in COMETCHAT_APPS: main$/,
    ],
    ["a number as TOKENS", { TOKENS: 5 }, /^TOKENS must be a table$/],
    ["a list as TOKENS", { TOKENS: ["session"] }, /^TOKENS must be a table$/],
    ["a text as TOKENS", { TOKENS: '"session"' }, /^TOKENS must be a table$/],
    ["a flag as PLACEMENT", { PLACEMENT: true }, /^PLACEMENT must be a table$/],
    ["a text as PLACEMENT", { PLACEMENT: '"main"' }, /^PLACEMENT must be a table$/],
    ["a text as PROVISIONING", { PROVISIONING: '"existing"' }, /^PROVISIONING must be a table$/],
    ["a text as uid", { SESSION_ISSUERS: [{ ...issuer, uid: "sub" }] }, /\[0\]\.uid must be a table$/],
    ["a list as uid", { SESSION_ISSUERS: [{ ...issuer, uid: ["sub"] }] }, /\[0\]\.uid must be a table$/],
    [
      "a text as uid of a preset",
      { SESSION_ISSUERS: [{ ...issuer, preset: "okta", uid: "sub" }] },
      /\[0\]\.uid must be a table$/,
    ],
    ["a list as profile", { SESSION_ISSUERS: [{ ...issuer, profile: ["name"] }] }, /\[0\]\.profile must be a table$/],
    ["a text as profile", { SESSION_ISSUERS: [{ ...issuer, profile: "name" }] }, /\[0\]\.profile must be a table$/],
    [
      "a number as prefix",
      { SESSION_ISSUERS: [{ ...issuer, uid: { prefix: 4 } }] },
      /\[0\]\.uid\.prefix must be text$/,
    ],
    [
      "a webhook secret of 23 bytes, one less than Standard Webhooks asks for",
      { SESSION_ISSUERS: [{ ...issuer, webhookSecret: "HOOK" }], HOOK: `whsec_${btoa("w".repeat(23))}` },
      /^HOOK must be the webhook's signing secret: whsec_ and at least 24 bytes in base64$/,
    ],
    ["a request timeout that is too short", { REQUEST_TIMEOUT_MS: 50 }, /^REQUEST_TIMEOUT_MS /],
    ["a name with a typing mistake", { ALLOWED_ORIGIN: "[]" }, /^ALLOWED_ORIGIN .*did you mean ALLOWED_ORIGINS/],
    ["a table with an unknown name", { PROVISION: { mode: "existing" } }, /^PROVISION is not a setting/],
  ])("%s", async (_, env, problem) => {
    const problems = await problemsOf(env);
    expect(problems).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
  });

  it("all mistakes at once, without the value of a secret", async () => {
    const env = {
      USERS: undefined,
      COMETCHAT_APPS: { main: { appId: "a", region: "mars" } },
      SESSION_ISSUERS: [{ issuer: "http://a.example", secret: "SESSION_SECRET" }],
      SESSION_SECRET: "too short",
      TOKENS: { ttl: -1 },
      TOKEN_ENCRYPTION_KEY: "not-a-key",
      ALLOWED_ORIGINS: ["*"],
    };
    const problems = await problemsOf(env);
    const named = ["USERS", "COMETCHAT_APPS.main.region", "SESSION_ISSUERS[0].issuer", "SESSION_ISSUERS[0].audience"];
    for (const variable of [...named, "SESSION_SECRET", "TOKENS.ttl", "TOKEN_ENCRYPTION_KEY", "ALLOWED_ORIGINS[0]"]) {
      expect(problems.map((problem) => problem.split(" ", 1)[0])).toContain(variable);
    }
    expect(problems.join()).not.toMatch(/too short$|not-a-key/);
  });

  // An operator should find all mistakes in one look at the log, and none that is only the consequence of another.
  it.each<[string, Record<string, unknown>, readonly string[]]>([
    [
      "apps",
      {
        COMETCHAT_APPS: {
          main: { ...app, region: "mars" },
          eu: { appId: "2753eu", region: "eu", apiKeySecret: "EU_KEY", baseUrl: "http://x.example/v3" },
        },
        COMETCHAT_API_KEY: undefined,
        PLACEMENT: { default: "main" },
      },
      ["COMETCHAT_API_KEY", "COMETCHAT_APPS.eu.baseUrl", "COMETCHAT_APPS.main.region", "EU_KEY"],
    ],
    [
      "issuers",
      {
        SESSION_ISSUERS: [
          { issuer: "https://a.example", audiences: ["chat"], uid: { shared: true } },
          { issuer: "http://b.example", secret: "NOWHERE", uid: { shared: true } },
        ],
      },
      [
        "NOWHERE",
        "SESSION_ISSUERS[0].audience",
        "SESSION_ISSUERS[0].audiences",
        "SESSION_ISSUERS[1].audience",
        "SESSION_ISSUERS[1].issuer",
      ],
    ],
    [
      "tokens and placement",
      { TOKENS: { reuse: "session", reus: 1 }, PLACEMENT: { default: "nope", contnents: {} } },
      ["PLACEMENT.contnents", "PLACEMENT.default", "TOKENS.reus", "TOKEN_ENCRYPTION_KEY"],
    ],
    [
      "several mistakes in one table, as JSON text",
      {
        TOKENS: '{"ttl":0,"maxPerSession":1000,"reuse":"always","fresh":true}',
        ALLOWED_ORIGINS: '["https://app.example.com", 7, "*"]',
      },
      ["ALLOWED_ORIGINS[1]", "TOKENS.fresh", "TOKENS.maxPerSession", "TOKENS.reuse", "TOKENS.ttl"],
    ],
  ])("each mistake in %s, and nothing that is right", async (_, env, variables) => {
    const problems = await problemsOf(env);
    expect(problems.map((problem) => problem.split(" ", 1)[0]).sort()).toEqual(variables);
    // No remedy has an empty list of names, and no table counts as empty because its entries are wrong.
    expect(problems.join("\n")).not.toMatch(/at least one|: *$|: *,/m);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["apps", { COMETCHAT_APPS: undefined }, "COMETCHAT_APPS is missing"],
    [
      "apps of a wrong type",
      { COMETCHAT_APPS: [] },
      "COMETCHAT_APPS must be a table with one table per app: [vars.COMETCHAT_APPS.main]",
    ],
    [
      "an audience",
      { SESSION_ISSUERS: [{ ...issuer, audience: "chat" }] },
      'SESSION_ISSUERS[0].audience must be a list of texts, for instance ["a", "b"]',
    ],
  ])("a mistake in %s once, and not a second time in other words", async (_, env, problem) => {
    expect(await problemsOf(env)).toEqual([problem]);
  });

  it.each<[string, () => Promise<CryptoKeyPair>]>([
    ["RSA of 2048 bits", rsa("RSASSA-PKCS1-v1_5", 2048)],
    ["RSA of 3072 bits", rsa("RSA-PSS", 3072)],
    ["RSA of 4096 bits", rsa("RSASSA-PKCS1-v1_5", 4096)],
    ["P-256", generated({ name: "ECDSA", namedCurve: "P-256" })],
    ["P-384", generated({ name: "ECDSA", namedCurve: "P-384" })],
    ["P-521", generated({ name: "ECDSA", namedCurve: "P-521" })],
    ["Ed25519", generated({ name: "Ed25519" })],
  ])("an HMAC secret that is the bare base64 of a public key, %s", async (_, generate) => {
    const { publicKey } = await generate();
    const spki = new Uint8Array((await crypto.subtle.exportKey("spki", publicKey)) as ArrayBuffer);
    const text = btoa(String.fromCharCode(...spki));
    const lines = text.match(/.{1,64}/g) ?? [];
    // The key is in the forms that a dashboard and openssl give it, and after invisible characters.
    for (const SESSION_SECRET of [text, `${text}\n`, lines.join("\n"), lines.join("\r\n"), `\ufeff ${text}`]) {
      expect(await problemsOf({ ...key("HS256", 32), SESSION_SECRET })).toEqual([
        "SESSION_SECRET looks like a public key, which is not a secret: set it as publicKey instead",
      ]);
    }
  });
});

describe("an HMAC secret", () => {
  it("is never mistaken for a public key if it is random bytes in base64", async () => {
    for (let count = 0; count < 200; count += 1) {
      const SESSION_SECRET = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(48))));
      expect(await problemsOf({ ...key("HS256", 32), SESSION_SECRET })).toEqual([]);
    }
  });
});
