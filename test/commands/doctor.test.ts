import { execFile } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { spawn } from "@lydell/node-pty";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { examine } from "../../src/commands/doctor/doctor.ts";
import type { Check, Report } from "../../src/commands/doctor/report.ts";
import { platform } from "../../src/platform.ts";
import { presets } from "../../src/session/presets.ts";
import { type Oidc, startOidc } from "../providers/oidc.ts";
import { createSimulator, type Simulator } from "../sandbox/cometchat/index.ts";
import { type Listener, listen } from "../sandbox/server.ts";
import { API_KEY, bindings, deployment, folder, HMAC_KEY } from "./place.ts";

const NARROW_KEY = "abcdef0123456789abcdef0123456789abcdef01";
const WRONG_KEY = "ffffffffffffffffffffffffffffffffffffffff";
const SECRETS = { COMETCHAT_API_KEY: API_KEY, JWT_SECRET: HMAC_KEY };
const TOKEN_KEY = btoa("0".repeat(32));

let simulator: Simulator;
let cometchat: Listener;
let provider: Listener;
let oidc: Oidc;
/** What the provider answers below its address. */
let pages: Record<string, Response | (() => Response)>;

beforeAll(async () => {
  for (const method of ["info", "warn"] as const) vi.spyOn(console, method).mockImplementation(() => undefined);
  simulator = createSimulator({
    appId: "app1",
    region: "us",
    keys: { [API_KEY]: "fullAccess", [NARROW_KEY]: "authOnly" },
    sampleUsers: false,
  });
  cometchat = await listen((request) => simulator.fetch(request), 0);
  provider = await listen(async (request) => {
    const page = pages[new URL(request.url).pathname] ?? new Response("nothing here", { status: 404 });
    return typeof page === "function" ? page() : page.clone();
  }, 0);
  oidc = await startOidc();
  await oidc.open(new URL("http://127.0.0.1:9"));
});

afterAll(async () => {
  await Promise.all([cometchat?.close(), provider?.close(), oidc?.close()]);
});

beforeEach(() => {
  pages = {};
  simulator.reset();
});

const issuerUrl = () => `http://127.0.0.1:${provider.port}`;
const app = () => ({ appId: "app1", region: "us", baseUrl: `http://127.0.0.1:${cometchat.port}/v3` });
const hs256 = { issuer: "https://backend.test", audience: ["chat"], secret: "JWT_SECRET" };

/** A configuration that is right. */
const right = () => ({
  ALLOWED_ORIGINS: ["https://app.test"],
  COMETCHAT_APPS: { main: app() } as Record<string, unknown>,
  SESSION_ISSUERS: [hs256] as Record<string, unknown>[],
});

interface Case {
  readonly vars?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly top?: Readonly<Record<string, unknown>>;
  readonly env?: string;
  readonly session?: string;
}

async function doctor({ vars = {}, secrets = SECRETS, top = {}, env, session }: Case): Promise<Report> {
  const config = deployment({ ...right(), ...vars }, secrets, top);
  return look({ config, env, session });
}

async function look(asked: {
  config: string;
  env?: string | undefined;
  session?: string | undefined;
}): Promise<Report> {
  const report = await examine(asked, { ...platform, cache: () => undefined, log: () => {} });
  const text = JSON.stringify(report);
  for (const secret of [API_KEY, NARROW_KEY, WRONG_KEY, HMAC_KEY, TOKEN_KEY, asked.session]) {
    if (secret !== undefined) expect(text, "no secret and no session is shown").not.toContain(secret);
  }
  expect(report.ok).toBe(report.checks.every(({ ok }) => ok) && report.session?.accepted !== false);
  return report;
}

/** CometChat answers every call with this code. */
function refused(code: string): Case {
  simulator.faults.add({ match: "any", effect: { kind: "error", code } });
  return {};
}

function seeded(user: object, asked: Case = {}): Case {
  simulator.seed({ uid: "ada", ...user });
  return asked;
}

const wrong = ({ checks }: Report): readonly Check[] => checks.filter(({ ok }) => !ok);
const advice = ({ checks }: Report): readonly Check[] => checks.filter(({ ok, remedy }) => ok && remedy !== undefined);

