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

/** Finds this word in a code span of the text. */
const named = (word: string) => new RegExp(`\`[^\`\n]*(?<![\\w-])${word}(?![\\w-])[^\`\n]*\``);

describe("each fact of the code is on its page", () => {
  it.each(Object.keys(codes))("docs/operate.md says who has to act on the code %s", (code) => {
    const [, table = ""] = /^\| `code` of a request .*\n((?:\|.*\n)+)/m.exec(operate) ?? [];
    const cells = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = ""]) => [...cell.matchAll(/`([^`]+)`/g)]);
    const patterns = cells.map(([, pattern = ""]) => new RegExp(`^${pattern.replace("*", ".+")}$`));
    expect(patterns.some((pattern) => pattern.test(code))).toBe(true);
  });

  it("docs/operate.md names each field of a request's log line and data point", () => {
    const [, line = ""] = /function lineOf[\s\S]*?return \{([\s\S]*?)\n {2}\};/.exec(read("src/http/enter.ts")) ?? [];
    const names = [...line.matchAll(/^ {4}(\w+)[:,]/gm)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(12);
    for (const name of new Set([...names, ...TEXTS, ...NUMBERS])) {
      expect([name, operate.includes(`"${name}":`) || operate.includes(`\`${name}\``)]).toEqual([name, true]);
    }
  });

  it.each(fields.map(([field]) => field))(
    "docs/configuration.md and docs/backends.md name the profile field %s",
    (field) => {
      expect(configuration).toMatch(named(field));
      expect(read("docs/backends.md")).toMatch(named(field));
    },
  );

  it.each(REGIONS)("docs/configuration.md names the region %s", (region) => {
    expect(configuration).toMatch(new RegExp(`\`${region}\``));
  });
});
