import { registerHooks } from "node:module";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Isolate } from "../../../src/ledger/parts.ts";
import type { Clock } from "../../support/clock.ts";
import type { Chance } from "./chance.ts";
import type { Counts } from "./counts.ts";
import { DURABLE_OBJECT } from "./facts.ts";

/** A replacement for the runtime's base class, with the two fields that the gateway's classes use. */
const RUNTIME =
  "export class DurableObject { constructor(ctx, env) { Object.defineProperties(this, { ctx: { value: ctx }, env: { value: env } }); } }";

/** The gateway's classes of Durable Objects, by their bindings. */
const classes = {
  LEDGER: async () => (await import("../../../src/ledger/ledger.ts")).TokenLedger,
  HOME: async () => (await import("../../../src/directory/home.ts")).Home,
  ONCE: async () => (await import("../../../src/session/once.ts")).Once,
};

type Binding = keyof typeof classes;
type Class = new (state: DurableObjectState, env: Env, isolate: Isolate) => object;

/** Loads a class outside of workerd. */
async function load(binding: Binding): Promise<Class> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "cloudflare:workers"
        ? { url: `data:text/javascript,${encodeURIComponent(RUNTIME)}`, shortCircuit: true }
        : next(specifier, context),
  });
  try {
    return (await classes[binding]()) as unknown as Class;
  } finally {
    hooks.deregister();
  }
}

export interface Objects {
  readonly namespaces: Pick<Env, Binding>;
  /** The average bytes of one object. */
  readonly bytes: () => number;
  readonly close: () => void;
}

/**
 * Durable Objects, each with its own database. A call takes as long as over a network. Billed requests and rows count.
 */
export function createObjects(
  env: (namespaces: Objects["namespaces"]) => Record<string, unknown>,
  isolate: Isolate,
  clock: Clock,
  chance: Chance,
  counts: Counts,
): Objects {
  const objects = new Map<string, { readonly object: object; readonly database: DatabaseSync }>();

  const loaded: Partial<Record<Binding, Promise<Class>>> = {};

  async function open(binding: Binding, name: string) {
    loaded[binding] ??= load(binding);
    const Class = await loaded[binding];
    const known = objects.get(`${binding} ${name}`);
    if (known) return known;
    const database = new DatabaseSync(":memory:");
    const state = { id: { name }, storage: storageOf(database, counts) } as unknown as DurableObjectState;
    const made = { object: new Class(state, env(namespaces) as unknown as Env, isolate), database };
    objects.set(`${binding} ${name}`, made);
    return made;
  }

  const stub = (binding: Binding, name: string) =>
    new Proxy(
      {},
      {
        get:
          (_, method) =>
          async (...values: unknown[]) => {
            counts.ledger += 1;
            const trip = chance.draw(DURABLE_OBJECT);
            await clock.sleep(trip / 2);
            const { object } = await open(binding, name);
            const answer = await (Reflect.get(object, method) as (...values: unknown[]) => unknown).apply(
              object,
              values,
            );
            await clock.sleep(trip / 2);
            return answer;
          },
      },
    );
  const namespaceOf = (binding: Binding) => {
    const namespace = { getByName: (name: string) => stub(binding, name), jurisdiction: () => namespace };
    return [binding, namespace] as const;
  };
  const namespaces = Object.fromEntries(
    (Object.keys(classes) as Binding[]).map(namespaceOf),
  ) as unknown as Objects["namespaces"];
  return {
    namespaces,
    bytes: () => {
      const sizes = [...objects.values()].map(
        ({ database }) => pragma(database, "page_count") * pragma(database, "page_size"),
      );
      return sizes.reduce((sum, size) => sum + size, 0) / Math.max(1, sizes.length);
    },
    close: () => {
      for (const { database } of objects.values()) database.close();
    },
  };
}

function storageOf(database: DatabaseSync, counts: Counts) {
  const values = new Map<string, unknown>();
  return {
    // Each value is a row: https://developers.cloudflare.com/durable-objects/platform/pricing/
    kv: {
      get: (name: string) => values.get(name),
      put(name: string, value: unknown) {
        counts.rowsWritten += 1;
        values.set(name, value);
      },
      delete(name: string) {
        counts.rowsWritten += 1;
        return values.delete(name);
      },
    },
    sql: {
      exec(query: string, ...values: (SQLInputValue | ArrayBuffer)[]) {
        const statement = database.prepare(query);
        const bound = values.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value));
        if (/^\s*SELECT/i.test(query)) {
          const rows = statement.all(...bound);
          return { toArray: () => rows, one: () => rows[0] };
        }
        const { changes } = statement.run(...bound);
        // An index is a row as well: https://developers.cloudflare.com/d1/platform/pricing/
        const table = /(?:INTO|UPDATE|FROM)\s+(\w+)/i.exec(query)?.[1];
        if (table)
          counts.rowsWritten += Number(changes) * (1 + database.prepare(`PRAGMA index_list(${table})`).all().length);
        return { toArray: () => [], one: () => undefined, rowsWritten: Number(changes) };
      },
    },
    // "Each setAlarm() is billed as a single row written."
    setAlarm: async () => {
      counts.rowsWritten += 1;
    },
    deleteAlarm: async () => undefined,
    deleteAll: async () => undefined,
  };
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
