/** The operations on KV, Durable Objects and rate limits, counted. */
export interface Operations {
  kvReads: number;
  kvWrites: number;
  /** Calls of Durable Objects by method. */
  objects: Record<string, number>;
  limits: number;
}

/** The same bindings, and a count of the operations on them. */
export function countOperations<E extends object>(env: E): { readonly env: E; readonly operations: Operations } {
  const operations: Operations = { kvReads: 0, kvWrites: 0, objects: {}, limits: 0 };
  const wrapped = Object.entries(env).map(([name, binding]) => {
    if (typeof binding !== "object" || binding === null) return [name, binding];
    if ("getByName" in binding) return [name, objects(binding as DurableObjectNamespace, operations)];
    if ("put" in binding) return [name, kv(binding as KVNamespace, operations)];
    if ("limit" in binding) return [name, limit(binding as RateLimit, operations)];
    return [name, binding];
  });
  return { env: Object.fromEntries(wrapped) as E, operations };
}

/** Calls `onCall` with the name of each method that is called, and then the method itself. */
function observe<T extends object>(target: T, onCall: (method: string) => void): T {
  return new Proxy(target, {
    get(_, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function" || typeof name !== "string") return member;
      return (...values: unknown[]) => {
        onCall(name);
        return Reflect.apply(member, target, values);
      };
    },
  });
}

function objects(namespace: DurableObjectNamespace, operations: Operations): DurableObjectNamespace {
  const call = (method: string) => {
    operations.objects[method] = (operations.objects[method] ?? 0) + 1;
  };
  const stub = (value: unknown) => observe(value as object, call);
  return new Proxy(namespace, {
    get(_, name) {
      const member = Reflect.get(namespace, name) as (...values: unknown[]) => unknown;
      if (name === "getByName" || name === "get")
        return (...values: unknown[]) => stub(member.apply(namespace, values));
      if (name === "jurisdiction") {
        return (...values: unknown[]) => objects(member.apply(namespace, values) as DurableObjectNamespace, operations);
      }
      return member;
    },
  });
}

const kv = (store: KVNamespace, operations: Operations): KVNamespace =>
  observe(store, (method) => {
    if (method === "put" || method === "delete") operations.kvWrites += 1;
    else operations.kvReads += 1;
  });

const limit = (binding: RateLimit, operations: Operations): RateLimit =>
  observe(binding, () => {
    operations.limits += 1;
  });
