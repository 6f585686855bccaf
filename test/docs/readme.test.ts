import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { codes } from "../../src/errors.ts";
import { presets } from "../../src/session/presets.ts";

const read = (name: string) => readFile(join(import.meta.dirname, "../..", name), "utf8");
const [readme, deployment] = [await read("README.md"), await read("wrangler.toml")];
const snippets = [...readme.matchAll(/```toml\n([^`]+)```/g)].map(([, text]) => (text ?? "").trim());
/** wrangler.toml with every example in it switched on. */
const switchedOn = deployment.replace(/^# (\[(vars\.|placement).*\]|\w+ = .*)$/gm, "$1");

type Vars = Readonly<Record<string, unknown>>;
const varsOf = (toml: string): Vars => (parse(toml.replace(/^ {3}/gm, "")) as { vars: Vars }).vars;

const KEY = "0123456789abcdef0123456789abcdef01234567";
const bindings = {
  USERS: { get: () => null },
  LEDGER: { getByName: () => null },
  RATE_LIMIT_IP: { limit: () => null },
  RATE_LIMIT_USER: { limit: () => null },
  COMETCHAT_API_KEY: KEY,
  COMETCHAT_API_KEY_US: KEY,
  COMETCHAT_API_KEY_EU: KEY,
  TOKEN_ENCRYPTION_KEY: btoa("0".repeat(32)),
};
const app = { appId: "2753abc", region: "us" };
const rest = { COMETCHAT_APPS: { main: app }, SESSION_ISSUERS: [{ issuer: "https://a.example", audience: ["chat"] }] };

async function problemsOf(vars: Vars): Promise<string[]> {
  const parsed = await parseConfig({ ...bindings, ...rest, ...vars });
  return parsed.ok ? [] : parsed.error.map(({ variable, remedy }) => `${variable} ${remedy}`);
}

/** `…` stands for what is the reader's own. */
const filled = (toml: string): string => toml.replaceAll("2753…", "2753abc").replaceAll('"…"', '"2753abc"');

describe("the README", () => {
  it.each(snippets.map((text) => [text.split("\n").find((line) => line.includes("[")) ?? "", text]))(
    "shows a configuration that the gateway takes: %s",
    async (_, text) => {
      expect(await problemsOf(varsOf(filled(text)))).toEqual([]);
    },
  );

  it("has more than one configuration to show", () => {
    expect(snippets.length).toBeGreaterThanOrEqual(2);
  });

  it("names every setting", async () => {
    const source = await read("src/config/schema.ts");
    const settings = [...source.matchAll(/^ +(\w+): z\./gm)].map(([, name]) => name ?? "");
    expect(settings.length).toBeGreaterThan(30);
    for (const name of settings) expect(readme).toMatch(new RegExp(`\`[^\`\n]*\\b${name}\\b[^\`\n]*\``));
  });

  it.each(Object.keys(presets))("names the preset %s", (preset) => {
    expect(readme).toContain(`\`${preset}\``);
  });

  it.each(Object.keys(codes))("names the code %s", (code) => {
    expect(readme).toContain(`\`${code}\``);
  });
});

describe("wrangler.toml", () => {
  it("is a configuration that the gateway takes, also with all its examples switched on", async () => {
    expect(await problemsOf(varsOf(deployment))).toEqual([]);
    const vars = {
      ...varsOf(switchedOn),
      COMETCHAT_APPS: { main: app, eu: { ...app, region: "eu" }, in: { ...app, region: "in" } },
    };
    expect(Object.keys(vars)).toEqual(expect.arrayContaining(["TOKENS", "PROVISIONING", "PLACEMENT"]));
    expect(await problemsOf(vars)).toEqual([]);
    expect(parse(switchedOn)).toHaveProperty("placement");
  });
});