async function keyPair(alg: string, more: object = {}) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: `key-${alg}`, alg, use: "sig", ...more } };
}

function publish(keys: readonly object[], change: object = {}): void {
  pages["/.well-known/openid-configuration"] = Response.json({
    issuer: issuerUrl(),
    jwks_uri: `${issuerUrl()}/jwks`,
    ...change,
  });
  pages["/jwks"] = Response.json({ keys });
}

/** The same, and the settings of its issuer that are tried. */
function published(keys: readonly object[], change: object = {}, settings: object = {}): object {
  publish(keys, change);
  return settings;
}

function answering(page: Response): object {
  pages["/.well-known/openid-configuration"] = page;
  return {};
}

const hmacKey = new TextEncoder().encode(HMAC_KEY);
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const sign = (claims: JWTPayload, header: object = {}, key: Uint8Array = hmacKey) =>
  new SignJWT({ iss: hs256.issuer, aud: "chat", sub: "ada", exp: inAnHour(), ...claims })
    .setProtectedHeader({ alg: "HS256", ...header })
    .sign(key);

it("a configuration that is right has nothing wrong, and nothing is changed at CometChat", async () => {
  const report = await doctor({});
  expect(wrong(report)).toEqual([]);
  expect(advice(report)).toEqual([]);
  expect(report.ok).toBe(true);
  expect(report.checks.map(({ name }) => name)).toEqual([
    "configuration",
    "bindings",
    "keys of https://backend.test",
    "app main",
  ]);
  expect(new Set(simulator.journal.entries.map(({ method }) => method))).toEqual(new Set(["GET"]));
});

