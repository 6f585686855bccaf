import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { readEnvironment } from "../../src/commands/environment.ts";
import { setup as command } from "../../src/commands/setup/command.ts";
import { providers } from "../../src/commands/setup/providers.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { presets } from "../../src/session/presets.ts";
import { type Ended, runHere, runScript } from "../support/command.ts";
import { converse, DOWN, ENTER, INTERRUPT, type Turn } from "./conversation.ts";
import { API_KEY, folder, HMAC_KEY } from "./place.ts";

const root = join(import.meta.dirname, "../..");
const script = join(root, "src/commands/setup/index.ts");
const template = readFileSync(join(root, "wrangler.toml"), "utf8");

/** A folder with the repository's own wrangler.toml, as after a clone. */
const clone = (files: Readonly<Record<string, string>> = {}) =>
  join(folder({ "wrangler.toml": template, ...files }), "wrangler.toml");
const secretsOf = (config: string, name = ".dev.vars") => readFileSync(join(dirname(config), name), "utf8");
const tomlOf = (config: string) => readFileSync(config, "utf8");
type Vars = { ALLOWED_ORIGINS: string[]; COMETCHAT_APPS: Record<string, object>; SESSION_ISSUERS: object[] };
const varsOf = (config: string) => (parse(tomlOf(config)) as unknown as { vars: Vars }).vars;

/** Runs the command, and checks that it prints no secret. */
async function setup(
  config: string,
  args: readonly string[],
  input = "",
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const ended = await runHere(command, ["--config", config, ...args], { input, env });
  for (const secret of [API_KEY, HMAC_KEY]) {
    expect(ended.stdout + ended.stderr).not.toContain(secret);
    if (existsSync(config)) expect(tomlOf(config)).not.toContain(secret);
  }
  return ended;
}

const APP = ["--yes", "--app-id", "2753abc", "--region", "eu", "--api-key-stdin", "--origin", "https://app.test"];
const AUTH0 = ["--preset", "auth0", "--issuer", "https://t.eu.auth0.com/", "--audience", "https://api.test"];

/** The mistakes that the gateway finds in both files. */
async function problemsIn(config: string, env?: string): Promise<readonly string[]> {
  const environment = readEnvironment({ config, env });
  if (!environment.ok) return [environment.error];
  const parsed = await parseConfig(environment.value);
  return parsed.ok ? [] : parsed.error.map(({ variable, remedy }) => `${variable} ${remedy}`);
}

/** The lines of `text` that are not in `other`, in order. */
const beyond = (text: string, other: string) => text.split("\n").filter((line) => !other.split("\n").includes(line));

