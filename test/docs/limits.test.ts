import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");

/** A constant that is a number, or is computed only from numbers. */
const NUMBER = /^(?:export )?const (\w+)(?:: [^=]+)? = (?=[^;]*\d)[\d_.e\s*/+()-]+;$/gm;
const numbersIn = (name: string) => [...read(name).matchAll(NUMBER)].map(([, constant]) => `${name}: ${constant}`);

/** What is no code: a comment, a text, a regular expression, in this order. */
const NO_CODE = [
  /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/ .*/g,
  /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`/g,
  /(?<=(?:[(=>,:?|&!]|return) ?|^\s*)\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/gm,
] as const;
/** Numbers that bound nothing: an index, a second's milliseconds, the status of an answer, a pause that is doubled. */
const HARMLESS = /^(?:0|1|1000|[2-5]0\d|41[35]|429|2 \*\*)$/;
const NUMBERS = /(?<![\w.$])\d[\d_.e]*(?: \*\*)?/g;

/** What else there is, part of a form or a factor between units, as the head of src/limits.ts says. */
const FORMS = [
  // The two slashes of an address; the parts of a path.
  ...["src/app.ts: 2", "src/routes/users.ts: 3", "src/routes/webhooks.ts: 3 999"],
  // Bits of a byte and of a letter; a key's DER and the groups of a pattern.
  ...["src/encoding.ts: 8 8 5 6", "src/session/signature.ts: 8", "src/session/jwk.ts: 24 16 2 2 3 256"],
  // The brackets and commas of JSON; an IPv6 address.
  ...["src/identity/profile.ts: 2 2", "src/admission/ratelimit.ts: 8 4 16 16"],
];

function inExpressionsOf(name: string): readonly string[] {
  const code = NO_CODE.reduce((text, pattern) => text.replaceAll(pattern, ""), read(name));
  const numbers = [...code.matchAll(NUMBERS)].map(([number]) => number).filter((number) => !HARMLESS.test(number));
  return numbers.length === 0 ? [] : [`${name}: ${numbers.join(" ")}`];
}

describe("src/limits.ts", () => {
  it("has every number of src, except in the files that it names", () => {
    const elsewhere = /^src\/(client|commands)\/|^src\/(limits|config\/schema|session\/algorithms|ledger\/seal)\.ts$/;
    const others = globSync("src/**/*.ts", { cwd: root }).filter((name) => !elsewhere.test(name));
    expect(numbersIn("src/limits.ts").length).toBeGreaterThan(100);
    expect(others.flatMap(numbersIn)).toEqual([]);
    expect(others.flatMap(inExpressionsOf).sort()).toEqual(FORMS.toSorted());
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