describe("each mistake of the configuration is named with its remedy", () => {
  const changed = (change: object) => ({ SESSION_ISSUERS: [{ ...hs256, ...change }] });
  const rows: readonly (readonly [string, Case, name: string, says: RegExp])[] = [
    ["no app", { vars: { COMETCHAT_APPS: {} } }, "COMETCHAT_APPS", /must name at least one app/],
    ["no issuer", { vars: { SESSION_ISSUERS: [] } }, "SESSION_ISSUERS", /at least one identity provider/],
    [
      "a region that is none",
      { vars: { COMETCHAT_APPS: { main: { appId: "app1", region: "asia" } } } },
      "COMETCHAT_APPS.main.region",
      /one of "us", "eu", "in"/,
    ],
    [
      "an unknown setting",
      { vars: changed({ audiences: ["chat"] }) },
      "SESSION_ISSUERS[0].audiences",
      /no setting of the gateway.+correct its name/,
    ],
    [
      "an unknown preset",
      { vars: changed({ preset: "autho" }) },
      "SESSION_ISSUERS[0].preset",
      new RegExp(Object.keys(presets).join(", ")),
    ],
    [
      "an audience that is no list",
      { vars: changed({ audience: "chat" }) },
      "SESSION_ISSUERS[0].audience",
      /must be a list of texts, as in \["a", "b"\]/,
    ],
    [
      "no audience",
      { vars: { SESSION_ISSUERS: [{ issuer: hs256.issuer, secret: "JWT_SECRET" }] } },
      "SESSION_ISSUERS[0].audience",
      /audienceRequired = false/,
    ],
    [
      "an issuer with plain http",
      { vars: { SESSION_ISSUERS: [{ issuer: "http://idp.test", audience: ["chat"] }] } },
      "SESSION_ISSUERS[0].issuer",
      /must begin with https:\/\//,
    ],
    [
      "an algorithm of another kind of key",
      { vars: changed({ algorithms: ["RS256"] }) },
      "SESSION_ISSUERS[0].algorithms",
      /RS256 does not go with this key source/,
    ],
    [
      "an HMAC key that is too short",
      { secrets: { ...SECRETS, JWT_SECRET: "short" } },
      "JWT_SECRET",
      /too short for HS256.+openssl rand -base64 32/,
    ],
    [
      "a public key as HMAC key",
      { secrets: { ...SECRETS, JWT_SECRET: "-----BEGIN PUBLIC KEY-----MIIBIjANBgkqhkiG9w0BAQ" } },
      "JWT_SECRET",
      /give it as publicKey/,
    ],
    [
      "an origin with a path",
      { vars: { ALLOWED_ORIGINS: ["https://app.test/"] } },
      "ALLOWED_ORIGINS[0]",
      /no slash at the end/,
    ],
    [
      "no API key",
      { secrets: { JWT_SECRET: HMAC_KEY } },
      "COMETCHAT_API_KEY",
      /not set.+npx wrangler secret put COMETCHAT_API_KEY/,
    ],
    [
      "no HMAC key",
      { secrets: { COMETCHAT_API_KEY: API_KEY } },
      "JWT_SECRET",
      /not set.+npx wrangler secret put JWT_SECRET/,
    ],
    [
      "tokens held without a key",
      { vars: { TOKENS: { reuse: "session" } } },
      "TOKEN_ENCRYPTION_KEY",
      /needed for TOKENS.reuse.+openssl/,
    ],
    [
      "an encryption key that is none",
      { secrets: { ...SECRETS, TOKEN_ENCRYPTION_KEY: "c2hvcnQ=" } },
      "TOKEN_ENCRYPTION_KEY",
      /32 bytes in base64/,
    ],
    [
      "an app that is not there",
      { vars: changed({ app: "eu" }) },
      "SESSION_ISSUERS[0].app",
      /one of the apps in COMETCHAT_APPS: main/,
    ],
    ["a variable that is nearly ours", { vars: { TOKEN: { reuse: "session" } } }, "TOKEN", /did you mean TOKENS\?/],
    ["no KV namespace", { top: { kv_namespaces: [] } }, "binding USERS", /missing.+\[\[kv_namespaces\]\]/],
    [
      "no Durable Object",
      { top: { durable_objects: { bindings: [] } } },
      "binding LEDGER",
      /missing.+\[durable_objects\]/,
    ],
    ["no rate limits", { top: { ratelimits: [] } }, "binding RATE_LIMIT_USER", /missing.+\[\[ratelimits\]\]/],
    [
      "a secret in wrangler.toml",
      { vars: { COMETCHAT_API_KEY: API_KEY }, secrets: { JWT_SECRET: HMAC_KEY } },
      "COMETCHAT_API_KEY",
      /is written in wrangler.toml.+create a new secret/,
    ],
    [
      "the example's app",
      { vars: { COMETCHAT_APPS: { main: { appId: "your-app-id", region: "us" } } } },
      "app main",
      /still the example.+npm run setup/,
    ],
  ];
  it.each(rows)("%s", async (_, asked, name, says) => {
    const report = await doctor(asked);
    const found = wrong(report).find((check) => check.name === name);
    expect(`${found?.detail} ${found?.remedy}`, JSON.stringify(report.checks)).toMatch(says);
    expect(found?.remedy).toBeTruthy();
    expect(report.ok).toBe(false);
  });

  it("several mistakes are told at once", async () => {
    const report = await doctor({
      vars: { COMETCHAT_APPS: { main: { region: "us" } }, ALLOWED_ORIGINS: ["*"] },
      secrets: {},
      top: { kv_namespaces: [] },
    });
    expect(wrong(report).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["COMETCHAT_APPS.main.appId", "ALLOWED_ORIGINS[0]", "JWT_SECRET", "binding USERS"]),
    );
  });

  it("a secret that is missing keeps nothing else from being looked at", async () => {
    const report = await doctor({ secrets: { JWT_SECRET: HMAC_KEY }, session: await sign({}) });
    expect(wrong(report).map(({ name }) => name)).toEqual(["COMETCHAT_API_KEY"]);
    expect(report.session).toMatchObject({ accepted: true, uid: "ada" });
  });

  it("without metrics the gateway works, and this is said", async () => {
    const report = await doctor({ top: { analytics_engine_datasets: [] } });
    expect(report.ok).toBe(true);
    expect(advice(report).map(({ name }) => name)).toEqual(["bindings"]);
  });

  it("what works, but leaves a check out, is advised against", async () => {
    const { audience: _, ...open } = { ...hs256, audienceRequired: false };
    const report = await doctor({ vars: { SESSION_ISSUERS: [open] } });
    expect(report.ok).toBe(true);
    expect(advice(report)).toMatchObject([
      {
        name: "SESSION_ISSUERS[0].authorizedParties",
        detail: expect.stringMatching(/names nobody, nor does audience/),
        remedy: expect.stringMatching(/logout tokens are refused/),
      },
    ]);
  });

  it(".dev.vars that others may read is advised against", async () => {
    const config = deployment(right(), SECRETS);
    chmodSync(join(dirname(config), ".dev.vars"), 0o644);
    expect(advice(await look({ config }))).toMatchObject(
      [{ name: ".dev.vars", remedy: /chmod 600/ }].map(({ name }) => ({ name })),
    );
  });

  it.each([
    ["a file that is not there", () => "/nonexistent/wrangler.toml", /Could not read file/],
    [
      "a file that is no TOML",
      () => join(folder({ "wrangler.toml": "[vars\n" }), "wrangler.toml"),
      /wrangler\.toml:1|TOML/,
    ],
  ])("%s", async (_, config, says) => {
    expect(wrong(await look({ config: config() }))).toMatchObject([
      { name: "wrangler.toml", detail: expect.stringMatching(says) },
    ]);
  });
});

