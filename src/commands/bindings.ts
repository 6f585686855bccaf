import type { Unstable_Config as WranglerConfig } from "wrangler";

/**
 * Substitutes for the bindings that a wrangler.toml declares, so that the gateway's code runs outside of a Worker. Each
 * has the method by which the configuration check recognizes its kind of binding. They store nothing and limit nothing.
 */
export function substitutesFor(
  declared: Pick<WranglerConfig, "kv_namespaces" | "durable_objects" | "ratelimits" | "analytics_engine_datasets">,
): Readonly<Record<string, object>> {
  return Object.fromEntries([
    ...declared.kv_namespaces.map(({ binding }) => [binding, new EmptyKv()]),
    ...declared.durable_objects.bindings.map(({ name }) => [name, new NoObjects()]),
    ...declared.ratelimits.map(({ name }) => [name, new NoLimit()]),
    ...declared.analytics_engine_datasets.map(({ binding }) => [binding, new NoMetrics()]),
  ]);
}

/** A KV namespace that is always empty. */
export class EmptyKv {
  async get() {
    return null;
  }
  async put() {}
  async delete() {}
}

class NoObjects {
  getByName(): never {
    throw new Error("There are no Durable Objects outside of a Worker.");
  }
  jurisdiction() {
    return this;
  }
}

class NoLimit {
  async limit() {
    return { success: true };
  }
}

class NoMetrics {
  writeDataPoint() {}
}