describe("npm run setup with flags", () => {
  it("takes several origins and audiences, behind one flag or one each", async () => {
    const config = clone();
    const many = ["--origin", "https://a.test", "https://b.test", "--origin", "https://c.test"];
    const rest = ["--app-id", "2753abc", "--region", "eu", "--api-key-stdin", ...AUTH0, "https://other.test", "--yes"];
    expect(await setup(config, [...many, ...rest], API_KEY)).toMatchObject({ status: 0 });
    expect(varsOf(config).ALLOWED_ORIGINS).toEqual(["https://a.test", "https://b.test", "https://c.test"]);
    expect(varsOf(config).SESSION_ISSUERS).toMatchObject([{ audience: ["https://api.test", "https://other.test"] }]);
    expect(await setup(config, ["--yes", "--region", "eu", "stray"])).toMatchObject({ status: 2 });
  });

  it("reads the key from standard input, and ends with 0, or with 2 for wrong usage", async () => {
    const config = clone();
    const ended = (input: string, ...args: readonly string[]) =>
      runScript(script, ["--config", config, ...args], { cwd: root, input });
    const misused = await ended("", ...AUTH0);
    expect(misused).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/no terminal to ask questions in/),
    });
    const done = await ended(`${API_KEY}\n`, ...APP, ...AUTH0);
    expect(done).toMatchObject({ status: 0, stderr: "", stdout: expect.stringContaining("Run these commands next:") });
    expect(secretsOf(config)).toBe(`COMETCHAT_API_KEY=${API_KEY}\n`);
    expect(done.stdout).not.toContain(API_KEY);
  });

  it("writes a right configuration after a clone, and keeps every other line and comment", async () => {
    const config = clone();
    const { status, stdout, stderr } = await setup(config, [...APP, ...AUTH0], `${API_KEY}\n`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(await problemsIn(config)).toEqual([]);
    expect(varsOf(config)).toEqual({
      ALLOWED_ORIGINS: ["https://app.test"],
      COMETCHAT_APPS: { main: { appId: "2753abc", region: "eu" } },
      SESSION_ISSUERS: [{ preset: "auth0", issuer: "https://t.eu.auth0.com/", audience: ["https://api.test"] }],
    });
    expect(beyond(template, tomlOf(config))).toEqual([
      'ALLOWED_ORIGINS = ["https://app.example.com"]',
      'appId = "your-app-id"',
      'region = "us"',
      'issuer = "https://auth.example.com"',
      'audience = ["chat"]',
    ]);
    expect(beyond(tomlOf(config), template)).toHaveLength(6);
    expect(stdout).toContain('- appId = "your-app-id"\n- region = "us"\n+ appId = "2753abc"\n+ region = "eu"\n');
    expect(stdout).toContain("+ COMETCHAT_API_KEY=(not shown)");
  });

  it("writes a new setting above the examples in comments", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    writeFileSync(config, tomlOf(config).replace(/^# (\[vars\.PLACEMENT\]|default = "main")/gm, "$1"));
    expect(await problemsIn(config)).toEqual([]);
  });

  it("writes the key to .dev.vars alone, which only its owner may read", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    expect(secretsOf(config)).toBe(`COMETCHAT_API_KEY=${API_KEY}\n`);
    expect(statSync(join(dirname(config), ".dev.vars")).mode & 0o777).toBe(0o600);
  });

  it("keeps the other lines of .dev.vars, and lets only its owner read it", async () => {
    const config = clone({
      ".dev.vars": `# mine\nBACKEND_SECRET='${"a".repeat(32)}\nb'\nCOMETCHAT_API_KEY=old # the key\nOTHER=1`,
    });
    chmodSync(join(dirname(config), ".dev.vars"), 0o644);
    await setup(config, [...APP, ...AUTH0], API_KEY);
    expect(secretsOf(config)).toBe(
      `# mine\nBACKEND_SECRET='${"a".repeat(32)}\nb'\nCOMETCHAT_API_KEY=${API_KEY} # the key\nOTHER=1`,
    );
    expect(statSync(join(dirname(config), ".dev.vars")).mode & 0o777).toBe(0o600);
  });

  it("prints the three commands that remain", async () => {
    const config = clone();
    const { stdout } = await setup(config, [...APP, ...AUTH0], API_KEY);
    expect(stdout).toMatch(
      /Run these commands next:\n {2}npx wrangler secret bulk .+\.dev\.vars.*\n {2}npm run deploy.*\n {2}npm run doctor.*\n$/,
    );
  });

  it("changes nothing if it is run twice", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    const before = [tomlOf(config), secretsOf(config), statSync(config).mtimeMs];
    const { status, stdout } = await setup(config, [...APP, ...AUTH0], API_KEY);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Nothing to change\.\n\nRun these commands next:/);
    expect([tomlOf(config), secretsOf(config), statSync(config).mtimeMs]).toEqual(before);
  });

  it("keeps settings for which there is no flag", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    const own = tomlOf(config).replace(
      'audience = ["https://api.test"]',
      'audience = ["https://api.test"] # ours\nuid = { prefix = "a_" }',
    );
    writeFileSync(config, `${own}[vars.PROVISIONING]\nsync = false\n`);
    const { status } = await setup(config, ["--yes", "--region", "in"]);
    expect(status).toBe(0);
    expect(tomlOf(config)).toBe(`${own}[vars.PROVISIONING]\nsync = false\n`.replace('region = "eu"', 'region = "in"'));
  });

  it("replaces a provider with another one, and removes settings that only the first needs", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    writeFileSync(
      config,
      tomlOf(config).replace('preset = "auth0"', 'preset = "auth0"\nalgorithms = ["PS256"]\nsessionIdClaim = "mine"'),
    );
    const clerk = ["--yes", "--preset", "clerk", "--issuer", "clerk.example.com", "--replace", "t.eu.auth0.com"];
    const replaced = await setup(config, clerk);
    expect(replaced.stdout).toContain("https://t.eu.auth0.com/ is removed: the gateway will refuse its sessions.");
    expect((await setup(config, clerk)).stdout).toMatch(/^Nothing to change/);
    expect(varsOf(config).SESSION_ISSUERS).toEqual([
      {
        preset: "clerk",
        issuer: "https://clerk.example.com",
        authorizedParties: ["https://app.test"],
        sessionIdClaim: "mine",
      },
    ]);
    expect(await problemsIn(config)).toEqual([]);
  });

  it("writes the origins without wildcards as Clerk's authorized parties, unless the operator has named others", async () => {
    const config = clone();
    await setup(
      config,
      [...APP, "--origin", "https://*.app.test", "--preset", "clerk", "--issuer", "clerk.app.test"],
      API_KEY,
    );
    const parties = () => (varsOf(config).SESSION_ISSUERS[0] as { authorizedParties: string[] }).authorizedParties;
    expect(parties()).toEqual(["https://app.test"]);
    await setup(config, ["--yes", "--origin", "https://new.test"]);
    expect(parties()).toEqual(["https://new.test"]);
    await setup(config, ["--yes", "--authorized-party", "mobile"]);
    await setup(config, ["--yes", "--origin", "https://newer.test"]);
    expect(varsOf(config).ALLOWED_ORIGINS).toEqual(["https://newer.test"]);
    expect(parties()).toEqual(["mobile"]);
  });

  it("reads a secret from the line after the key", async () => {
    const config = clone();
    const args = [...APP, "--preset", "hs256", "--issuer", "my-backend", "--audience", "chat", "--secret-stdin"];
    const { status } = await setup(config, args, `${API_KEY}\n${HMAC_KEY}\n`);
    expect(status).toBe(0);
    expect(varsOf(config).SESSION_ISSUERS).toEqual([
      { issuer: "my-backend", audience: ["chat"], secret: "SESSION_SECRET" },
    ]);
    expect(secretsOf(config)).toBe(`COMETCHAT_API_KEY=${API_KEY}\nSESSION_SECRET=${HMAC_KEY}\n`);
    expect(await problemsIn(config)).toEqual([]);
  });

  it("names a missing secret without demanding it, since Cloudflare may have it", async () => {
    const config = clone();
    const { status, stdout } = await setup(config, [...APP.filter((flag) => flag !== "--api-key-stdin"), ...AUTH0]);
    expect(status).toBe(0);
    expect(stdout).toContain("COMETCHAT_API_KEY is not in ");
    expect(stdout).toContain("npx wrangler secret put COMETCHAT_API_KEY");
    expect(existsSync(join(dirname(config), ".dev.vars"))).toBe(false);
  });

  it("edits a file without the tables, and one with CR LF", async () => {
    const config = join(
      folder({
        "wrangler.toml": 'name = "g"\r\nmain = "src/index.ts"\r\n\r\n# mine\r\n[observability]\r\nenabled = true\r\n',
      }),
      "wrangler.toml",
    );
    const { status } = await setup(config, [...APP, ...AUTH0], API_KEY);
    expect(status).toBe(0);
    expect(tomlOf(config)).toContain("# mine\r\n[observability]\r\nenabled = true\r\n");
    expect(tomlOf(config).replaceAll("\r\n", "")).not.toContain("\n");
    expect(varsOf(config)).toMatchObject({
      COMETCHAT_APPS: { main: { appId: "2753abc", region: "eu" } },
      SESSION_ISSUERS: [{ preset: "auth0" }],
    });
  });

  const several = `${template.replace(/^audience = .*$/m, '$&\nuid = { prefix = "a_" }')}[[vars.SESSION_ISSUERS]]\nissuer = "https://b.test"\naudience = ["chat"]\nuid = { prefix = "b_" }\n[vars.COMETCHAT_APPS.eu]\nappId = "eu1"\nregion = "eu"\n`;
  it("changes the named app and issuer if there are several", async () => {
    const config = clone({ "wrangler.toml": several });
    const named = ["--app", "eu", "--app-id", "eu2", "--issuer", "https://b.test", "--audience", "other"];
    expect((await setup(config, ["--yes", ...named])).status).toBe(2);
    const placed = clone({
      "wrangler.toml": several.replace("# [vars.PLACEMENT]\n# default", "[vars.PLACEMENT]\ndefault"),
    });
    const done = await setup(placed, ["--yes", ...named]);
    expect(done.stderr).toBe("");
    expect(varsOf(placed).COMETCHAT_APPS).toMatchObject({ main: { appId: "your-app-id" }, eu: { appId: "eu2" } });
    expect(varsOf(placed).SESSION_ISSUERS).toMatchObject([{ audience: ["chat"] }, { audience: ["other"] }]);
  });

  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["no app id", ["--yes"], /--app-id is missing/],
    ["no issuer", ["--yes", "--app-id", "a"], /--issuer is missing/],
    ["an unknown region", [...APP, ...AUTH0, "--region", "asia"], /--region: .+must be one of "us", "eu", "in"/],
    ["an app id that cannot be one", [...APP, ...AUTH0, "--app-id", "my app"], /--app-id: /],
    ["an origin with a path", [...APP, ...AUTH0, "--origin", "https://app.test/x"], /--origin: .+no path/],
    [
      "an issuer with plain http",
      [...APP, "--preset", "keycloak", "--issuer", "http://sso.test/realms/a", "--audience", "a"],
      /--issuer: .+must begin with https/,
    ],
    ["no audience", [...APP, "--preset", "auth0", "--issuer", "t.auth0.com"], /--audience: .+is missing/],
    ["an unknown preset", [...APP, "--preset", "autho"], /--preset must be one of auth0, clerk/],
    ["a key on the command line, which is not repeated", ["--yes", API_KEY], /secrets are read from standard input/],
    ["an option for the key", ["--yes", "--api-key", API_KEY], /Unknown option '--api-key'/],
    ["a secret for a provider that has none", [...APP, ...AUTH0, "--secret-stdin"], /--secret-stdin is for a provider/],
    ["no terminal", [], /no terminal to ask questions in/],
  ];
  it.each(wrong)("ends with 2 and writes nothing after wrong usage: %s", async (_, args, says) => {
    const config = clone();
    const { status, stdout, stderr } = await setup(config, args, `${API_KEY}\n${HMAC_KEY}\n`);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(says);
    expect(tomlOf(config)).toBe(template);
    expect(existsSync(join(dirname(config), ".dev.vars"))).toBe(false);
  });

  it.each([
    ["a file that does not exist", () => "/nonexistent/wrangler.toml", /no such file/],
    [
      "a file that is no TOML",
      () => join(folder({ "wrangler.toml": "[vars\nKEY = 1" }), "wrangler.toml"),
      /illegal character in key \(line 1\)/,
    ],
    [
      "variables that are written in one line",
      () => clone({ "wrangler.toml": 'vars = { COMETCHAT_APPS = { main = { appId = "a", region = "us" } } }\n' }),
      /^$/,
    ],
  ])("edits any TOML, and reports a file that it cannot edit: %s", async (_, config, says) => {
    const { stderr, status } = await setup(config(), [...APP, ...AUTH0], API_KEY).catch((error) => ({
      stderr: String(error),
      status: 1,
    }));
    expect(stderr).toMatch(says);
    expect(status).toBe(says.source === "^$" ? 0 : 1);
  });
});

