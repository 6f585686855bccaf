import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");

/** A constant that is a number, or is computed only from numbers. */
const NUMBER = /^(?:export )?const (\w+)(?:: [^=]+)? = (?=[^;]*\d)[\d_.e\s*/+()-]+;$/gm;
const numbersIn = (name: string) => [...read(name).matchAll(NUMBER)].map(([, constant]) => `${name}: ${constant}`);

describe("src/limits.ts", () => {
  it("has every number of src, except in the files that it names", () => {
    const elsewhere = /^src\/(client|commands)\/|^src\/(limits|config\/schema|session\/algorithms|ledger\/seal)\.ts$/;
    const others = globSync("src/**/*.ts", { cwd: root }).filter((name) => !elsewhere.test(name));
    expect(numbersIn("src/limits.ts").length).toBeGreaterThan(100);
    expect(others.flatMap(numbersIn)).toEqual([]);
  });

  it("has a reason for each number, or for a group of them", () => {
    const [, ...parts] = read("src/limits.ts").split(/\n\n/);
    const silent = parts.flatMap((part) => (/^(?:\/\/|\/\*\*)/.test(part) ? [] : [part.split("\n")[0]]));
    expect(silent).toEqual([]);
  });

  it("has the seconds of every Retry-After", () => {
    const rows = [...read("src/errors.ts").matchAll(/^ {2}"?[\w-]+"?: \[(\d+), "[^"]*", "\w+"(?:, (.*))?\],$/gm)];
    expect(rows.length).toBeGreaterThan(15);
    expect(rows.map(([, , seconds]) => seconds).filter((seconds) => seconds && !/^[A-Z_]+$/.test(seconds))).toEqual([]);
  });
});
