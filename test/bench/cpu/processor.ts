import { readdir, readFile } from "node:fs/promises";

/**
 * Milliseconds that the runtime's processes have spent on a processor, all of its threads together: what else the machine
 * does is not in it. Undefined where the system does not tell (anything but Linux); then the runtime's own clock has to
 * do.
 */
export async function createMeter(): Promise<(() => Promise<number>) | undefined> {
  const pids = await descendants(process.pid, "workerd").catch(() => []);
  if (pids.length === 0) return undefined;
  return async () => {
    let nanoseconds = 0;
    for (const pid of pids) {
      for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
        // A thread may end between the two looks.
        const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0");
        nanoseconds += Number(text.split(" ", 1)[0]);
      }
    }
    return nanoseconds / 1e6;
  };
}

/** The processes of that name that we have started, however many are in between. */
async function descendants(ancestor: number, name: string): Promise<number[]> {
  const parents = new Map<number, number>();
  const named: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    // pid (name) state ppid …, and a name may hold anything but what closes it
    const [, found, parent] = /\((.*)\) \S (\d+)/.exec(stat) ?? [];
    parents.set(Number(entry), Number(parent));
    if (found === name) named.push(Number(entry));
  }
  const isOurs = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 1 && (pid === ancestor || isOurs(parents.get(pid)));
  return named.filter(isOurs);
}
