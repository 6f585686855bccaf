import type { Servers } from "./servers.ts";

const MARKS = [0, 10_000, 100_000, 1_000_000];
/** The number of users that one request to the Worker signs in. */
const AT_ONCE = 5_000;

/** Measures the heap of an isolate after a garbage collection, when up to `most` users have signed in. */
export async function measureMemory(servers: Servers, most: number) {
  const workerd = await servers.alone("memory");
  try {
    const rows: { users: number; bytes: number }[] = [];
    let users = 0;
    for (const mark of MARKS.filter((mark) => mark <= most)) {
      for (; users < mark; users += AT_ONCE) {
        const answer = await fetch(`http://127.0.0.1:${workerd.port("memory")}/users?from=${users}&count=${AT_ONCE}`);
        if (!answer.ok) throw new Error(await answer.text());
        await answer.arrayBuffer();
      }
      rows.push({ users: mark, bytes: await workerd.heap("memory") });
    }
    return rows;
  } finally {
    await workerd.stop();
  }
}
