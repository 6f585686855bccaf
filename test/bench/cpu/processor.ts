import { readdir, readFile } from "node:fs/promises";

/**
 * Milliseconds that a process has spent on a processor, all of its threads together: what else the machine does is not
 * in it. Not a number where the system does not tell (anything but Linux).
 */
export async function processorTime(pid: number): Promise<number> {
  let nanoseconds = 0;
  for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    // A thread may end between the two looks.
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0");
    nanoseconds += Number(text.split(" ", 1)[0]);
  }
  return nanoseconds === 0 ? Number.NaN : nanoseconds / 1e6;
}
