/** What an isolate remembers: bounded in number, and in time where `ms` is given. */
export interface Memory<V> {
  readonly get: (key: string) => V | undefined;
  readonly set: (key: string, value: V) => void;
  readonly delete: (key: string) => void;
  readonly size: number;
  readonly entries: () => Iterable<readonly [key: string, value: V]>;
}

/**
 * @param most entries; beyond it the one that was asked for longest ago is forgotten
 * @param ms milliseconds after which an entry is forgotten, however often it was asked for
 *
 * A Map keeps its order of insertion, which is all that a cache of this kind needs; quick-lru, the smallest library
 * with an expiry, would be 1 KB of the compressed Worker.
 */
export function createMemory<V>(most: number, now: () => number, ms = Number.POSITIVE_INFINITY): Memory<V> {
  const entries = new Map<string, { readonly value: V; readonly until: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      entries.delete(key);
      if (now() >= entry.until) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, { value, until: now() + ms });
      if (entries.size <= most) return;
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        return;
      }
    },
    delete: (key) => {
      entries.delete(key);
    },
    get size() {
      return entries.size;
    },
    *entries() {
      for (const [key, { value }] of entries) yield [key, value];
    },
  };
}
