/**
 * KV of which one operation in ten fails. A read throws, never answers, misses the value, or returns a wrong one. A
 * write is refused, as KV refuses a second write to a key within a second.
 */
export function unreliable(kv: KVNamespace, random: () => number = Math.random): KVNamespace {
  const read = (key: string, ...options: unknown[]) => {
    const roll = random();
    if (roll < 0.03) return Promise.reject(new Error("KV GET failed: 500 Internal Server Error"));
    if (roll < 0.05) return new Promise(() => undefined);
    if (roll < 0.08) return Promise.resolve(null);
    if (roll < 0.1) return Promise.resolve({ v: 0, rubbish: true });
    return (kv.get as (...args: unknown[]) => Promise<unknown>)(key, ...options);
  };
  const write = (key: string, value: string, options?: KVNamespacePutOptions) =>
    random() < 0.1 ? Promise.reject(new Error("KV PUT failed: 429 Too Many Requests")) : kv.put(key, value, options);
  return new Proxy(kv, {
    get(target, name) {
      if (name === "get") return read;
      if (name === "put") return write;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A rate limit that fails one time in a hundred. */
export function shaky(limit: RateLimit, random: () => number = Math.random): RateLimit {
  return {
    limit: (options) => (random() < 0.01 ? Promise.reject(new Error("rate limit failed")) : limit.limit(options)),
  };
}

/** KV in memory, with the methods that the gateway uses. workerd alone has no KV. */
export function memoryKv(): KVNamespace {
  const values = new Map<string, string>();
  const kv = {
    get: async (key: string, type?: string) => {
      const text = values.get(key) ?? null;
      return text !== null && type === "json" ? JSON.parse(text) : text;
    },
    put: async (key: string, value: string) => {
      values.set(key, value);
    },
    delete: async (key: string) => {
      values.delete(key);
    },
  };
  return kv as unknown as KVNamespace;
}

/** A rate limit that nobody reaches. */
export const unlimited: RateLimit = { limit: async () => ({ success: true }) };
