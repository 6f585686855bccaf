import { percentile } from "../world/chance.ts";
import { load, send } from "./load.ts";
import type { Servers } from "./servers.ts";
import { USERS, type Variant } from "./variants.ts";
import type { World } from "./world.ts";

const DELAYS = [20, 90];
const KEYS = ["forward", "recipe", "create", "jwk", "express", "fresh", "RS256", "records", "reuse"];

/** Measures the milliseconds to an answer when CometChat takes 20 or 90 ms, with a load that keeps no server busy. */
export async function measureLatency(
  variants: Readonly<Record<string, Variant>>,
  servers: Servers,
  world: World,
  { rounds, ms }: { readonly rounds: number; readonly ms: number },
) {
  const met = new Map<string, number[]>();
  for (const delay of DELAYS) {
    await world.delay(delay);
    for (let round = 0; round < rounds; round += 1) {
      for (const key of KEYS.toSorted(() => Math.random() - 0.5)) {
        const { server, status, next } = variants[key] as Variant;
        const { port } = servers.server(server);
        if (round === 0) await Promise.all(Array.from({ length: USERS }, () => send(port, next())));
        const { times } = await load(port, next, { connections: 8, ms, status });
        met.set(`${key} ${delay}`, [...(met.get(`${key} ${delay}`) ?? []), ...times]);
      }
    }
  }
  await world.delay(0);
  return KEYS.map((key) => ({
    title: variants[key]?.title ?? key,
    times: DELAYS.map((delay) => {
      const times = met.get(`${key} ${delay}`) ?? [];
      return { delay, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
    }),
  }));
}