const FIREBASE = ["--yes", "--preset", "firebase", "--issuer", "my-project"];
const firebase = { preset: "firebase", issuer: "https://securetoken.google.com/my-project" };
const auth0 = { preset: "auth0", issuer: "https://t.eu.auth0.com/", audience: ["https://api.test"] };

describe("a project with its configuration in JSON", () => {
  it.each(["wrangler.json", "wrangler.jsonc"])(
    "is not edited by setup, which says so in a sentence: %s",
    async (name) => {
      const text = '{ "name": "g" } // ours\n';
      const files = folder({ [name]: text });
      for (const config of [join(files, name), join(files, "wrangler.toml")]) {
        const { status, stderr } = await setup(config, [...APP, ...AUTH0], API_KEY);
        expect(status).toBe(1);
        expect(stderr).toBe(
          `The setup edits TOML only, and ${join(files, name)} is JSON. Enter the settings there by hand, as docs/configuration.md describes them, and check them: npm run doctor -- --config ${join(files, name)}\n`,
        );
      }
      expect(tomlOf(join(files, name))).toBe(text);
      expect(existsSync(join(files, "wrangler.toml"))).toBe(false);
    },
  );

  it("is read by the doctor and the import if it is named, and they say its name if it is not", async () => {
    const text = '{ "name": "g", "vars": { "ALLOWED_ORIGINS": ["https://app.test"] } } // ours\n';
    const files = folder({ "wrangler.jsonc": text });
    const config = join(files, "wrangler.jsonc");
    expect(readEnvironment({ config: join(files, "wrangler.toml") })).toEqual({
      ok: false,
      error: `There is no ${join(files, "wrangler.toml")}, but there is ${config}: read it with --config ${config}`,
    });
    expect(readEnvironment({ config })).toMatchObject({ ok: true, value: { ALLOWED_ORIGINS: ["https://app.test"] } });
  });
});