describe("the keys of an identity provider are fetched as the gateway does", () => {
  const oidcIssuer = (change: object = {}) => ({
    SESSION_ISSUERS: [{ issuer: issuerUrl(), audience: ["chat"], ...change }],
  });
  const keysCheck = (report: Report) => report.checks.find(({ name }) => name.startsWith("keys of"));

  it("of oidc-provider, a certified one", async () => {
    const report = await doctor({ vars: { SESSION_ISSUERS: [{ issuer: oidc.issuer, audience: oidc.audience }] } });
    expect(report.ok).toBe(true);
    expect(keysCheck(report)).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/^2 at .+\/jwks: ES256, RS256$/),
    });
  });

  const rows: readonly (readonly [string, () => Promise<object>, detail: RegExp, remedy: RegExp])[] = [
    ["nobody is there", async () => ({ issuer: "http://127.0.0.1:9" }), /cannot be reached/, /jwksUrl/],
    ["there is no discovery document", async () => ({}), /status 404/, /name the address of its keys as jwksUrl/],
    [
      "the issuer is written without its slash",
      async () => published([], { issuer: `${issuerUrl()}/` }),
      /says that the issuer is ".+\/", and issuer is ".+\d": the slash at the end counts/,
      /Write issuer = "http.+\/"/,
    ],
    [
      "the issuer is written with a slash too many",
      async () => published([], {}, { issuer: `${issuerUrl()}/` }),
      /the slash at the end counts/,
      /Write issuer = "http.+\d"/,
    ],
    [
      "the document is another issuer's",
      async () => published([], { issuer: "https://other.test" }),
      /says that the issuer is "https:\/\/other.test"/,
      /Write issuer/,
    ],
    [
      "its keys are at an address with plain http",
      async () => published([], { jwks_uri: "http://keys.test/jwks" }),
      /jwks_uri/,
      /jwksUrl/,
    ],
    [
      "its keys are of a kind that algorithms excludes",
      async () => published([(await keyPair("ES256")).jwk], {}, { algorithms: ["RS256"] }),
      /keys for ES256, and algorithms allows only RS256/,
      /Write algorithms = \["ES256"\]/,
    ],
    ["it publishes no keys", async () => published([], {}), /lists no keys/, /documentation/],
    [
      "it publishes a symmetric key",
      async () => published([{ kty: "oct", k: "c2VjcmV0" }]),
      /\(oct\).+none of them may verify/,
      /HS256 publish none: name the secret/,
    ],
    [
      "it publishes a key for encryption",
      async () => published([(await keyPair("RS256", { use: "enc" })).jwk]),
      /for encryption/,
      /for signatures/,
    ],
    [
      "it answers with a redirect",
      async () => answering(Response.redirect("https://www.other.test/x", 302)),
      /redirect to "https:\/\/www\.other\.test\/x"/,
      /Write the address that it leads to/,
    ],
    [
      "it answers with a page",
      async () => answering(new Response("<html>")),
      /does not answer with JSON/,
      /Compare issuer/,
    ],
    ["it is the example's", async () => ({ issuer: "https://auth.example.com" }), /still the example/, /npm run setup/],
    [
      "the address of its keys is wrong",
      async () => ({ jwksUrl: `${issuerUrl()}/keys` }),
      /\/keys answers with status 404/,
      /Compare jwksUrl/,
    ],
  ];
  it.each(rows)("%s", async (_, prepare, detail, remedy) => {
    const report = await doctor({ vars: oidcIssuer(await prepare()) });
    const check = keysCheck(report);
    expect(check?.ok, check?.detail).toBe(false);
    expect(check?.detail).toMatch(detail);
    expect(check?.remedy).toMatch(remedy);
  });

  it("some of its keys are excluded: said, and no mistake", async () => {
    publish([(await keyPair("RS256")).jwk, (await keyPair("ES256")).jwk]);
    const report = await doctor({ vars: oidcIssuer({ algorithms: ["RS256"] }) });
    expect(report.ok).toBe(true);
    expect(keysCheck(report)?.detail).toMatch(/algorithms excludes ES256/);
    expect(keysCheck(report)?.remedy).toContain('["RS256","ES256"]');
  });

  it("a preset that knows where the keys are: the issuer's slash is compared all the same", async () => {
    publish([(await keyPair("RS256")).jwk], { issuer: `${issuerUrl()}/` });
    pages["/.well-known/jwks.json"] = pages["/jwks"] ?? new Response();
    const report = await doctor({ vars: oidcIssuer({ preset: "auth0" }) });
    expect(wrong(report)).toMatchObject([
      { name: `name of ${issuerUrl()}`, remedy: expect.stringContaining(`issuer = "${issuerUrl()}/"`) },
    ]);
  });

  it("what a provider answers is shown on one line, and a secret in it is not shown", async () => {
    publish([], { issuer: `https://x.test/\u001b[31m\n${API_KEY}` });
    const detail = keysCheck(await doctor({ vars: oidcIssuer() }))?.detail ?? "";
    expect(detail).toContain("(secret)");
    expect(detail).not.toMatch(/\p{Cc}/u);
  });
});

