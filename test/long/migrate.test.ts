import { execFile } from "node:child_process";
import { createWriteStream, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, expect, test } from "vitest";
import { deployment } from "../commands/place.ts";
import { createSimulator } from "../sandbox/cometchat/index.ts";
import { listen } from "../sandbox/server.ts";
import { ISSUER, KEY } from "../support/migrate.ts";

const ROOT = resolve(import.meta.dirname, "../..");

const simulator = createSimulator({
  ...{ appId: "2753000000000001", region: "us", keys: { [KEY]: "fullAccess" } },
  sampleUsers: false,
});
const listener = await listen(simulator.fetch, 0);
const app = { appId: "2753000000000001", region: "us", baseUrl: `http://127.0.0.1:${listener.port}/v3` };
const folder = dirname(
  deployment({ COMETCHAT_APPS: { main: app }, SESSION_ISSUERS: [ISSUER] }, { COMETCHAT_API_KEY: KEY }),
);
afterAll(async () => {
  await listener.close();
  rmSync(folder, { recursive: true });
});

async function csv(name: string, rows: number): Promise<void> {
  function* lines() {
    yield "subject,name,avatar,tags,metadata\n";
    for (let row = 1; row <= rows; row++) {
      const subject = row % 2 === 0 ? `user-${row}` : `auth0|${row}`;
      yield `${subject},User ${row},https://img.example/${row}.png,"a,b","{""plan"":""pro""}"\n`;
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(join(folder, name)));
}

/** Prints the heap after a garbage collection each second, and the most memory of the process at its end. */
const METER = `
  const print = () => { gc(); process.stderr.write("heap " + process.memoryUsage().heapUsed + "\\n"); };
  setInterval(print, 1000).unref();
  process.on("exit", () => process.stderr.write("rss " + process.resourceUsage().maxRSS * 1024 + "\\n"));
`;

interface Measured {
  readonly summary: Record<string, unknown>;
  /** The heap after each second, in megabytes. */
  readonly heaps: readonly number[];
  readonly rss: number;
  readonly seconds: number;
}

async function migrate(args: readonly string[]): Promise<Measured> {
  const meter = `data:text/javascript,${encodeURIComponent(METER)}`;
  const command = ["--expose-gc", "--import", meter, join(ROOT, "src/commands/migrate/index.ts"), ...args, "--json"];
  const began = performance.now();
  const { out, err } = await new Promise<{ out: string; err: string }>((ended) => {
    execFile(process.execPath, command, { cwd: folder, maxBuffer: 1e8 }, (_, out, err) => ended({ out, err }));
  });
  const seconds = (performance.now() - began) / 1000;
  const read = (name: string) =>
    [...err.matchAll(new RegExp(`^${name} (\\d+)$`, "gm"))].map(([, bytes]) => Number(bytes) / 1e6);
  return { summary: JSON.parse(out), heaps: read("heap"), rss: read("rss")[0] ?? Number.NaN, seconds };
}

test("a dry run of a million users needs no more memory than one of ten thousand", async () => {
  await csv("few.csv", 10_000);
  await csv("many.csv", 1_000_000);
  const few = await migrate(["few.csv", "--dry-run"]);
  const many = await migrate(["many.csv", "--dry-run"]);
  expect(many.summary).toMatchObject({ rows: 1_000_000, users: 1_000_000, wrong: 0, hashed: 500_000, duplicate: 0 });
  const most = Math.max(...many.heaps);
  const quarter = Math.max(...many.heaps.slice(2, Math.ceil(many.heaps.length / 4)));
  console.log(
    `1,000,000 rows in ${many.seconds.toFixed(0)} s: in use at most ${most.toFixed(0)} MB (in the first quarter ${quarter.toFixed(0)} MB), resident ${many.rss.toFixed(0)} MB; 10,000 rows: resident ${few.rss.toFixed(0)} MB`,
  );
  expect(many.heaps.length).toBeGreaterThan(8);
  // The heap has one byte for each row, and some megabytes for the part of the file that is being read.
  expect(most).toBeLessThan(quarter + 20);
  expect(many.rss).toBeLessThan(few.rss * 2);
});

/** The number of users of the test in real time. `MIGRATE_USERS=20000 npm run test:long` takes seven minutes. */
const USERS = Number(process.env.MIGRATE_USERS ?? 2_000);

test(`${USERS} users are imported as fast as CometChat's limit allows, in real time`, async () => {
  await csv("users.csv", USERS);
  const { summary, seconds } = await migrate(["users.csv"]);
  console.log(`${USERS} users in ${seconds.toFixed(0)} s: ${Math.round((USERS / seconds) * 60)} a minute`);
  expect(summary).toMatchObject({ created: USERS, failed: 0 });
  expect(simulator.users()).toHaveLength(USERS);
  expect(USERS / (seconds / 60)).toBeGreaterThan(2_500);
});