describe("npm run setup with a second identity provider", () => {
  const withAuth0 = async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    return config;
  };

  it("adds it, says which users get new uids, and changes nothing if it is run again", async () => {
    const config = await withAuth0();
    const before = tomlOf(config);
    const args = [...FIREBASE, "--add", "--shared-users"];
    const { status, stdout, stderr } = await setup(config, args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(varsOf(config).SESSION_ISSUERS).toEqual([
      { ...auth0, uid: { shared: true } },
      { ...firebase, uid: { shared: true } },
    ]);
    expect(stdout).toContain("Users of https://t.eu.auth0.com/ whose subject is hashed get new uids");
    expect(beyond(before, tomlOf(config))).toEqual([]);
    expect(await problemsIn(config)).toEqual([]);
    const after = tomlOf(config);
    expect((await setup(config, args)).stdout).toMatch(/^Nothing to change/);
    expect((await setup(config, FIREBASE)).stdout).toMatch(/^Nothing to change/);
    expect(tomlOf(config)).toBe(after);
  });

  it("adds it below the first one, with a prefix for each", async () => {
    const config = await withAuth0();
    const first = await setup(config, ["--yes", "--uid-prefix", "web_"]);
    expect(first.stdout).toContain("Users of https://t.eu.auth0.com/ that exist get new uids");
    expect(await setup(config, [...FIREBASE, "--add", "--uid-prefix", "app_"])).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(tomlOf(config)).toContain(
      '\naudience = ["https://api.test"]\n\n[[vars.SESSION_ISSUERS]]\npreset = "firebase"\nissuer = "https://securetoken.google.com/my-project"\nuid = { prefix = "app_" }\n\n# Everything below',
    );
    expect(varsOf(config).SESSION_ISSUERS).toMatchObject([{ uid: { prefix: "web_" } }, { uid: { prefix: "app_" } }]);
    expect(await problemsIn(config)).toEqual([]);
    expect(await setup(config, ["--yes", "--region", "in"])).toMatchObject({ status: 0, stderr: "" });
    const replaced = await setup(
      config,
      [...APP, ...AUTH0, "--issuer", "new.auth0.com", "--replace", firebase.issuer],
      API_KEY,
    );
    expect(replaced.stdout).toContain(`${firebase.issuer} is removed: the gateway will refuse its sessions.`);
    expect(varsOf(config).SESSION_ISSUERS).toMatchObject([auth0, { issuer: "https://new.auth0.com/" }]);
  });

  it("gives a second secret a name of its own", async () => {
    const config = clone();
    const backend = (issuer: string) => [
      "--preset",
      "hs256",
      "--issuer",
      issuer,
      "--audience",
      "chat",
      "--secret-stdin",
    ];
    await setup(config, [...APP, ...backend("one"), "--uid-prefix", "a_"], `${API_KEY}\n${HMAC_KEY}\n`);
    const other = `${HMAC_KEY}-2`;
    const args = ["--yes", ...backend("two"), "--add", "--uid-prefix", "b_"];
    expect(await setup(config, args, other)).toMatchObject({ status: 0, stderr: "" });
    expect(varsOf(config).SESSION_ISSUERS).toMatchObject([
      { secret: "SESSION_SECRET" },
      { secret: "SESSION_SECRET_2" },
    ]);
    expect(secretsOf(config)).toContain(`SESSION_SECRET=${HMAC_KEY}\nSESSION_SECRET_2=${other}\n`);
    expect((await setup(config, args, other)).stdout).toMatch(/^Nothing to change/);
  });

  it("changes the authorized parties of every Clerk entry with the origins", async () => {
    const config = clone();
    const clerk = (name: string) => ["--preset", "clerk", "--issuer", name];
    await setup(config, [...APP, ...clerk("a.test"), "--uid-prefix", "a_"], API_KEY);
    await setup(config, ["--yes", ...clerk("b.test"), "--add", "--uid-prefix", "b_"]);
    await setup(config, ["--yes", "--origin", "https://new.test"]);
    const follows = { authorizedParties: ["https://new.test"] };
    expect(varsOf(config).SESSION_ISSUERS).toMatchObject([follows, follows]);
  });

  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["neither added nor replaced", FIREBASE, /another issuer \(https:\/\/t\.eu\.auth0\.com\/\).+--add .+--replace/],
    ["both", [...FIREBASE, "--add", "--replace", "https://t.eu.auth0.com/"], /cannot be used together/],
    ["added without a decision about uids", [...FIREBASE, "--add"], /^--uid-prefix or --shared-users: /],
    ["replacing an issuer that is not there", [...FIREBASE, "--replace", "x"], /--replace must name an issuer/],
    ["--add without an issuer", ["--yes", "--add"], /need --issuer/],
  ];
  it.each(refused)("ends with 2 and writes nothing: %s", async (_, args, says) => {
    const config = await withAuth0();
    const before = tomlOf(config);
    const { status, stderr } = await setup(config, args);
    expect(status).toBe(2);
    expect(stderr).toMatch(says);
    expect(tomlOf(config)).toBe(before);
  });
});

