import type { Deps } from "../context.ts";
import { documentKey } from "../kv.ts";
import { CLOCKS_APART_MS, KEYS_COPY_FRESH_MS, KEYS_KEPT_MS } from "../limits.ts";
import { isObject } from "../shape.ts";
import { within } from "../within.ts";

/** The last valid version of a provider's document, shared between isolates. Times are milliseconds since 1970. */
export interface Copy {
  readonly fetchedAt: number;
  /** The time at which the document was certainly current: a cache may have delivered it late. */
  readonly asOf: number;
  readonly freshUntil: number;
  readonly document: unknown;
}

export interface Copies {
  /** The data centre's copy if that is `enough`, else the newer of that and KV's. A fault of either is a miss. */
  readonly read: (address: string, enough: (copy: Copy) => boolean) => Promise<Copy | undefined>;
  readonly write: (address: string, copy: Copy) => Promise<void>;
}

/** Cache API (one data centre), then KV (everywhere). `patience`: milliseconds after which a read counts as a miss. */
export function createCopies(deps: Deps, kv: KVNamespace, patience: number): Copies {
  // The Cache API needs an address. Nobody can request this one.
  const cacheAddress = (name: string) => `https://keys.invalid/${encodeURIComponent(name)}`;

  async function read(work: () => Promise<unknown>): Promise<Copy | undefined> {
    try {
      return valid(await within(patience, work()), deps.now());
    } catch {
      return undefined;
    }
  }

  return {
    async read(address, enough) {
      const name = await documentKey(address);
      const near = await read(async () => (await deps.cache()?.match(cacheAddress(name)))?.json());
      if (near && enough(near)) return near;
      const far = await read(() => kv.get(name, "json"));
      return far && far.fetchedAt > (near?.fetchedAt ?? 0) ? far : near;
    },

    async write(address, copy) {
      const name = await documentKey(address);
      const text = JSON.stringify(copy);
      const seconds = KEYS_KEPT_MS / 1000;
      const headers = { "content-type": "application/json", "cache-control": `max-age=${seconds}` };
      const written = await Promise.allSettled([
        (async () => deps.cache()?.put(cacheAddress(name), new Response(text, { headers })))(),
        (async () => kv.put(name, text, { expirationTtl: seconds }))(),
      ]);
      const [cache, store] = written.map(({ status }) => status === "fulfilled");
      if (!cache || !store) deps.log({ event: "keys-copy-not-written", cache, kv: store });
    },
  };
}

/** What was stored, if it is of our form and its times can be: a copy from the future, or of a day ago, is none. */
function valid(stored: unknown, now: number): Copy | undefined {
  if (!isObject(stored)) return undefined;
  const { fetchedAt, asOf, freshUntil, document } = stored;
  if (typeof fetchedAt !== "number" || typeof asOf !== "number" || typeof freshUntil !== "number") return undefined;
  if (!(fetchedAt <= now + CLOCKS_APART_MS && now < fetchedAt + KEYS_KEPT_MS)) return undefined;
  return { fetchedAt, asOf, freshUntil: Math.min(freshUntil, fetchedAt + KEYS_COPY_FRESH_MS), document };
}
