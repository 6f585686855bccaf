import { registerHooks } from "node:module";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { Chance } from "./chance.ts";
import type { Clock } from "./clock.ts";
import type { Counts } from "./counts.ts";
import { DURABLE_OBJECT } from "./facts.ts";

/** The base class that the runtime gives; nothing of it is needed but its fields. */
const RUNTIME =
  "export class DurableObject { constructor(ctx, env) { Object.defineProperties(this, { ctx: { value: ctx }, env: { value: env } }); } }";

/** The gateway's own ledger class, outside of its runtime. */
async function loadLedger(): Promise<typeof Ledger> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "cloudflare:workers"
        ? { url: `data:text/javascript,${encodeURIComponent(RUNTIME)}`, shortCircuit: true }
        : next(specifier, context),
  });
  try {
    return (await import("../../../src/ledger/ledger.ts")).Ledger;
  } finally {
    hooks.deregister();
  }
}

export interface Ledgers {
  readonly namespace: DurableObjectNamespace<Ledger>;
  /** Bytes that one user's object takes, on average. */
  readonly bytes: () => number;
  readonly close: () => void;
}

/** One ledger per user on a database of its own, called from afar, its billed requests and rows counted. */
export function createLedgers(
  env: (namespace: Ledgers["namespace"]) => Record<string, unknown>,
  clock: Clock,
  chance: Chance,
  counts: Counts,
): Ledgers {
  const objects = new Map<string, { readonly ledger: Ledger; readonly database: DatabaseSync }>();

  let loaded: Promise<typeof Ledger> | undefined;

  async function open(name: string) {
    loaded ??= loadLedger();
    const Class = await loaded;
    const known = objects.get(name);
    if (known) return known;
    const database = new DatabaseSync(":memory:");
    const state = { storage: storageOf(database, counts) } as unknown as DurableObjectState;
    const made = { ledger: new Class(state, env(namespace) as unknown as Env), database };
    objects.set(name, made);
    return made;
  }

  const stub = (name: string) =>
    new Proxy(
      {},
      {
        get:
          (_, method) =>
          async (...values: unknown[]) => {
            counts.ledger += 1;
            const trip = chance.draw(DURABLE_OBJECT);
            await clock.sleep(trip / 2);
            const { ledger } = await open(name);
            const answer = await (Reflect.get(ledger, method) as (...values: unknown[]) => unknown).apply(
              ledger,
              values,
            );
            await clock.sleep(trip / 2);
            return answer;
          },
      },
    );
  const namespace = { getByName: stub, jurisdiction: () => namespace } as unknown as Ledgers["namespace"];
  return {
    namespace,
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
  return {
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