describe("npm run setup with the flags of a provider", () => {
  it("knows a provider for each preset", () => {
    expect(
      providers
        .filter(({ isPreset }) => isPreset)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(presets).sort());
  });

  const pem =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
  const rows: readonly (readonly [string, readonly string[], object])[] = [
    ["auth0", ["t.eu.auth0.com", "--audience", "a"], { issuer: "https://t.eu.auth0.com/", audience: ["a"] }],
    [
      "clerk",
      ["https://x.clerk.accounts.dev/"],
      { issuer: "https://x.clerk.accounts.dev", authorizedParties: ["https://app.test"] },
    ],
    ["supabase", ["https://abc.supabase.co"], { issuer: "https://abc.supabase.co/auth/v1" }],
    ["firebase", ["my-project"], { issuer: "https://securetoken.google.com/my-project" }],
    [
      "cognito",
      ["eu-west-1_Ab1", "--authorized-party", "client"],
      { issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1", authorizedParties: ["client"] },
    ],
    [
      "entra",
      ["11111111-2222-3333-4444-555555555555", "--audience", "a"],
      { issuer: "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0", audience: ["a"] },
    ],
    [
      "okta",
      ["org.okta.com", "--audience", "api://default"],
      { issuer: "https://org.okta.com/oauth2/default", audience: ["api://default"] },
    ],
    [
      "keycloak",
      ["https://sso.test/realms/main/", "--authorized-party", "web"],
      { issuer: "https://sso.test/realms/main", authorizedParties: ["web"] },
    ],
    ["workos", ["client_01AB"], { issuer: "https://api.workos.com/user_management/client_01AB" }],
    ["better-auth", ["https://app.test"], { issuer: "https://app.test" }],
    ["authjs", ["https://app.test"], { issuer: "https://app.test" }],
    ["nextauth", ["https://app.test"], { issuer: "https://app.test" }],
    [
      "openid-connect",
      ["https://idp.test", "--audience", "a", "--audience", "b"],
      { issuer: "https://idp.test", audience: ["a", "b"] },
    ],
    [
      "hs256",
      ["my-backend", "--audience", "chat"],
      { issuer: "my-backend", audience: ["chat"], secret: "SESSION_SECRET" },
    ],
    [
      "public-key",
      ["my-backend", "--audience", "chat", "--public-key", join(folder({ "key.pem": pem }), "key.pem")],
      { issuer: "my-backend", audience: ["chat"], publicKey: pem.trim() },
    ],
  ];
  it("is tested here for every provider", () => {
    expect(rows.map(([name]) => name)).toEqual(providers.map(({ name }) => name));
  });
  it.each(rows)("writes a right entry: %s", async (name, [issuer = "", ...rest], entry) => {
    const config = clone();
    const env = { AUTH_SECRET: HMAC_KEY, NEXTAUTH_SECRET: HMAC_KEY, SESSION_SECRET: HMAC_KEY };
    const { status, stderr } = await setup(
      config,
      [...APP, "--preset", name, "--issuer", issuer, ...rest],
      API_KEY,
      env,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [written] = varsOf(config).SESSION_ISSUERS;
    expect(written).toEqual({ ...(Object.hasOwn(presets, name) && { preset: name }), ...entry });
    writeFileSync(
      join(dirname(config), ".dev.vars"),
      Object.entries({ ...env, COMETCHAT_API_KEY: API_KEY })
        .map(([key, value]) => `${key}=${value}\n`)
        .join(""),
    );
    expect(await problemsIn(config)).toEqual([]);
  });
});

describe("npm run setup with --env", () => {
  it("writes everything that the environment does not inherit, and its own secrets", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    const top = tomlOf(config);
    const { status, stdout } = await setup(
      config,
      ["--yes", "--env", "staging", "--app-id", "st1", "--api-key-stdin", "--origin", "https://staging.test"],
      API_KEY,
    );
    expect(status).toBe(0);
    expect(tomlOf(config).startsWith(top)).toBe(true);
    expect(await problemsIn(config, "staging")).toEqual([]);
    expect(await problemsIn(config)).toEqual([]);
    const { env } = parse(tomlOf(config)) as unknown as {
      env: { staging: { vars: Vars; ratelimits: { namespace_id: string }[] } };
    };
    expect(env.staging.vars).toMatchObject({
      ALLOWED_ORIGINS: ["https://staging.test"],
      COMETCHAT_APPS: { main: { appId: "st1", region: "eu" } },
    });
    expect(env.staging.ratelimits.map(({ namespace_id }) => namespace_id)).toEqual(["2001", "2002"]);
    expect(secretsOf(config, ".dev.vars.staging")).toContain("COMETCHAT_API_KEY=");
    expect(stdout).toMatch(
      /npx wrangler secret bulk .+\.dev\.vars\.staging --env staging .+\n {2}npm run deploy -- --env staging .+\n {2}npm run doctor -- --env staging/,
    );
    const second = await setup(config, [
      "--yes",
      "--env",
      "staging",
      "--app-id",
      "st1",
      "--origin",
      "https://staging.test",
    ]);
    expect(second.stdout).toMatch(/^Nothing to change/);
  });

  it("completes an environment that lacks something", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    writeFileSync(config, `${tomlOf(config)}\n[env.staging.vars]\nALLOWED_ORIGINS = ["https://s.test"] # mine\n`);
    await setup(config, ["--yes", "--env", "staging", "--app-id", "st1", "--api-key-stdin"], API_KEY);
    expect(await problemsIn(config, "staging")).toEqual([]);
    expect(tomlOf(config)).toContain('ALLOWED_ORIGINS = ["https://s.test"] # mine');
  });
});

