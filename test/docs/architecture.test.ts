import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/encoding.ts";
import { documentKey, mappingKey, READY_KEY, sessionKey } from "../../src/kv.ts";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");
const page = read("docs/architecture.md");
const sources = globSync("src/**/*.ts", { cwd: root }).map((name) => read(name));
const { scripts, devDependencies } = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;

/** The text below a heading, up to the next heading of the same or a higher level. */
function chapter(heading: string): string {
  const [, level = "", rest = ""] = new RegExp(`^(#+) ${heading}.*\\n([^]*)`, "m").exec(page) ?? [];
  expect(rest, `a chapter "${heading}"`).not.toBe("");
  return rest.split(new RegExp(`^#{1,${level.length}} `, "m"))[0] ?? "";
}

/** The first cell of each row of a text's tables, without the heads. */
const firstCells = (text: string): string[] =>
  [...text.replaceAll(/^\|.*\n\| -.*$/gm, "").matchAll(/^\| (.*?) \|.*$/gm)].map(([, cell]) => cell ?? "");
const quoted = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code ?? "");
const found = (pattern: RegExp): string[] =>
  sources.flatMap((source) => [...source.matchAll(pattern)].map(([, name]) => name ?? ""));

describe("docs/architecture.md", () => {
  const paths = quoted(page).filter((code) => /^(src|test|docs)\/|^(wrangler\.toml|package\.json)$/.test(code));

  it("names many files, and has ten changes with the files that they need", () => {
    expect(paths.length).toBeGreaterThan(80);
    expect(firstCells(chapter("Where a change goes"))).toHaveLength(10);
  });

  it.each([...new Set(paths)])("names a file that exists: %s", (path) => {
    expect(existsSync(join(root, path))).toBe(true);
  });

  it("has a row for each folder and each file of src, and no other", () => {
    const rooms = quoted(firstCells(chapter("Rooms")).join("\n"));
    const there = globSync(["src/*", "src/*/*"], { cwd: root }).filter(
      (name) => statSync(join(root, name)).isDirectory() || /^src\/\w+\.ts$/.test(name),
    );
    const named = there.map((name) => (name.endsWith(".ts") ? name : `${name}/`));
    expect(rooms.toSorted()).toEqual(named.toSorted());
  });

  it("has an example of each column of each table", () => {
    const described = chapter("Stored data")
      .split(/^Table /m)
      .slice(1)
      .map((text) => [quoted(text)[0], quoted(firstCells(text.split(/^#/m)[0] ?? "").join("\n"))]);
    const created = sources.flatMap((source) =>
      [...source.matchAll(/CREATE TABLE IF NOT EXISTS (\w+) \(([^;]*?)\n? *\)(?:`|")/g)].map(
        ([, name, columns = ""]) => [name, columns.split(",").map((column) => column.trim().split(" ")[0])],
      ),
    );
    expect(created).toHaveLength(found(/(CREATE TABLE)/g).length);
    expect(described).toEqual(created);
  });

  it("has an example of each key in KV", async () => {
    const keys = quoted(firstCells(chapter("KV, namespace")).join("\n"));
    expect(keys).toEqual([
      mappingKey("alice"),
      await sessionKey("https://tenant.eu.auth0.com/", "Zm9vYmFy"),
      await documentKey("https://tenant.eu.auth0.com/.well-known/jwks.json"),
      READY_KEY,
    ]);
    expect(page).toContain(await digestOf("Zm9vYmFy"));
    const begin = (key: string) => key.split(":").slice(0, 2).join(":");
    expect(keys.map(begin)).toEqual([...read("src/kv.ts").matchAll(/[`"](v\d+:\w+)/g)].map(([, start]) => start));
  });

  it("has an example of each member of the values in KV", () => {
    const [mapping = "", document = ""] = [...page.matchAll(/```json\n([^`]+)```/g)].map(([, json]) => json ?? "");
    const [, members = ""] =
      /const mapping = table\(\s*\{([\s\S]*?)\n {2}\},/.exec(read("src/directory/directory.ts")) ?? [];
    const [, parts = ""] = /interface Copy \{([\s\S]*?)\n\}/.exec(read("src/session/copies.ts")) ?? [];
    const names = (text: string) => [...text.matchAll(/^ +(?:readonly )?(\w+):/gm)].map(([, name]) => name);
    expect(Object.keys(JSON.parse(mapping))).toEqual(names(members));
    expect(Object.keys(JSON.parse(document))).toEqual(names(parts));
  });

  it("has a chapter for each Durable Object, with each of its stored values", () => {
    const { durable_objects: objects } = parse(read("wrangler.toml")) as {
      durable_objects: { bindings: { class_name: string }[] };
    };
    const classes = objects.bindings.map(({ class_name: name }) => name);
    expect([...page.matchAll(/^### Durable Object `(\w+)`/gm)].map(([, name]) => name)).toEqual(classes);
    const values = classes.flatMap((name) => quoted(firstCells(chapter(`Durable Object \`${name}\``)).join("\n")));
    const kept = found(/(?:storage\.kv\.(?:get|put|delete)|#fact)(?:<[^(]*>)?\("(\w+)"/g);
    // The Ledger's value is named in its text; Home chooses between two of its values by the kind of an event.
    expect(["uid", ...values]).toEqual(expect.arrayContaining(kept));
    for (const name of quoted(firstCells(chapter("Durable Object `(?:Home|Once)`")).join("\n"))) {
      expect(sources.join("\n")).toContain(`"${name}"`);
    }
  });

  it("names each dependency", () => {
    const named = firstCells(chapter("Dependencies")).flatMap((cell) => cell.split(", "));
    const installed = Object.keys(devDependencies ?? {}).filter((name) => !name.startsWith("@types/"));
    expect(named.toSorted()).toEqual(installed.toSorted());
  });

  it("names each command", () => {
    const named = quoted(firstCells(chapter("Commands")).join("\n"));
    const all = Object.keys(scripts ?? {}).filter((name) => !/^(check:|pre|post)/.test(name));
    const written = all.map((name) => (/^(start|test)$/.test(name) ? `npm ${name}` : `npm run ${name}`));
    expect(named.toSorted()).toEqual([...written, "npm pack"].toSorted());
  });
});
