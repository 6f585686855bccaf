import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { fits, number, type Output, table, text } from "../../shape.ts";
import { UsageError } from "./settings.ts";

const lock = table({ pid: number, host: text }, "must be a table");

/**
 * Does `work` while this process has the lock file. Two runs of one input would write the same journal and send the same
 * users twice. The lock of a process that has ended is taken over. Rejects with `UsageError` if another process has it.
 */
export async function whileLocked<T>(path: string, work: () => Promise<T>): Promise<T> {
  take(path);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** Two attempts, since the lock of a process that has ended is removed before the second. */
function take(path: string, attempts = 2): void {
  try {
    const file = openSync(path, "wx", 0o600);
    writeSync(file, JSON.stringify({ pid: process.pid, host: hostname() }));
    closeSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (attempts === 1 || !hasEnded(path)) throw refused(path);
    rmSync(path, { force: true });
    take(path, attempts - 1);
  }
}

const refused = (path: string): UsageError =>
  new UsageError(
    `FILE is being imported already: another run has ${path}. Wait until it ends. If you know that no such run exists, delete ${path}.`,
  );

/** Longer than any process needs to write its number into a lock that it has just made. */
const WRITTEN_MS = 10_000;

/** Whether the process that made the lock has certainly ended. On another machine this is not known. */
function hasEnded(path: string): boolean {
  const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (made === undefined) return true;
  const owner = ownerOf(path);
  if (!owner) return made < Date.now() - WRITTEN_MS;
  if (owner.host !== hostname()) return false;
  // A process of before the machine's last start has ended, though its number may be in use again.
  if (made < Date.now() - uptime() * 1000) return true;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Undefined if the process was killed before it had written the lock. */
function ownerOf(path: string): Output<typeof lock> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return fits(lock, value) ? value : undefined;
  } catch {
    return undefined;
  }
}
