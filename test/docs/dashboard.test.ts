import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { NUMBERS, pointOf, type RequestLine, TEXTS } from "../../src/telemetry/report.ts";

const read = (name: string) => readFile(join(import.meta.dirname, "../../docs", name), "utf8");
const page = await read("operate.md");
const dashboard = JSON.parse(await read("grafana.json")) as {
  panels: { title: string; targets: { query: string }[] }[];
};

const LAST_HOUR = "timestamp > NOW() - INTERVAL '1' HOUR";
const SHOWN = "timestamp >= toDateTime($from) AND timestamp <= toDateTime($to)";
const questions = [...page.matchAll(/\*\*(.+)\*\*\n\n```sql\n([^`]+)\n```/g)].map(
  ([, title = "", sql = ""]) => [title, sql] as const,
);

const NOW = 1_795_000_000;
const line = (more: Partial<RequestLine>): RequestLine => ({
  event: "request",
  route: "/v1/token",
  status: 201,
  code: "ok",
  app: "main",
  region: "us",
  colo: "FRA",
  issuer: "auth0",
  calls: 1,
  created: false,
  reused: false,
  session: 1,
  directory: 2,
  cometchat: 90,
  total: 94,
  ...more,
});

/** The dataset in SQLite, which replaces Analytics Engine here. Each row stands for two requests. */
function dataset(lines: readonly RequestLine[]): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  const blobs = Array.from({ length: 20 }, (_, i) => `blob${i + 1} TEXT DEFAULT ''`);
  const doubles = Array.from({ length: 20 }, (_, i) => `double${i + 1} REAL DEFAULT 0`);
  db.exec(
    `CREATE TABLE cometchat_edge_gateway (timestamp INTEGER, _sample_interval INTEGER, index1 TEXT, ${[...blobs, ...doubles]})`,
  );
  for (const one of lines) {
    const { indexes, blobs, doubles } = pointOf(one);
    const names = [...blobs.map((_, i) => `blob${i + 1}`), ...doubles.map((_, i) => `double${i + 1}`)];
    const values = [...blobs, ...doubles] as (string | number)[];
    db.prepare(
      `INSERT INTO cometchat_edge_gateway (timestamp, _sample_interval, index1, ${names}) VALUES (?, 2, ?, ${values.map(() => "?")})`,
    ).run(NOW - 60, String(indexes[0]), ...values);
  }
  db.function("intDiv", (a, b) => Math.floor(Number(a) / Number(b)));
  db.function("toUInt32", (value) => Number(value));
  db.function("now_seconds", () => NOW);
  db.aggregate("quantile", {
    start: () => "[]",
    step: (seen, level, value, weight) =>
      JSON.stringify([...(JSON.parse(String(seen)) as unknown[]), [level, value, weight]]),
    result: (seen) => {
      const rows = (JSON.parse(String(seen)) as [number, number, number][]).sort((a, b) => a[1] - b[1]);
      const wanted = (rows[0]?.[0] ?? 0) * rows.reduce((sum, [, , weight]) => sum + weight, 0);
      let passed = 0;
      for (const [, value, weight] of rows) {
        passed += weight;
        if (passed >= wanted) return value;
      }
      return null;
    },
  });
  return db;
}

/** A query for Analytics Engine, translated to SQLite. */
const inSqlite = (sql: string): string =>
  sql
    .replaceAll(/NOW\(\) - INTERVAL '1' HOUR/g, "now_seconds() - 3600")
    .replaceAll(/quantileExactWeighted\(([\d.]+)\)\(/g, "quantile($1, ");

const ask = (sql: string, lines: readonly RequestLine[]) => dataset(lines).prepare(inSqlite(sql)).all();
const sqlOf = (title: string): string => questions.find(([name]) => name.startsWith(title))?.[1] ?? "";

describe("the queries for Analytics Engine in docs/operate.md", () => {
  it("are at least eight", () => {
    expect(questions.length).toBeGreaterThanOrEqual(8);
  });

  it.each(questions)("return rows from the data points that the gateway writes: %s", (_, sql) => {
    const rows = ask(sql, [line({}), line({ status: 503, code: "cometchat-unavailable" })]);
    expect(rows.length).toBeGreaterThan(0);
  });

  it.each(questions)("use only columns that the gateway writes: %s", (_, sql) => {
    for (const [, kind, place] of sql.matchAll(/\b(blob|double)(\d+)/g)) {
      expect(Number(place)).toBeLessThanOrEqual(kind === "blob" ? TEXTS.length : NUMBERS.length);
    }
  });

  it("count only sign-ins, and respect the sampling", () => {
    const signOut = line({ status: 204 });
    const refused = line({ status: 401, code: "session-invalid" });
    const rows = ask(sqlOf("Sign-ins"), [line({}), line({ status: 200, reused: true, calls: 0 }), signOut, refused]);
    expect(rows).toEqual([expect.objectContaining({ sign_ins: 4 })]);
  });

  it("return the share of tokens that were reused", () => {
    const rows = ask(sqlOf("Share of sign-ins"), [line({}), line({ reused: true }), line({ reused: true }), line({})]);
    expect(rows).toEqual([expect.objectContaining({ reused: 0.5 })]);
  });

  it("count the calls to CometChat by app, also those of failed requests", () => {
    const failed = line({ status: 503, code: "cometchat-unavailable", app: "eu", calls: 3 });
    const rows = ask(sqlOf("CometChat calls"), [line({}), failed]);
    expect(rows).toEqual([
      expect.objectContaining({ app: "eu", calls: 6 }),
      expect.objectContaining({ app: "main", calls: 2 }),
    ]);
  });

  it("return p50 and p99 of each stage by data centre", () => {
    const lines = Array.from({ length: 100 }, (_, i) => line({ total: i + 1, cometchat: 1000 - i }));
    const rows = ask(sqlOf("Time to token"), [...lines, line({ colo: "SYD", total: 7 })]);
    expect(rows[0]).toMatchObject({ colo: "FRA", total_p50: 50, total_p99: 99, cometchat_p50: 950 });
    expect(rows[1]).toMatchObject({ colo: "SYD", total_p50: 7 });
  });

  it("return app, region and issuer of failures", () => {
    const rows = ask(sqlOf("Failures"), [line({}), line({ status: 502, code: "cometchat-rejected", app: "eu" })]);
    expect(rows).toEqual([{ code: "cometchat-rejected", app: "eu", region: "us", issuer: "auth0", failures: 2 }]);
  });
});

describe("the Grafana dashboard", () => {
  it("has the queries of docs/operate.md, for the selected time", () => {
    const shown = dashboard.panels.map(({ title, targets }) => [title, targets[0]?.query]);
    expect(shown).toEqual(questions.map(([title, sql]) => [title, sql.replace(LAST_HOUR, SHOWN)]));
  });
});

describe("docs/operate.md", () => {
  it("has a row for each column that the gateway writes", () => {
    TEXTS.forEach((name, i) => {
      expect(page).toMatch(new RegExp(`\\| \`blob${i + 1}\` \\| ${name}\\b`));
    });
    NUMBERS.forEach((name, i) => {
      expect(page).toMatch(new RegExp(`\\| \`double${i + 1}\` \\| ${name}\\b`));
    });
  });

  it("has a row for each event of the log, and no other", async () => {
    const root = join(import.meta.dirname, "../../src");
    const events = new Set(["request"]);
    for await (const file of glob("**/*.ts", { cwd: root })) {
      if (file.startsWith("commands/") || file.startsWith("client/")) continue;
      const source = await readFile(join(root, file), "utf8");
      for (const [, event] of source.matchAll(/event: "([a-z-]+)"/g)) events.add(event ?? "");
    }
    expect(events.size).toBeGreaterThan(10);
    const table = page.slice(page.indexOf("| `event` |"), page.indexOf("| `code` of a request |"));
    const rows = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, event]) => event).slice(1);
    expect(rows.toSorted()).toEqual([...events].toSorted());
  });
});
