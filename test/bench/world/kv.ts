import type { Clock } from "../../support/clock.ts";
import type { Chance } from "./chance.ts";
import type { Counts } from "./counts.ts";
import { KV } from "./facts.ts";

/** The values in KV's central stores. */
export type CentralStore = Map<string, string>;

/**
 * Workers KV at one location. A read is cached here for a minute, also if the key was absent, and does not see what
 * another location writes during that time. All other reads go to the central stores.
 * https://developers.cloudflare.com/kv/concepts/how-kv-works/
 */
export function createKv(central: CentralStore, clock: Clock, chance: Chance, counts: Counts): KVNamespace {
  const here = new Map<string, { readonly value: string | undefined; readonly until: number }>();

  async function read(key: string): Promise<string | undefined> {
    counts.kvReads += 1;
    const cached = here.get(key);
    if (cached && clock.now() < cached.until) {
      await clock.sleep(chance.draw(KV.hot));
      return cached.value;
    }
    await clock.sleep(chance.draw(KV.cold));
    const value = central.get(key);
    here.set(key, { value, until: clock.now() + KV.cacheTtl });
    return value;
  }

  async function write(key: string, value: string | undefined): Promise<void> {
    counts.kvWrites += 1;
    // A write is "usually immediately visible" at its own location.
    here.set(key, { value, until: clock.now() + KV.cacheTtl });
    await clock.sleep(chance.draw(KV.write));
    if (value === undefined) central.delete(key);
    else central.set(key, value);
  }

  const kv = {
    async get(key: string, type?: string) {
      const value = await read(key);
      return value === undefined ? null : type === "json" ? JSON.parse(value) : value;
    },
    put: (key: string, value: string) => write(key, value),
    delete: (key: string) => write(key, undefined),
  };
  // These are the forms of the methods that the gateway uses.
  return kv as unknown as KVNamespace;
}

/** The Cache API of one location. */
export function createCache(clock: Clock, draw: () => number): Cache {
  const stored = new Map<string, string>();
  const cache = {
    async match(address: string) {
      await clock.sleep(draw());
      const text = stored.get(address);
      return text === undefined ? undefined : new Response(text);
    },
    async put(address: string, response: Response) {
      stored.set(address, await response.text());
    },
  };
  return cache as unknown as Cache;
}
