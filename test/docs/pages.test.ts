import { execFileSync } from "node:child_process";
import { access, glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Loader, transform } from "esbuild";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { codes } from "../../src/errors.ts";
import { presets } from "../../src/session/presets.ts";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFile(join(root, name), "utf8");
const deployment = await read("wrangler.toml");
/** Every page by its path, also the README and other pages of the root folder. */
const pages = new Map<string, string>();
for await (const name of glob(["*.md", "docs/**/*.md"], { cwd: root })) pages.set(name, await read(name));
const page = (name: string): string => pages.get(name) ?? "";
const everyPage = [...pages].map(([name, text]) => [name, text] as const);
const snippets = everyPage.flatMap(([name, text]) =>
  [...text.matchAll(/```toml\n([^`]+)```/g)].map(([, toml]) => [name, (toml ?? "").trim()] as const),
);
/** wrangler.toml with every example in it active. */
const withExamples = deployment.replace(/^# (\[(vars\.|placement).*\]|\w+ = .*)$/gm, "$1");
/** Blocks of code that a reader may copy, except TOML: page, language, code. */
const blocks = everyPage.flatMap(([name, text]) =>
  [...text.matchAll(/^ *```(js|jsx|ts|tsx|json|sh)\n([^`]*(?:`[^`]+`[^`]*)*?)^ *```/gm)].map(
    ([, language, code]) => [name, language ?? "", code ?? ""] as const,
  ),
);

type Vars = Readonly<Record<string, unknown>>;
const varsOf = (toml: string): Vars => (parse(toml.replace(/^ {3}/gm, "")) as { vars: Vars }).vars;

const KEY = "0123456789abcdef0123456789abcdef01234567";
const bindings = {
  USERS: { get: () => null },
  LEDGER: { getByName: () => null },
  HOME: { getByName: () => null },
  ONCE: { getByName: () => null },
  RATE_LIMIT_IP: { limit: () => null },
  RATE_LIMIT_USER: { limit: () => null },
  COMETCHAT_API_KEY: KEY,
  COMETCHAT_API_KEY_US: KEY,
  COMETCHAT_API_KEY_EU: KEY,
  AUTH_SECRET: btoa("1".repeat(32)),
  SESSION_SECRET: btoa("2".repeat(32)),
  TOKEN_ENCRYPTION_KEY: btoa("0".repeat(32)),
};
const app = { appId: "2753abc", region: "us" };
const rest = { COMETCHAT_APPS: { main: app }, SESSION_ISSUERS: [{ issuer: "https://a.example", audience: ["chat"] }] };

async function problemsOf(vars: Vars): Promise<string[]> {
  const parsed = await parseConfig({ ...bindings, ...rest, ...vars });
  return parsed.ok ? [] : parsed.error.map(({ variable, remedy }) => `${variable} ${remedy}`);
}

/** The configuration with a value in place of each `…`, which stands for a value of the reader. */
const filled = (toml: string): string => toml.replaceAll("2753…", "2753abc").replaceAll('"…"', '"2753abc"');

/** The anchor that GitHub gives a heading. */
const anchor = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading ?? ""));

