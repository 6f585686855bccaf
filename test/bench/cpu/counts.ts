import { setTimeout as sleep } from "node:timers/promises";
import type { Operations } from "../../support/operations.ts";
import { send } from "./load.ts";
import { ROWS, type Servers } from "./servers.ts";
import { USERS, type Variant } from "./variants.ts";
import type { World } from "./world.ts";

const REQUESTS = 20;

/** The calls and operations of one request. Those after the answer count too. */
export async function measureCounts(
  gateway: Readonly<Record<string, Variant>>,
  others: Readonly<Record<string, Variant>>,
  servers: Servers,
  world: World,
) {
  const rows = [];
  for (const [key, { title, server, status, next }] of Object.entries({ ...gateway, ...others })) {
    const counting = key in gateway ? `counting-${server}` : server;
    const { port } = servers.server(counting);
    const operations = async (): Promise<Partial<Operations>> =>
      key in gateway ? ((await (await fetch(`http://127.0.0.1:${port}/operations`)).json()) as Operations) : {};
    // Every user signs in once before the measurement, so that the keys, mappings and tokens exist. The variant `first`
    // is about users whose mapping does not exist.
    const warm = key === "first" ? 1 : USERS;
    for (let index = 0; index < warm; index += 1) await send(port, next());
    await sleep(300);
    await world.counts();
    await operations();
    for (let index = 0; index < REQUESTS; index += 1) {
      const { status: given } = await send(port, next());
      if (given !== status) throw new Error(`${title}: ${given}`);
    }
    await sleep(300);
    const { cometchat, keys } = await world.counts();
    const { kvReads = 0, kvWrites = 0, objects = {} } = await operations();
    const calls = Object.values(objects).reduce((sum, count) => sum + count, 0);
    const per = (count: number) => count / REQUESTS;
    rows.push({
      title,
      cometchat: per(cometchat),
      kvReads: per(kvReads),
      kvWrites: per(kvWrites),
      objects: per(ROWS.includes(key) ? REQUESTS : calls),
      keys: per(keys),
    });
  }
  return rows;
}
