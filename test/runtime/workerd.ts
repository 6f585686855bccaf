import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** workerd without wrangler's development server. */
export interface Workerd {
  readonly pid: number;
  /** The port of a Worker's socket. */
  readonly port: (worker: string) => number;
  /** The bytes of a Worker's heap after a garbage collection. It needs the inspector. */
  readonly heap: (worker: string) => Promise<number>;
  readonly stop: () => Promise<void>;
}

const STARTED_WITHIN_MS = 30_000;
const POLL_MS = 20;

/**
 * Starts workerd with a configuration file, and waits until it listens on the sockets of these Workers. A measurement
 * of speed must not use the inspector, because it stores each line that a Worker logs, with its stack.
 */
export async function startWorkerd(
  configPath: string,
  workers: readonly string[],
  { inspector }: { readonly inspector: boolean },
): Promise<Workerd> {
  const child = spawn(
    binary(),
    ["serve", "--experimental", "--control-fd=3", ...(inspector ? ["--inspector-addr=127.0.0.1:0"] : []), configPath],
    // The log of the Workers is dropped. The messages of the runtime are shown.
    { stdio: ["ignore", "ignore", "inherit", "pipe"] },
  );
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  try {
    const ports = await listening(child.stdio[3] as Readable, [...(inspector ? [INSPECTOR] : []), ...workers]);
    const port = (name: string) => ports.get(name) ?? Number.NaN;
    const heap = (worker: string) => heapOf(port(INSPECTOR), worker, `http://127.0.0.1:${port(worker)}/`);
    return { pid: child.pid ?? 0, port, heap, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const INSPECTOR = "the inspector";

/** The path of workerd's binary. Wrangler finds it in the same way. */
function binary(): string {
  const wrangler = createRequire(createRequire(import.meta.url).resolve("wrangler/package.json"));
  return (wrangler("workerd") as { default: string }).default;
}

/** The ports of the sockets. The runtime writes them to its control channel. */
function listening(control: Readable, wanted: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>();
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("workerd did not start")), STARTED_WITHIN_MS);
    const lines = createInterface({ input: control });
    lines.on("close", () => reject(new Error("workerd ended while it started")));
    lines.on("line", (line) => {
      const { event, socket, port } = JSON.parse(line) as { event: string; socket?: string; port: number };
      ports.set(event === "listen-inspector" ? INSPECTOR : (socket ?? ""), port);
      if (!wanted.every((name) => ports.has(name))) return;
      clearTimeout(late);
      resolve(ports);
    });
  });
}

/** The heap after a garbage collection. The isolate collects when it next runs, so requests are sent to `address`. */
async function heapOf(port: number, worker: string, address: string): Promise<number> {
  const inspector = await inspect(port, worker);
  try {
    let collected = false;
    const collecting = inspector.ask("HeapProfiler.collectGarbage").then(() => {
      collected = true;
    });
    while (!collected) {
      await (await fetch(address)).arrayBuffer();
      await Promise.race([collecting, sleep(POLL_MS)]);
    }
    return ((await inspector.ask("Runtime.getHeapUsage")) as { usedSize: number }).usedSize;
  } finally {
    inspector.close();
  }
}

/** Connects to the inspector of one Worker, by Chrome's DevTools protocol. */
async function inspect(port: number, worker: string) {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
    title: string;
    webSocketDebuggerUrl: string;
  }[];
  const target = targets.find(({ title }) => title.includes(worker)) ?? targets[0];
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? "");
  await once(socket, "open");
  let last = 0;
  const ask = (method: string, params: object = {}) =>
    new Promise<unknown>((resolve) => {
      const id = ++last;
      socket.addEventListener("message", ({ data }) => {
        const answer = JSON.parse(String(data)) as { id?: number; result?: unknown };
        if (answer.id === id) resolve(answer.result);
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  return { ask, close: () => socket.close() };
}
