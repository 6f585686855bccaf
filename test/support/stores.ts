/** KV in memory. A test can make it fail or hang. */
export function memoryKv() {
  const values = new Map<string, string>();
  const kv = {
    values,
    broken: undefined as "throws" | "hangs" | undefined,
    reads: 0,
    async get(key: string, options?: string | { type?: string }) {
      kv.reads += 1;
      await fail(kv.broken);
      const value = values.get(key) ?? null;
      const type = typeof options === "object" ? options.type : options;
      return type === "json" && value !== null ? JSON.parse(value) : value;
    },
    async delete(key: string) {
      await fail(kv.broken);
      values.delete(key);
    },
    async put(key: string, value: string) {
      await fail(kv.broken);
      values.set(key, value);
    },
  };
  return kv;
}

/** The Cache API in memory. A test can make it fail or hang. */
export function memoryCache() {
  const values = new Map<string, string>();
  const cache = {
    values,
    broken: undefined as "throws" | "hangs" | undefined,
    async match(key: string) {
      await fail(cache.broken);
      const value = values.get(key);
      return value === undefined ? undefined : new Response(value);
    },
    async put(key: string, response: Response) {
      await fail(cache.broken);
      values.set(key, await response.text());
    },
  };
  return cache;
}

async function fail(broken: "throws" | "hangs" | undefined): Promise<void> {
  if (broken === "throws") throw new Error("The store is down.");
  if (broken === "hangs") await new Promise(() => {});
}