describe("the pages", () => {
  it.each(snippets)("%s has a configuration that the gateway accepts: %s", async (_, toml) => {
    expect(await problemsOf(varsOf(filled(toml)))).toEqual([]);
  });

  it.each(blocks)("%s has a block of %s without syntax errors: %s", async (_, language, code) => {
    if (language === "json") expect(() => JSON.parse(code)).not.toThrow();
    else if (language === "sh") execFileSync("bash", ["-n"], { input: code });
    // A block may have top-level `await` and `import`.
    else await transform(code, { loader: language as Loader, format: "esm" });
  });

  it("have at least two configurations", () => {
    expect(snippets.length).toBeGreaterThanOrEqual(2);
  });

  it.each(everyPage)("%s has only links to files and headings that exist", async (name, text) => {
    for (const [, link = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [path = "", fragment] = link.split("#");
      const target = path === "" ? name : join(dirname(name), path);
      await expect(access(join(root, target)), `${name} links to ${link}`).resolves.toBeUndefined();
      if (fragment !== undefined) expect(anchorsOf(await read(target)), `${name} links to ${link}`).toContain(fragment);
    }
  });

  it.each([...pages.keys()].filter((name) => name.startsWith("docs/")))("%s is linked from the README", (name) => {
    const [, top = "", below] = name.split("/");
    // A page in a folder is linked from the page with the folder's name.
    const from = below === undefined ? "README.md" : `docs/${top}.md`;
    expect(page(from)).toContain(`(${below === undefined ? name : `${top}/${below}`}`);
  });
});

describe("the README", () => {
  it("has at most 200 lines", () => {
    expect(page("README.md").split("\n").length).toBeLessThanOrEqual(200);
  });
});

describe("docs/configuration.md", () => {
  it("names every setting", async () => {
    const source = await read("src/config/schema.ts");
    const settings = [...source.matchAll(/^ +(\w+): (?:optional|rules|record|text|choice)\b/gm)].map(
      ([, name]) => name ?? "",
    );
    expect(settings.length).toBeGreaterThan(30);
    for (const name of settings) {
      expect(page("docs/configuration.md")).toMatch(new RegExp(`\`[^\`\n]*\\b${name}\\b[^\`\n]*\``));
    }
  });
});

describe("docs/providers.md", () => {
  it.each(Object.keys(presets))("names the preset %s", (preset) => {
    expect(page("docs/providers.md")).toContain(`\`${preset}\``);
  });
});

describe("docs/endpoints.md", () => {
  it.each(Object.keys(codes))("names the code %s", (code) => {
    expect(page("docs/endpoints.md")).toContain(`\`${code}\``);
  });
});

describe("docs/standards.md", () => {
  const rows = [...page("docs/standards.md").matchAll(/^\| .+ \| (.+) \| `(test\/[^`]+)` \| (.+) \|$/gm)];
  /** The sections that the rows of a standard's table name. */
  const sectionsOf = (standard: string) => {
    const chapter = page("docs/standards.md")
      .split("\n## ")
      .find((text) => text.startsWith(standard));
    return rows.filter(([row]) => chapter?.includes(row)).map(([, sections]) => sections);
  };

  it.each(rows.map(([, , file = "", title = ""]) => [file, title]))(
    "names tests that exist: %s, %s",
    async (file, title) => {
      const source = await read(file);
      expect([`"${title}"`, `\`${title}\``].some((quoted) => source.includes(quoted))).toBe(true);
    },
  );

  it.each([
    ["RFC 7515", ["§2", "§3.1", "§4", "§4.1.1", "§4.1.4", "§4.1.9", "§4.1.11", "§5.2", "§8", "appendix A"]],
    ["RFC 7519", ["§2", "§4", "§4.1.1", "§4.1.2", "§4.1.3", "§4.1.4", "§4.1.5", "§5.2", "§6", "§7.2", "§7.3", "§8"]],
    ["RFC 8725", Array.from({ length: 12 }, (_, index) => `§3.${index + 1}`)],
    ["OpenID Connect Back-Channel Logout", ["§2.4", "§2.5", "§2.6", "§2.7", "§2.8"]],
    ["Standard Webhooks", ["Signature scheme", "Webhook headers", "Verifying signatures", "Delivery success"]],
  ])("has a row for each section of %s that concerns the gateway", (standard, sections) => {
    const named = sectionsOf(standard);
    const missing = sections.filter((one) => !named.some((row) => new RegExp(`${one}(?![.\\d])`).test(row ?? "")));
    expect(missing).toEqual([]);
  });
});

describe("wrangler.toml", () => {
  it("is a configuration that the gateway accepts, also with all of its examples", async () => {
    expect(await problemsOf(varsOf(deployment))).toEqual([]);
    const vars = {
      ...varsOf(withExamples),
      COMETCHAT_APPS: { main: app, eu: { ...app, region: "eu" }, in: { ...app, region: "in" } },
    };
    expect(Object.keys(vars)).toEqual(expect.arrayContaining(["TOKENS", "PROVISIONING", "PLACEMENT"]));
    expect(await problemsOf(vars)).toEqual([]);
    expect(parse(withExamples)).toHaveProperty("placement");
  });
});
