import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");

/** `import … from "x";` on one line or the last of several, `import "x";`, `export … from "x";` and `import("x")`. */
const STATEMENT = /^(?:(?:import|export|\}).* from|import) "([^"\n]+)";$|\bimport\("([^"\n]+)"\)/gm;

/** The imports of each file of `src`. Imports of types count too, since a change of one file concerns the other. */
const imports = new Map(
  globSync("src/**/*.{ts,tsx}", { cwd: root }).map((file) => {
    const named = [...read(file).matchAll(STATEMENT)].map(([, first, second]) => first ?? second ?? "");
    return [file, named.map((name) => (name.startsWith(".") ? normalize(join(dirname(file), name)) : name))] as const;
  }),
);
const inside = [...imports].flatMap(([from, names]) =>
  names.filter((to) => to.startsWith("src/")).map((to) => [from, to] as const),
);

/** The shortest circle through each file or folder, if there is one. */
function circles(edges: readonly (readonly [string, string])[]): string[] {
  const next = Map.groupBy(edges, ([from]) => from);
  const wayBack = (start: string): string | undefined => {
    const ways = [[start]];
    const seen = new Set<string>();
    for (const way of ways) {
      for (const [, to] of next.get(way.at(-1) ?? "") ?? []) {
        if (to === start) return [...way, to].join(" → ");
        if (!seen.has(to)) ways.push([...way, to]);
        seen.add(to);
      }
    }
    return undefined;
  };
  return [...next.keys()].map(wayBack).filter((way) => way !== undefined);
}

/** The folder of a file. A file directly in `src` counts as a folder of its own. */
const folderOf = (file: string) => (dirname(file) === "src" ? file : dirname(file));
const roomOf = (file: string) => /^src\/[^/]+\/?/.exec(file)?.[0] ?? "";
const between = (room: (file: string) => string) =>
  inside.map(([from, to]) => [room(from), room(to)] as const).filter(([from, to]) => from !== to);

describe("imports in src", () => {
  it("are all found by this test, and lead to files that exist", () => {
    expect(inside.length).toBeGreaterThan(600);
    expect(inside.filter(([, to]) => !imports.has(to))).toEqual([]);
    // One more text looks like an import: the one in the build, which rewrites imports.
    const statements = [...imports.keys()].flatMap((file) => [...read(file).matchAll(/\bfrom "|\bimport[ (]"/g)]);
    expect(statements).toHaveLength([...imports.values()].flat().length + 1);
  });

  it("make no circle of files", () => {
    expect(circles(inside)).toEqual([]);
  });

  it("make no circle of folders", () => {
    expect(circles(between(folderOf))).toEqual([]);
  });

  it("lead down the table of rooms in docs/architecture.md", () => {
    const [, table = ""] = /^## Rooms\n([\s\S]*?)\n## /m.exec(read("docs/architecture.md")) ?? [];
    const heads = [...table.matchAll(/^\| (`src\/.*?) \|/gm)].map(([, cell = ""]) => cell);
    const order = heads.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, room = ""]) => room));
    // The commands may import everything of the Worker.
    const rank = (room: string) => (room === "src/commands/" ? 0 : order.indexOf(room) + 1);
    const rooms = between(roomOf);
    expect(rooms.filter(([from, to]) => !order.includes(from) || !order.includes(to))).toEqual([]);
    expect(rooms.filter(([from, to]) => rank(from) >= rank(to)).map((pair) => pair.join(" → "))).toEqual([]);
  });

  it.each([
    ["hono", "the app, its routes and http", /^src\/(app\.ts|routes\/|http\/)/],
    [
      "cloudflare:workers",
      "the Worker and the objects",
      /^src\/(index\.ts|ledger\/|directory\/home\.ts|session\/once\.ts)/,
    ],
    ["zod", "the import", /^src\/cometchat\/bulk\.ts$/],
    ["src/gateway.ts", "http", /^src\/http\//],
    ["src/http/", "the app, its routes and the tools", /^src\/(app\.ts|routes\/|http\/|commands\/)/],
    ["src/routes/", "the app", /^src\/(app\.ts|routes\/)/],
    ["src/client/", "the client package", /^src\/client\//],
    ["src/commands/", "the tools", /^src\/commands\//],
  ])("of %s are only in %s", (what, _, where) => {
    const importing = [...imports].filter(([, names]) =>
      names.some((name) => name === what || name.startsWith(what.endsWith("/") ? what : `${what}/`)),
    );
    expect(importing).not.toEqual([]);
    expect(importing.map(([file]) => file).filter((file) => !where.test(file))).toEqual([]);
  });

  it("of the client package lead nowhere in the gateway", () => {
    const client = inside.filter(([from]) => from.startsWith("src/client/"));
    expect(client.map(([, to]) => to).filter((to) => !to.startsWith("src/client/"))).toEqual([]);
  });
});
