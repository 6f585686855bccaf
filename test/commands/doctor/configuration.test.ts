import { chmodSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { presets } from "../../../src/session/presets.ts";
import {
  advice,
  type Case,
  doctor,
  hs256,
  look,
  right,
  SECRETS,
  serve,
  sign,
  simulator,
  wrong,
} from "../../support/doctor.ts";
import { API_KEY, deployment, folder, HMAC_KEY } from "../place.ts";

serve();

it("npm run doctor finds no mistake in a right configuration, and changes nothing at CometChat", async () => {
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

describe("npm run doctor checks the configuration", () => {
  const changed = (change: object) => ({ SESSION_ISSUERS: [{ ...hs256, ...change }] });
  const rows: readonly (readonly [string, Case, name: string, says: RegExp])[] = [
    ["no app", { vars: { COMETCHAT_APPS: {} } }, "COMETCHAT_APPS", /must name at least one app/],
    ["no issuer", { vars: { SESSION_ISSUERS: [] } }, "SESSION_ISSUERS", /at least one identity provider/],
    [
      "an unknown region",
      { vars: { COMETCHAT_APPS: { main: { appId: "app1", region: "asia" } } } },
      "COMETCHAT_APPS.main.region",
      /one of "us", "eu", "in"/,
    ],
    [
      "an unknown setting",
      { vars: changed({ audiences: ["chat"] }) },
      "SESSION_ISSUERS[0].audiences",
      /not a setting of the gateway.+correct its name/,
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
      /must be a list of texts, for instance \["a", "b"\]/,
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
      /RS256, which does not fit the source of the keys/,
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
      /set it as publicKey/,
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
      "reuse without an encryption key",
      { vars: { TOKENS: { reuse: "session" } } },
      "TOKEN_ENCRYPTION_KEY",
      /is missing, and TOKENS.reuse.+openssl/,
    ],
    [
      "an encryption key that is too short",
      { secrets: { ...SECRETS, TOKEN_ENCRYPTION_KEY: "c2hvcnQ=" } },
      "TOKEN_ENCRYPTION_KEY",
      /32 bytes in base64/,
    ],
    [
      "an app that is not configured",
      { vars: changed({ app: "eu" }) },
      "SESSION_ISSUERS[0].app",
      /one of the apps in COMETCHAT_APPS: main/,
    ],
    ["a variable with a typing mistake", { vars: { TOKEN: { reuse: "session" } } }, "TOKEN", /did you mean TOKENS\?/],
    ["no KV namespace", { top: { kv_namespaces: [] } }, "binding USERS", /does not declare.+\[\[kv_namespaces\]\]/],
    [
      "no Durable Object",
      { top: { durable_objects: { bindings: [] } } },
      "binding LEDGER",
      /does not declare.+\[durable_objects\]/,
    ],
    ["no rate limits", { top: { ratelimits: [] } }, "binding RATE_LIMIT_USER", /does not declare.+\[\[ratelimits\]\]/],
    [
      "a secret in wrangler.toml",
      { vars: { COMETCHAT_API_KEY: API_KEY }, secrets: { JWT_SECRET: HMAC_KEY } },
      "COMETCHAT_API_KEY",
      /must not be in wrangler.toml.+create a new secret/,
    ],
    [
      "the example's app",
      { vars: { COMETCHAT_APPS: { main: { appId: "your-app-id", region: "us" } } } },
      "app main",
      /still the example.+npm run setup/,
    ],
  ];
  it.each(rows)("and names a mistake with its remedy: %s", async (_, asked, name, says) => {
    const report = await doctor(asked);
    const found = wrong(report).find((check) => check.name === name);
    expect(`${found?.detail} ${found?.remedy}`, JSON.stringify(report.checks)).toMatch(says);
    expect(found?.remedy).toBeTruthy();
    expect(report.ok).toBe(false);
  });

  it("and names several mistakes at once", async () => {
    const report = await doctor({
      vars: { COMETCHAT_APPS: { main: { region: "us" } }, ALLOWED_ORIGINS: ["*"] },
      secrets: {},
      top: { kv_namespaces: [] },
    });
    expect(wrong(report).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["COMETCHAT_APPS.main.appId", "ALLOWED_ORIGINS[0]", "JWT_SECRET", "binding USERS"]),
    );
  });

  it("and checks everything else if a secret is missing", async () => {
    const report = await doctor({ secrets: { JWT_SECRET: HMAC_KEY }, session: await sign({}) });
    expect(wrong(report).map(({ name }) => name)).toEqual(["COMETCHAT_API_KEY"]);
    expect(report.session).toMatchObject({ accepted: true, uid: "ada" });
  });

  it("and tells that the gateway works without metrics", async () => {
    const report = await doctor({ top: { analytics_engine_datasets: [] } });
    expect(report.ok).toBe(true);
    expect(advice(report).map(({ name }) => name)).toEqual(["bindings"]);
  });

  it("and advises against leaving out a check", async () => {
    const { audience: _, ...open } = { ...hs256, audienceRequired: false };
    const report = await doctor({ vars: { SESSION_ISSUERS: [open] } });
    expect(report.ok).toBe(true);
    expect(advice(report)).toMatchObject([
      {
        name: "SESSION_ISSUERS[0].authorizedParties",
        detail: expect.stringMatching(/is missing, and audience as well, .*refuses logout tokens$/),
        remedy: expect.stringMatching(/^write the client's id/),
      },
    ]);
  });

  it("and advises against a .dev.vars that others may read", async () => {
    const config = deployment(right(), SECRETS);
    chmodSync(join(dirname(config), ".dev.vars"), 0o644);
    expect(advice(await look({ config }))).toMatchObject(
      [{ name: ".dev.vars", remedy: /chmod 600/ }].map(({ name }) => ({ name })),
    );
  });

  it.each([
    ["a file that does not exist", () => "/nonexistent/wrangler.toml", /Could not read file/],
    [
      "a file that is no TOML",
      () => join(folder({ "wrangler.toml": "[vars\n" }), "wrangler.toml"),
      /wrangler\.toml:1|TOML/,
    ],
  ])("and reports %s", async (_, config, says) => {
    expect(wrong(await look({ config: config() }))).toMatchObject([
      { name: "wrangler.toml", detail: expect.stringMatching(says) },
    ]);
  });
});
