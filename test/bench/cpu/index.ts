import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ranking } from "../svg.ts";
import { number, table } from "../tables.ts";
import { measureCounts } from "./counts.ts";
import { measureLatency } from "./latency.ts";
import { measureMemory } from "./memory.ts";
import { startServers } from "./servers.ts";
import { measureStart } from "./start.ts";
import { measureThroughput, ratiosOf } from "./throughput.ts";
import { createVariants } from "./variants.ts";
import { startWorld } from "./world.ts";

const PARTS = ["throughput", "latency", "counts", "memory", "start", "bundle"] as const;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    /** The milliseconds of each measurement. */
    ms: { type: "string", default: "500" },
    /** The most users whose memory is measured. */
    users: { type: "string", default: "1000000" },
    /** The parts to measure, separated by commas. */
    only: { type: "string", default: PARTS.join(",") },
    /** The keys of the variants to measure, separated by commas. */
    variants: { type: "string" },
    out: { type: "string", default: resolve(import.meta.dirname, "../../../docs") },
  },
});
const [rounds, ms] = [Number(values.rounds), Number(values.ms)];
const parts = values.only.split(",");
const wanted = (part: (typeof PARTS)[number]) => parts.includes(part);
const print = (title: string, head: readonly string[], rows: readonly (readonly (string | number)[])[]) =>
  console.log(`\n## ${title}\n\n${table(head, rows)}`);

const { jwks, gateway, others } = await createVariants(wanted("throughput") ? 3 * rounds * ms : 100);
const world = await startWorld(jwks);
const servers = await startServers(world);
const report: Record<string, unknown> = {};
await mkdir(values.out, { recursive: true });
try {
  const keys = values.variants?.split(",");
  const all = Object.fromEntries(
    Object.entries({ ...others, ...gateway }).filter(([key]) => keys === undefined || keys.includes(key)),
  );
  if (wanted("throughput")) {
    const met = await measureThroughput(all, servers, { rounds, ms, connections: 32 });
    const rows = Object.entries(all).map(([key, { title, against }]) => {
      const { perSecond, processor } = met[key] ?? { perSecond: [], processor: [] };
      const ratio = against === undefined ? undefined : ratiosOf(met, key, against);
      return {
        title,
        ...spread(perSecond),
        processor: spread(processor).median,
        against: against === undefined ? undefined : all[against]?.title,
        ratio,
      };
    });
    print(
      `Requests a second, 32 connections, CometChat at 0 ms; ${rounds} interleaved rounds of ${ms} ms`,
      ["", "median", "middle half", "processor µs", "against", "ratio", "middle half"],
      rows.map(({ title, median, low, high, processor, against, ratio }) => [
        title,
        number(median),
        `${number(low)} – ${number(high)}`,
        number(processor),
        against?.replace("bare Worker: ", "") ?? "",
        ratio ? ratio.median.toFixed(2) : "",
        ratio ? `${ratio.low.toFixed(2)} – ${ratio.high.toFixed(2)}` : "",
      ]),
    );
    report.throughput = rows;
    const ranks = rows.map(({ title, against, ...rank }) => ({ name: title, bare: against === undefined, ...rank }));
    await writeFile(join(values.out, "bench.svg"), ranking("requests a second, and their middle half", ranks));
  }
  if (wanted("latency")) {
    const rows = await measureLatency(all, servers, world, { rounds: Math.min(rounds, 4), ms: 2 * ms });
    print(
      "Milliseconds to the answer, 8 connections: p50 / p99",
      ["", "CometChat at 20 ms", "CometChat at 90 ms"],
      rows.map(({ title, times }) => [title, ...times.map(({ p50, p99 }) => `${number(p50, 1)} / ${number(p99, 1)}`)]),
    );
    report.latency = rows;
  }
  if (wanted("counts")) {
    const rows = await measureCounts(gateway, others, servers, world);
    print(
      "What one request asks for, counted over 20 of them",
      ["", "CometChat", "KV reads", "KV writes", "object calls", "keys"],
      rows.map(({ title, cometchat, kvReads, kvWrites, objects, keys }) => [
        title,
        ...[cometchat, kvReads, kvWrites, objects, keys].map((count) => number(count, 2)),
      ]),
    );
    report.counts = rows;
  }
  if (wanted("memory")) {
    const rows = await measureMemory(servers, Number(values.users));
    print(
      "Memory of the isolate after so many users, each with a session of its own",
      ["users", "MiB"],
      rows.map(({ users, bytes }) => [number(users), number(bytes / 2 ** 20, 1)]),
    );
    report.memory = rows;
  }
  if (wanted("start")) {
    const rows = await measureStart(servers, all, 9);
    print(
      "A new isolate, in ms",
      ["", "process to listening", "first request", "second", "tenth"],
      rows.map(({ title, ...times }) => [title, ...Object.values(times).map((time) => number(time, 1))]),
    );
    report.start = rows;
  }
  if (wanted("bundle")) {
    const { kibibytes, compressed, sources } = servers.bundle;
    const rows = byModule(sources);
    print(
      `Bundle: ${kibibytes} KiB, ${compressed} KiB with gzip; bytes by module before gzip`,
      ["", "bytes"],
      rows.map(([name, bytes]) => [name, number(bytes)]),
    );
    report.bundle = { kibibytes, compressed, sources };
  }
  // The results of the parts that were not measured stay in the file.
  const path = join(values.out, "bench.json");
  const before = JSON.parse(await readFile(path, "utf8").catch(() => "{}")) as object;
  await writeFile(path, `${JSON.stringify({ ...before, ...report }, null, 2)}\n`);
} finally {
  await servers.stop();
  await world.stop();
}

/** The median and the quartiles of the values. */
function spread(of: readonly number[]) {
  const sorted = of.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** The bytes of each folder of the gateway, and of each package. */
function byModule(sources: Readonly<Record<string, number>>): [string, number][] {
  const sums = new Map<string, number>();
  for (const [path, bytes] of Object.entries(sources)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? /src\/(?:[^/]+\/)?/.exec(path)?.[0] ?? "other";
    sums.set(name, (sums.get(name) ?? 0) + bytes);
  }
  return [...sums].filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a);
}
