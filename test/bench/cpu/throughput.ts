import { load, send } from "./load.ts";
import { processorTime } from "./processor.ts";
import type { Servers } from "./servers.ts";
import { USERS, type Variant } from "./variants.ts";

export interface Throughput {
  /** The requests per second in each round. */
  readonly perSecond: number[];
  /** The microseconds of processor time per request in each round. */
  readonly processor: number[];
}

/** Measures all variants in each round, in a random order, so that other work of the machine affects them equally. */
export async function measureThroughput(
  variants: Readonly<Record<string, Variant>>,
  servers: Servers,
  { rounds, ms, connections }: { readonly rounds: number; readonly ms: number; readonly connections: number },
): Promise<Readonly<Record<string, Throughput>>> {
  const met: Record<string, Throughput> = {};
  for (const key of Object.keys(variants)) met[key] = { perSecond: [], processor: [] };
  // The first round is not measured. In it, the code is compiled and the users are created.
  for (let round = -1; round < rounds; round += 1) {
    for (const [key, { server, status, next }] of Object.entries(variants).sort(() => Math.random() - 0.5)) {
      const { pid, port } = servers.server(server);
      // Each user signs in once, so that tokens to reuse exist and the users' objects are in memory. An object leaves
      // the memory after ten seconds without a call, and a round of all variants may take longer.
      for (let user = 0; user < USERS; user += 1) await send(port, next());
      const before = await processorTime(pid);
      const { requests, seconds } = await load(port, next, { connections, ms, status });
      const after = await processorTime(pid);
      if (round < 0) continue;
      met[key]?.perSecond.push(requests / seconds);
      met[key]?.processor.push(((after - before) / requests) * 1000);
    }
  }
  return met;
}

/** The throughput of one variant divided by that of another, in each round: the median and the quartiles. */
export function ratiosOf(met: Readonly<Record<string, Throughput>>, key: string, against: string) {
  const other = met[against]?.perSecond ?? [];
  const ratios = (met[key]?.perSecond ?? []).map((value, round) => value / (other[round] ?? Number.NaN));
  const sorted = ratios.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}