describe("npm run setup in a terminal", () => {
  const talk = (config: string, turns: readonly Turn[], args: readonly string[] = []) =>
    converse([script, "--config", config, ...args], turns, { cwd: root });
  const app: readonly Turn[] = [
    ["App ID of your CometChat app", `2753abc${ENTER}`],
    ["Region of the app", DOWN + ENTER],
    ["REST API key", API_KEY + ENTER],
    ["Web origins", `https://app.test https://www.app.test${ENTER}`],
  ];
  const choose = (name: string): Turn => [
    "Who issues",
    DOWN.repeat(providers.findIndex((one) => one.name === name)) + ENTER,
  ];

  it("asks for the settings of Auth0, shows the change, and writes it", async () => {
    const config = clone();
    const { status, text } = await talk(config, [
      ...app,
      choose("auth0"),
      ["Domain (Applications", `t.eu.auth0.com${ENTER}`],
      ["Identifier of your API", `https://api.test${ENTER}`],
      [/\+ preset = "auth0"[\s\S]+Write this\?/, ENTER],
    ]);
    expect(status).toBe(0);
    expect(varsOf(config)).toEqual({
      ALLOWED_ORIGINS: ["https://app.test", "https://www.app.test"],
      COMETCHAT_APPS: { main: { appId: "2753abc", region: "eu" } },
      SESSION_ISSUERS: [{ preset: "auth0", issuer: "https://t.eu.auth0.com/", audience: ["https://api.test"] }],
    });
    expect(await problemsIn(config)).toEqual([]);
    expect(secretsOf(config)).toBe(`COMETCHAT_API_KEY=${API_KEY}\n`);
    expect(text).not.toContain(API_KEY);
    expect(text).toMatch(/Run these commands next:\s+npx wrangler secret bulk/);
  });

  it("asks for nothing that Clerk's preset knows", async () => {
    const config = clone();
    const { text } = await talk(config, [
      ...app,
      choose("clerk"),
      ["Frontend API URL", `clerk.app.test${ENTER}`],
      ["Write this?", ENTER],
    ]);
    expect(varsOf(config).SESSION_ISSUERS).toEqual([
      {
        preset: "clerk",
        issuer: "https://clerk.app.test",
        authorizedParties: ["https://app.test", "https://www.app.test"],
      },
    ]);
    expect(text).not.toMatch(/audience of|client ID|secret that/i);
  });

  it("asks which of Cognito's tokens are used", async () => {
    const config = clone();
    await talk(config, [
      ...app,
      choose("cognito"),
      ["User pool ID", `eu-west-1_Ab1${ENTER}`],
      ["Which tokens", DOWN + ENTER],
      ["App client ID", `client${ENTER}`],
      ["Write this?", ENTER],
    ]);
    expect(varsOf(config).SESSION_ISSUERS).toEqual([
      {
        preset: "cognito",
        issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1",
        authorizedParties: ["client"],
      },
    ]);
  });

  it("asks for the secret of a backend of your own, and does not show it", async () => {
    const config = clone();
    const { text } = await talk(config, [
      ...app,
      choose("hs256"),
      ["as iss", `my-backend${ENTER}`],
      ["as aud", ENTER],
      ["your backend signs with", HMAC_KEY + ENTER],
      ["Write this?", ENTER],
    ]);
    expect(varsOf(config).SESSION_ISSUERS).toEqual([
      { issuer: "my-backend", audience: ["chat"], secret: "SESSION_SECRET" },
    ]);
    expect(secretsOf(config)).toContain(`SESSION_SECRET=${HMAC_KEY}`);
    expect(text).not.toContain(HMAC_KEY);
    expect(await problemsIn(config)).toEqual([]);
  });

  it("reports a wrong answer at once, in the gateway's words", async () => {
    const config = clone();
    const { text } = await talk(config, [
      ["App ID", `my app${ENTER}`],
      ["Must be the app ID, as on the CometChat dashboard", `\u007f\u007f\u007f\u007f${ENTER}`],
      ["Region", ENTER],
      ["REST API key", API_KEY + ENTER],
      ["Web origins", `https://app.test/${ENTER}`],
      [/no slash at the end/, `\u007f${ENTER}`],
      choose("openid-connect"),
      ["Issuer, as in", `http://idp.test${ENTER}`],
      ["Must begin with https", INTERRUPT],
    ]);
    expect(text).toContain("Nothing was written.");
    expect(tomlOf(config)).toBe(template);
  });

  it("has the answers already if it is run again, and changes nothing", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    const before = tomlOf(config);
    const { status, text } = await talk(config, [
      ["App ID", ENTER],
      ["Region", ENTER],
      ["to keep the one in .dev.vars", ENTER],
      ["Web origins", ENTER],
      ["Who issues", ENTER],
      ["Domain", ENTER],
      ["Identifier", ENTER],
    ]);
    expect(status).toBe(0);
    expect(text).toContain("Nothing to change.");
    expect(tomlOf(config)).toBe(before);
    expect(secretsOf(config)).toBe(`COMETCHAT_API_KEY=${API_KEY}\n`);
  });

  it("keeps settings for which it does not ask, if it is run again", async () => {
    const config = clone();
    const args = [...APP, "--preset", "hs256", "--issuer", "my-backend", "--audience", "chat", "--secret-stdin"];
    await setup(config, args, `${API_KEY}\n${HMAC_KEY}\n`);
    writeFileSync(config, tomlOf(config).replace('"SESSION_SECRET"', '"MINE"\nauthorizedParties = ["web"]'));
    writeFileSync(join(dirname(config), ".dev.vars"), secretsOf(config).replace("SESSION_SECRET", "MINE"));
    const before = [tomlOf(config), secretsOf(config)];
    const { text } = await talk(config, [
      ["App ID", ENTER],
      ["Region", ENTER],
      ["to keep the one in .dev.vars", ENTER],
      ["Web origins", ENTER],
      ["Who issues", ENTER],
      ["as iss", ENTER],
      ["as aud", ENTER],
      [/backend signs with.+to keep the one in .dev.vars/, ENTER],
    ]);
    expect(text).toContain("Nothing to change.");
    expect([tomlOf(config), secretsOf(config)]).toEqual(before);
  });

  const again: readonly Turn[] = [
    ["App ID", ENTER],
    ["Region", ENTER],
    ["to keep the one in .dev.vars", ENTER],
    ["Web origins", ENTER],
    // From Auth0 down to Firebase.
    ["Who issues", DOWN.repeat(3) + ENTER],
    ["Project ID", `my-project${ENTER}`],
  ];

  it("asks whether another provider is added, and how its users are told apart", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    const { status } = await talk(config, [
      ...again,
      ["What should happen to it?", ENTER],
      ["Who are the users", ENTER],
      ["Prefix for the uids of https://t.eu.auth0.com/", `a_${ENTER}`],
      ["Prefix for the uids of https://securetoken", `a_b${ENTER}`],
      [/[Mm]ust differ/, `\u007f\u007f\u007fb_${ENTER}`],
      [/get new uids[\s\S]+Write this\?/, ENTER],
    ]);
    expect(status).toBe(0);
    expect(varsOf(config).SESSION_ISSUERS).toEqual([
      { ...auth0, uid: { prefix: "a_" } },
      { ...firebase, uid: { prefix: "b_" } },
    ]);
    expect(await problemsIn(config)).toEqual([]);
  });

  it("asks which provider another one replaces", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    const { status } = await talk(config, [
      ...again,
      ["What should happen to it?", DOWN + ENTER],
      [/auth0\.com\/ is removed[\s\S]+Write this\?/, ENTER],
    ]);
    expect(status).toBe(0);
    expect(varsOf(config).SESSION_ISSUERS).toEqual([firebase]);
  });

  it("has the answers of one of several providers if it is run again", async () => {
    const config = clone();
    await setup(config, [...APP, ...AUTH0], API_KEY);
    await setup(config, [...FIREBASE, "--add", "--shared-users"]);
    const before = tomlOf(config);
    const { text } = await talk(
      config,
      [...again.slice(0, 4), ["Who issues", ENTER], ["Project ID", ENTER]],
      ["--issuer", "my-project"],
    );
    expect(text).toContain("Nothing to change.");
    expect(tomlOf(config)).toBe(before);
  });

  it("writes nothing if the change is not confirmed", async () => {
    const config = clone();
    const { status } = await talk(config, [
      ...app,
      choose("better-auth"),
      ["baseURL", `https://app.test${ENTER}`],
      ["Write this?", `n`],
    ]);
    expect(status).toBe(1);
    expect(tomlOf(config)).toBe(template);
    expect(existsSync(join(dirname(config), ".dev.vars"))).toBe(false);
  });
});
