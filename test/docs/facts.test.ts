import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fields, REGIONS } from "../../src/cometchat/fields.ts";
import { codes } from "../../src/errors.ts";
import { NUMBERS, TEXTS } from "../../src/telemetry/report.ts";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");
const operate = read("docs/operate.md");
const configuration = read("docs/configuration.md");

/** The text holds this as code, alone or among other code. */
const named = (word: string) => new RegExp(`\`[^\`\n]*(?<![\\w-])${word}(?![\\w-])[^\`\n]*\``);

describe("what stands once in the code is on the page for it", () => {
  it.each(Object.keys(codes))("who is to act on %s: docs/operate.md", (code) => {
    const [, table = ""] = /^\| `code` of a request .*\n((?:\|.*\n)+)/m.exec(operate) ?? [];
    const cells = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = ""]) => [...cell.matchAll(/`([^`]+)`/g)]);
    const patterns = cells.map(([, pattern = ""]) => new RegExp(`^${pattern.replace("*", ".+")}$`));
    expect(patterns.some((pattern) => pattern.test(code))).toBe(true);
  });

  it("what a request's line holds: docs/operate.md", () => {
    const [, line = ""] = /function lineOf[\s\S]*?return \{([\s\S]*?)\n {2}\};/.exec(read("src/http/enter.ts")) ?? [];
    const names = [...line.matchAll(/^ {4}(\w+)[:,]/gm)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(12);
    for (const name of new Set([...names, ...TEXTS, ...NUMBERS])) {
      expect([name, operate.includes(`"${name}":`) || operate.includes(`\`${name}\``)]).toEqual([name, true]);
    }
  });

  it.each(fields.map(([field]) => field))("the profile's %s: docs/configuration.md, docs/backends.md", (field) => {
    expect(configuration).toMatch(named(field));
    expect(read("docs/backends.md")).toMatch(named(field));
  });

  it.each(REGIONS)("the region %s: docs/configuration.md", (region) => {
    expect(configuration).toMatch(new RegExp(`\`${region}\``));
  });
});
