import { readdir, readFile } from "node:fs/promises";

/**
 * The milliseconds of processor time that all threads of a process have used. Other work of the machine does not count.
 * The result is NaN on a system without /proc, that is, on any but Linux.
 */
export async function processorTime(pid: number): Promise<number> {
  let nanoseconds = 0;
  for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    // The thread may have ended since the folder was read.
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0");
    nanoseconds += Number(text.split(" ", 1)[0]);
  }
  return nanoseconds === 0 ? Number.NaN : nanoseconds / 1e6;
}