describe("CometChat is asked for each app's key", () => {
  const rows: readonly (readonly [string, () => Case, detail: RegExp, remedy: RegExp])[] = [
    [
      "a key that it does not know",
      () => ({ secrets: { ...SECRETS, COMETCHAT_API_KEY: WRONG_KEY } }),
      /does not know the key in COMETCHAT_API_KEY/,
      /REST API key \(scope fullAccess\) of the app/,
    ],
    [
      "a key of too small a scope",
      () => ({ secrets: { ...SECRETS, COMETCHAT_API_KEY: NARROW_KEY } }),
      /too small a scope/,
      /fullAccess, not an Auth Key/,
    ],
    [
      "an app that it does not know",
      () => {
        return refused("AUTH_ERR_INVALID_APPID");
      },
      /does not know the app app1 in region us/,
      /compare appId and region/,
    ],
    [
      "a plan that is used up",
      () => {
        return refused("ERR_PLAN_QUOTA_RESTRICTION");
      },
      /plan of app1/,
      /Billing/,
    ],
    [
      "the rate limit",
      () => {
        return refused("ERR_TOO_MANY_REQUESTS");
      },
      /rate limit/,
      /Ask again/,
    ],
    [
      "an address that is not its API",
      () => ({ vars: { COMETCHAT_APPS: { main: { ...app(), baseUrl: `http://127.0.0.1:${provider.port}/v3` } } } }),
      /makes no sense \(status 404\)/,
      /ends in \/v3/,
    ],
    [
      "an address where nobody is",
      () => ({ vars: { COMETCHAT_APPS: { main: { ...app(), baseUrl: "http://127.0.0.1:9/v3" } } } }),
      /cannot be reached/,
      /Compare appId/,
    ],
  ];
  it.each(rows)("%s", async (_, prepare, detail, remedy) => {
    const [check, ...others] = wrong(await doctor(prepare()));
    expect(check?.name).toBe("app main");
    expect(check?.detail).toMatch(detail);
    expect(check?.remedy).toMatch(remedy);
    expect(others).toEqual([]);
  });

  it("an app of another region: the region is named", async () => {
    const hosts: string[] = [];
    const fetch = async (address: string, init: RequestInit) => {
      const url = new URL(address);
      if (!url.hostname.endsWith(".cometchat.io")) return platform.fetch(address, init);
      hosts.push(url.hostname);
      return simulator.fetch(address, init);
    };
    const config = deployment({ ...right(), COMETCHAT_APPS: { main: { appId: "app1", region: "in" } } }, SECRETS);
    const report = await examine({ config }, { ...platform, fetch, cache: () => undefined, log: () => {} });
    expect(wrong(report)).toMatchObject([
      {
        name: "app main",
        detail: "CometChat has app1 in region us, not in in",
        remedy: expect.stringContaining('region = "us"'),
      },
    ]);
    expect(hosts).toEqual(["app1.api-in.cometchat.io", "app1.api-us.cometchat.io"]);
  });

  it("CometChat's sample users are advised against", async () => {
    simulator.seed({ uid: "cometchat-uid-1" });
    simulator.seed({ uid: "cometchat-uid-5" });
    const report = await doctor({});
    expect(report.ok).toBe(true);
    expect(advice(report)).toMatchObject([
      {
        name: "users of main",
        detail: expect.stringContaining("cometchat-uid-1, cometchat-uid-5"),
        remedy: expect.stringContaining("Delete"),
      },
    ]);
  });
});

