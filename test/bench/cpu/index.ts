import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { makeSecrets, writeDeployment } from "../../sandbox/deployment.ts";
import { startGateway } from "../../sandbox/gateway.ts";
import { percentile } from "../world/chance.ts";
import { number, table } from "../world/tables.ts";
import { bundle, bundleSize } from "./bundle.ts";
import { createMeter } from "./processor.ts";
import { type Batch, REPEATED, VARIANTS, type Variant } from "./variants.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "11" }, requests: { type: "string", default: "600" } },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const names = Object.keys(VARIANTS) as Variant[];

/** Each variant once a round, in another order each time: what else the machine does meets all of them alike. */
async function measure(url: URL): Promise<Map<Variant, Batch[]>> {
  const meter = await createMeter();
  console.log(meter ? "Measured: processor time of the runtime" : "Measured: the runtime's own clock");
  const batches = new Map<Variant, Batch[]>(names.map((name) => [name, []]));
  // The first ones compile.
  for (let round = -2; round < rounds; round += 1) {
    for (const variant of names.toSorted(() => Math.random() - 0.5)) {
      const count = requests * (REPEATED[variant] ?? 1);
      await ask(new URL(`/prepare?variant=${variant}&requests=${count}`, url));
      const before = await meter?.();
      const batch = (await (await ask(new URL(`/run?variant=${variant}`, url))).json()) as Batch;
      const after = await meter?.();
      const ms = before === undefined || after === undefined ? batch.ms : (after - before) / count;
      if (round >= 0) batches.get(variant)?.push({ ...batch, ms });
    }
  }
  return batches;
}

async function ask(url: URL): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.search}: ${await response.text()}`);
  return response;
}

/** The Worker of the measurement in a runtime of its own: built first, so that no edit of a file restarts it meanwhile. */
async function inRuntime<T>(work: (url: URL) => Promise<T>): Promise<T> {
  const secrets = makeSecrets();
  const sources = await writeDeployment({}, secrets, (config) => {
    config.main = new URL("worker.ts", import.meta.url).pathname;
  });
  const built = join(dirname(sources.configPath), "built");
  const deployment = await writeDeployment({}, secrets, (config) => {
    config.main = join(built, "worker.js");
    config.no_bundle = true;
  });
  try {
    await bundle(sources.configPath, built);
    const gateway = await startGateway(deployment, 0);
    try {
      return await work(gateway.url);
    } finally {
      await gateway.stop();
    }
  } finally {
    await Promise.all([sources.remove(), deployment.remove()]);
  }
}

const batches = await inRuntime(measure);

const timesOf = (name: Variant): number[] => (batches.get(name) ?? []).map(({ ms }) => ms);

/** One variant against another, round by round: the median of the ratios, and the middle half of them. */
function ratio(name: Variant, against: Variant): { readonly median: string; readonly half: string } {
  const other = timesOf(against);
  const ratios = timesOf(name).map((ms, round) => ms / (other[round] ?? Number.NaN));
  const [low, median, high] = [0.25, 0.5, 0.75].map((share) => number(percentile(ratios, share), 1));
  return { median: `${median} ×`, half: `${low} – ${high}` };
}

const rows = names.map((name) => {
  const { median, half } = ratio(name, "empty");
  return [VARIANTS[name], median, half, number(batches.get(name)?.[0]?.calls ?? 0, 2)];
});
console.log(
  `\nThe gateway's own computing for one request, against an empty Hono handler in the same run: workerd, the minified bundle, ${rounds} interleaved rounds of ${requests} requests\n`,
);
console.log(table(["Request", "median", "middle half", "CometChat calls"], rows));

console.log("\nWithout a remembered session against with one:");
for (const alg of ["ES256", "RS256"] as const) {
  const { median, half } = ratio(`${alg}-new`, `${alg}-same`);
  console.log(`${alg}: ${median} (${half})`);
}

const { bytes, gzip } = await bundleSize();
console.log(`\nBundle: ${number(bytes)} bytes, ${number(gzip)} with gzip`);
