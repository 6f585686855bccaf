import { send } from "./load.ts";
import type { Servers } from "./servers.ts";
import type { Variant } from "./variants.ts";

const KEYS = ["empty", "forward", "recipe", "fresh"];
const REQUESTS = 10;

/** Measures how long the first requests to a new isolate take. Each number is the median of so many starts. */
export async function measureStart(servers: Servers, variants: Readonly<Record<string, Variant>>, starts: number) {
  const met = new Map<string, number[][]>(KEYS.map((key) => [key, []]));
  for (let start = 0; start < starts; start += 1) {
    for (const key of KEYS) {
      const { server, next } = variants[key] as Variant;
      const begun = performance.now();
      const workerd = await servers.alone(server);
      try {
        const times = [performance.now() - begun];
        for (let index = 0; index < REQUESTS; index += 1) {
          const sent = performance.now();
          await send(workerd.port(server), next());
          times.push(performance.now() - sent);
        }
        met.get(key)?.push(times);
      } finally {
        await workerd.stop();
      }
    }
  }
  return KEYS.map((key) => {
    const median = (index: number) =>
      (met.get(key) ?? []).map((times) => times[index] ?? Number.NaN).sort((a, b) => a - b)[Math.floor(starts / 2)] ??
      Number.NaN;
    return {
      title: variants[key]?.title ?? key,
      listening: median(0),
      first: median(1),
      second: median(2),
      tenth: median(REQUESTS),
    };
  });
}
