/** A cache in the isolate's memory, bounded in number and, if `ms` is given, in time. */
export interface Memory<V> {
  readonly get: (key: string) => V | undefined;
  readonly set: (key: string, value: V) => void;
  readonly delete: (key: string) => void;
  readonly size: number;
  readonly entries: () => Iterable<readonly [key: string, value: V]>;
}

/**
 * @param most the greatest number of entries; beyond it, the one that was least recently read is removed
 * @param ms milliseconds after which an entry is removed, even if it is read often
 *
 * A Map keeps the order of insertion, which is enough for this kind of cache; quick-lru, the smallest library with an
 * expiry, would add 1 KB to the compressed Worker.
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
