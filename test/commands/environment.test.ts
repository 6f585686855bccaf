import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { readEnvironment } from "../../src/commands/environment.ts";
import { parseConfig } from "../../src/config/parse.ts";

const TOML = `
name = "gateway"
compatibility_date = "2026-10-20"
[[kv_namespaces]]
binding = "USERS"
[durable_objects]
bindings = [{ name = "LEDGER", class_name = "Ledger" }, { name = "HOME", class_name = "Home" }, { name = "ONCE", class_name = "Once" }]
[[ratelimits]]
name = "RATE_LIMIT_IP"
namespace_id = "1001"
simple = { limit = 300, period = 60 }
[[ratelimits]]
name = "RATE_LIMIT_USER"
namespace_id = "1002"
simple = { limit = 30, period = 60 }
[vars.COMETCHAT_APPS.main]
appId = "app1"
region = "us"
[[vars.SESSION_ISSUERS]]
preset = "authjs"
issuer = "https://app.example.com"
[env.staging.vars.COMETCHAT_APPS.main]
appId = "app2"
region = "eu"
apiKeySecret = "STAGING_KEY"
`;

const ALONE = 'name = "gateway"\ncompatibility_date = "2026-10-20"\n';
const HMAC = "0123456789abcdef0123456789abcdef";

function folder(files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), "gateway-environment-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return join(path, "wrangler.toml");
}

function read(files: Readonly<Record<string, string>>, env?: string): Readonly<Record<string, unknown>> {
  const environment = readEnvironment({ config: folder(files), env });
  if (!environment.ok) throw new Error(environment.error);
  return environment.value;
}

afterEach(() => vi.unstubAllEnvs());

test("a command reads the gateway's configuration from wrangler.toml and .dev.vars", async () => {
  const env = read({ "wrangler.toml": TOML, ".dev.vars": `COMETCHAT_API_KEY="key-1"\nAUTH_SECRET=${HMAC}\n` });
  const parsed = await parseConfig(env);
  expect(parsed.ok && parsed.value.apps.get("main")).toMatchObject({ appId: "app1", apiKey: "key-1" });
});

test("an environment inherits neither variables nor bindings", async () => {
  const parsed = await parseConfig(read({ "wrangler.toml": TOML, ".dev.vars": "STAGING_KEY=key-2" }, "staging"));
  const wrong = parsed.ok ? [] : parsed.error.map(({ variable }) => variable);
  expect(wrong.sort()).toEqual([
    "HOME",
    "LEDGER",
    "ONCE",
    "RATE_LIMIT_IP",
    "RATE_LIMIT_USER",
    "SESSION_ISSUERS",
    "USERS",
  ]);
});

test("an environment has its own .dev.vars.NAME, which is read instead of .dev.vars", () => {
  const files = { "wrangler.toml": TOML, ".dev.vars": "A=1\nSTAGING_KEY=one", ".dev.vars.staging": "STAGING_KEY=two" };
  expect(read(files, "staging").STAGING_KEY).toBe("two");
  expect(read(files, "staging").A).toBeUndefined();
  expect(read(files).STAGING_KEY).toBe("one");
});

test("a secret that is in no file is read from the process's environment, and nothing else is", () => {
  for (const name of ["COMETCHAT_API_KEY", "STAGING_KEY", "AUTH_SECRET", "OTHER", "TOKENS"])
    vi.stubEnv(name, "process");
  const files = { "wrangler.toml": TOML, ".dev.vars": "COMETCHAT_API_KEY=" };
  expect(read(files)).toMatchObject({ COMETCHAT_API_KEY: "process", AUTH_SECRET: "process" });
  expect(read(files)).not.toHaveProperty("STAGING_KEY");
  expect(read(files, "staging")).toMatchObject({ STAGING_KEY: "process" });
  expect(Object.keys(read(files))).not.toContain("OTHER");
  expect(Object.keys(read(files))).not.toContain("TOKENS");
  expect(read({ ...files, ".dev.vars": "COMETCHAT_API_KEY=file" }).COMETCHAT_API_KEY).toBe("file");
});

test("a variable as JSON text in .dev.vars overrides the one in wrangler.toml", async () => {
  const apps = '{"main":{"appId":"app3","region":"in"}}';
  const env = read({
    "wrangler.toml": TOML,
    ".dev.vars": `COMETCHAT_APPS='${apps}'\nCOMETCHAT_API_KEY=k\nAUTH_SECRET=${HMAC}`,
  });
  const parsed = await parseConfig(env);
  expect(parsed.ok && parsed.value.apps.get("main")?.appId).toBe("app3");
});

test("an unknown table is a mistake, as in the Worker", async () => {
  const parsed = await parseConfig(read({ "wrangler.toml": `${TOML}[vars.PLACEMENTS_OLD]\na = "b"\n` }));
  expect(parsed.ok ? [] : parsed.error.map(({ variable }) => variable)).toContain("PLACEMENTS_OLD");
});

test.each([
  ["a file that does not exist", () => "/nonexistent/wrangler.toml", undefined, /wrangler\.toml/],
  ["a file that is no TOML", () => folder({ "wrangler.toml": "[vars\n" }), undefined, /TOML.+\(line 1\)/],
  ["an environment in a file without any", () => folder({ "wrangler.toml": ALONE }), "prod", /has no \[env\.prod\]/],
  ["an environment that does not exist", () => folder({ "wrangler.toml": TOML }), "prod", /\[env\.prod\]/],
])("%s is reported in a sentence", (_, config, env, words) => {
  const environment = readEnvironment({ config: config(), env });
  expect(environment.ok ? "" : environment.error).toMatch(words);
});