describe("a session is judged, and the sentence names claim and setting", () => {
  const changed = (change: object): Case => ({ vars: { SESSION_ISSUERS: [{ ...hs256, ...change }] } });
  const past = () => Math.floor(Date.now() / 1000) - 3600;
  const rows: readonly (readonly [string, Case, () => Promise<string> | string, says: RegExp])[] = [
    ["no JWT", {}, () => "opaque-access-token", /^This has 1 part\. A session is a JWT.+opaque access tokens/],
    ["an encrypted one", {}, () => "a.b.c.d.e", /encrypted \(a JWE/],
    ["one that is too long", {}, () => `${"a".repeat(9000)}.b.c`, /9004 characters; the gateway takes 8192/],
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
      /^alg is "HS512", and this issuer's algorithms allow HS256/,
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
      /^aud is "other", and audience is \["chat"\]: name one of the former in audience/,
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
      "no subject where another claim is one",
      changed({ uid: { claim: "oid" } }),
      () => sign({}),
      /has no oid \(uid\.claim\)/,
    ],
    ["CometChat's own user", {}, () => sign({ sub: "app_system" }), /app_system/],
    [
      "a tenant that is not listed",
      changed({ appClaim: "org", appByClaim: { acme: "main" } }),
      () => sign({ org: "other" }),
      /^org is "other" \(appClaim\), and appByClaim lists acme/,
    ],
  ];
  it.each(rows)("%s", async (_, asked, make, says) => {
    const { session, ok } = await doctor({ ...asked, session: await make() });
    expect(session?.accepted).toBe(false);
    expect(session?.reason).toMatch(says);
    expect(ok).toBe(false);
  });

  it("one that is accepted: its uid, app and profile, as a sign-in would have them", async () => {
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

  it("a session without a name, or with what CometChat would refuse: said, and no mistake", async () => {
    const report = await doctor({ session: await sign({ picture: "javascript:alert(1)" }) });
    expect(report.ok).toBe(true);
    expect(advice(report).map(({ detail }) => detail)).toEqual([
      'the session has no name (profile.name): the user is called "ada"',
      "the gateway leaves out avatar, since CometChat would refuse the value",
    ]);
  });

  it("of oidc-provider: accepted, and refused for its audience", async () => {
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
    expect(excluded.session?.reason).toMatch(/^alg is "ES256", and this issuer's algorithms allow RS256/);
  });

  it("signed with a key that the provider does not publish", async () => {
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
    expect(report.session?.reason).toMatch(/^kid is "elsewhere", and no key of that name .+\(issuer\)/);
  });

  it("whose keys cannot be had is not called wrong", async () => {
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
      /alg is "HS256".+keys from the network/,
    );
  });

  it("whose HMAC key is not set", async () => {
    const report = await doctor({ secrets: { COMETCHAT_API_KEY: API_KEY }, session: await sign({}) });
    expect(report.session?.reason).toMatch(/HMAC key that secret names is not set/);
  });

  const users: readonly (readonly [string, () => Case, ok: boolean, says: RegExp])[] = [
    ["is there already", () => seeded({}), true, /is in main already/],
    ["is not there yet", () => ({}), true, /first sign-in creates it/],
    [
      "is not there, and none are created",
      () => ({ vars: { PROVISIONING: { mode: "existing" } } }),
      false,
      /PROVISIONING\.mode is "existing"/,
    ],
    ["is deactivated", () => seeded({ deactivatedAt: 1 }), false, /is deactivated in main/],
    [
      "is deactivated, and brought back",
      () => seeded({ deactivatedAt: 1 }, { vars: { PROVISIONING: { reactivate: true } } }),
      true,
      /reactivates it/,
    ],
  ];
  it.each(users)("whose user %s", async (_, prepare, ok, says) => {
    const report = await doctor({ ...prepare(), session: await sign({}) });
    expect(report.checks.find(({ name }) => name === "user ada")).toMatchObject({
      ok,
      detail: expect.stringMatching(says),
    });
    expect(simulator.journal.entries.every(({ method }) => method === "GET")).toBe(true);
  });
});

describe("environments inherit neither variables nor bindings", () => {
  const production = () => ({ ...right(), TOKENS: { reuse: "session" } });
  const staging = (change: object) => ({ top: { env: { staging: change } }, env: "staging" });
  const secrets = { ...SECRETS, TOKEN_ENCRYPTION_KEY: TOKEN_KEY };

  it("what is missing is named, and where to write it", async () => {
    const report = await doctor({ vars: production(), secrets, ...staging({}) });
    const told = new Map(wrong(report).map(({ name, remedy }) => [name, remedy]));
    expect(told.get("[env.staging] USERS")).toBe('Write it in [[env.staging.kv_namespaces]] with binding = "USERS".');
    expect(told.get("[env.staging] LEDGER")).toContain("[env.staging.durable_objects]");
    expect(told.get("[env.staging] RATE_LIMIT_IP")).toContain('[[env.staging.ratelimits]] with name = "RATE_LIMIT_IP"');
    expect(told.get("[env.staging] TOKENS")).toBe("Write it in [env.staging.vars]: TOKENS.");
    expect(told.get("[env.staging] SESSION_ISSUERS")).toBe("Write it in [env.staging.vars]: SESSION_ISSUERS.");
    expect(advice(report).map(({ name }) => name)).toContain("[env.staging] METRICS");
  });

  it("one that repeats everything is right; what both share is advised against", async () => {
    const kv = [{ binding: "USERS", id: "0123456789abcdef0123456789abcdef" }];
    const own = { ...bindings, kv_namespaces: kv, vars: production() };
    const report = await doctor({
      vars: production(),
      secrets,
      top: { kv_namespaces: kv, env: { staging: own } },
      env: "staging",
    });
    expect(wrong(report)).toEqual([]);
    const shared = advice(report).map(({ name }) => name);
    expect(shared).toEqual(
      ["USERS", "RATE_LIMIT_IP", "RATE_LIMIT_USER", "METRICS", "COMETCHAT_APPS"].map((name) => `[env.staging] ${name}`),
    );
  });

  it("its secrets are those of .dev.vars.staging, and the remedies name the environment", async () => {
    const own = { ...bindings, vars: production() };
    const config = deployment(production(), secrets, { env: { staging: own } });
    writeFileSync(
      join(dirname(config), ".dev.vars.staging"),
      `JWT_SECRET=${HMAC_KEY}\nTOKEN_ENCRYPTION_KEY=${TOKEN_KEY}\n`,
      { mode: 0o600 },
    );
    const [check] = wrong(await look({ config, env: "staging" }));
    expect(check?.remedy).toBe("npx wrangler secret put COMETCHAT_API_KEY --env staging (locally: .dev.vars.staging)");
  });

  it("one that is not in the file", async () => {
    const [check] = wrong(await doctor({ env: "staging", top: { env: { prod: {} } } }));
    expect(check).toMatchObject({
      name: "wrangler.toml",
      detail: expect.stringContaining('No environment found in configuration with name "staging"'),
    });
  });

  it("without --env the others are looked through as well", async () => {
    const report = await doctor({
      vars: production(),
      secrets,
      top: { env: { staging: { ...bindings, vars: right() } } },
    });
    expect(report.ok).toBe(true);
    expect(advice(report)).toMatchObject([
      { name: "[env.staging]", detail: expect.stringMatching(/^TOKENS: /), remedy: "npm run doctor -- --env staging" },
    ]);
  });
});

describe("the command", () => {
  const root = join(import.meta.dirname, "../..");
  interface Ended {
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }
  const run = (args: readonly string[], input = "", env: object = {}) =>
    new Promise<Ended>((resolve) => {
      const child = execFile(
        process.execPath,
        [join(root, "src/commands/doctor/index.ts"), ...args],
        { cwd: root, env: { PATH: process.env.PATH, ...env } },
        (_, stdout, stderr) => resolve({ status: child.exitCode, stdout, stderr }),
      );
      child.stdin?.end(input);
    });

  it("ends with 0 where all is right, and prints a line for each check without colours", async () => {
    const { status, stdout, stderr } = await run(["--config", deployment(right(), SECRETS)]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^✓ configuration .+\n✓ bindings .+\n✓ keys of .+\n✓ app main .+\n\nEverything is right\.\n$/);
  });

  it("ends with 1 where something is wrong, and prints what to do; no secret", async () => {
    const { status, stdout } = await run([
      "--config",
      deployment(right(), { ...SECRETS, COMETCHAT_API_KEY: WRONG_KEY }),
    ]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/✗ app main .+\n {4}→ .+fullAccess.+\n\nOne thing is wrong\.\n$/);
    expect(stdout).not.toContain(WRONG_KEY);
  });

  it("--json is the report, and - reads the session from standard input", async () => {
    const session = await sign({ name: "Ada" });
    const { status, stdout } = await run(
      ["--config", deployment(right(), SECRETS), "--json", "--session", "-"],
      `Bearer ${session}\n`,
    );
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(Object.keys(report)).toEqual(["ok", "checks", "session"]);
    expect(report.session).toEqual({ accepted: true, uid: "ada", app: "main", profile: { name: "Ada" } });
    expect(stdout).not.toContain(session);
  });

  it("a session that is refused makes it end with 1", async () => {
    const { status, stdout } = await run([
      "--config",
      deployment(right(), SECRETS),
      "--session",
      await sign({ aud: "other" }),
    ]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/✗ session {2}not accepted\n {4}aud is "other"/);
  });

  it.each([
    ["an option that it does not have", ["--sesion", "x"], /Unknown option '--sesion'/],
    ["a session without its option, which is not repeated", ["eyJhbGciOi"], /Every argument begins with --/],
    ["no session on standard input", ["--session", "-"], /--session is empty/],
    ["an option without its value", ["--session"], /argument missing/],
  ])("ends with 2 for wrong usage: %s", async (_, args, says) => {
    const { status, stdout, stderr } = await run(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(says);
    expect(stderr).toMatch(/npm run doctor -- /);
    expect(stderr).not.toContain("eyJhbGciOi");
  });

  it("colours only a terminal, and none where NO_COLOR is set", async () => {
    const config = deployment(right(), SECRETS);
    const inTerminal = (env: Record<string, string>) =>
      new Promise<string>((resolve) => {
        const terminal = spawn(process.execPath, [join(root, "src/commands/doctor/index.ts"), "--config", config], {
          cwd: root,
          cols: 200,
          env: { PATH: process.env.PATH ?? "", TERM: "xterm-256color", ...env },
        });
        let text = "";
        terminal.onData((chunk) => {
          text += chunk;
        });
        terminal.onExit(() => resolve(text));
      });
    expect(await inTerminal({})).toContain("\u001b[32m✓");
    expect(await inTerminal({ NO_COLOR: "1" })).not.toContain("\u001b[32m");
  });
});
