import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "smol-toml";
import { describe, expect, it } from "vitest";
import { readEnvironment } from "../../src/commands/environment.ts";
import { setup } from "../../src/commands/setup/command.ts";
import { providers } from "../../src/commands/setup/providers.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { API_KEY, folder, HMAC_KEY } from "../commands/place.ts";
import { runHere } from "../support/command.ts";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");
const setupPage = read("docs/setup.md");

async function problemsIn(config: string, env?: string): Promise<readonly string[]> {
  const environment = readEnvironment({ config, env });
  if (!environment.ok) return [environment.error];
  const parsed = await parseConfig(environment.value);
  return parsed.ok ? [] : parsed.error.map(({ variable, remedy }) => `${variable} ${remedy}`);
}

describe("docs/setup.md", () => {
  const commands = [...setupPage.matchAll(/^npm run setup -- (--yes .+) < api-key\.txt$/gm)].map(
    ([, flags]) => flags ?? "",
  );
  it("has four commands with --yes", () => {
    expect(commands).toHaveLength(4);
  });
  it.each(commands)("has a command that sets up a right configuration: %s", async (flags) => {
    const config = join(folder({ "wrangler.toml": read("wrangler.toml") }), "wrangler.toml");
    const ended = await runHere(setup, [...flags.split(" "), "--config", config], {
      input: `${API_KEY}\n${HMAC_KEY}\n`,
    });
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    expect(await problemsIn(config)).toEqual([]);
  });
  it.each(providers.map(({ name }) => name))("names the provider %s", (name) => {
    expect(setupPage).toContain(`\`${name}\``);
  });
  it("names every flag, and no other", () => {
    const flags = [...read("src/commands/setup/flags.ts").matchAll(/^ {8}"?([a-z-]+)"?: \{ type:/gm)].map(
      ([, flag]) => `--${flag}`,
    );
    const table = setupPage.slice(setupPage.indexOf("| flag |"), setupPage.indexOf("The exit status"));
    const named = [...table.matchAll(/`(--[a-z-]+)/g)].map(([, flag]) => flag);
    expect(named.sort()).toEqual(flags.filter((flag) => flag !== "--help").sort());
  });
});

describe("docs/environments.md", () => {
  it("has an environment that the gateway accepts", async () => {
    const [, toml = ""] = /```toml\n([\s\S]+?)```/.exec(read("docs/environments.md")) ?? [];
    const document = { ...parse(read("wrangler.toml")), ...parse(toml.replaceAll("2753…", "2753abc")) };
    const config = join(
      folder({ "wrangler.toml": stringify(document), ".dev.vars.staging": `COMETCHAT_API_KEY=${API_KEY}\n` }),
      "wrangler.toml",
    );
    expect(await problemsIn(config, "staging")).toEqual([]);
  });
});

describe("docs/doctor.md", () => {
  it("names every option", () => {
    const options = [...read("src/commands/doctor/command.ts").matchAll(/^ {8}([a-z]+): \{ type:/gm)].map(
      ([, name]) => `--${name}`,
    );
    expect(options).toContain("--session");
    for (const option of options.filter((one) => one !== "--help"))
      expect(read("docs/doctor.md")).toContain(`| \`${option}`);
  });
});
