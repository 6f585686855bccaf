import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { type Secrets, type Vars, writeDeployment } from "../sandbox/deployment.ts";

export interface Workerd {
  readonly url: URL;
  /** Bytes that the Worker's isolate holds on to: its heap after a collection. */
  readonly heap: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

const STARTED_WITHIN_MS = 30_000;
/** The Durable Objects that wrangler.toml declares; the binding is the class in capitals. */
const CLASSES = ["Ledger", "Home", "Once"];

/** A Worker in workerd alone, without wrangler's development server in between: bundled as for a deployment. */
export async function startWorkerd(main: string, vars: Vars, secrets: Secrets): Promise<Workerd> {
  let date: unknown;
  let flags: unknown;
  const deployment = await writeDeployment(vars, secrets, (config) => {
    config.main = main;
    date = config.compatibility_date;
    flags = config.compatibility_flags;
  });
  const directory = dirname(deployment.configPath);
  await bundle(deployment.configPath, join(directory, "bundle"), deployment.homePath);
  await mkdir(deployment.statePath, { recursive: true });
  const bindings = [
    ...Object.entries(vars).map(([name, value]) => `(name = ${quoted(name)}, json = ${quoted(JSON.stringify(value))})`),
    ...Object.entries(secrets).map(([name, value]) => `(name = ${quoted(name)}, text = ${quoted(value)})`),
    ...CLASSES.map((name) => `(name = ${quoted(name.toUpperCase())}, durableObjectNamespace = ${quoted(name)})`),
  ];
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "bundle/worker.js")],
      compatibilityDate = ${quoted(String(date))},
      compatibilityFlags = [${(flags as string[]).map(quoted).join(", ")}],
      bindings = [${bindings.join(", ")}],
      durableObjectNamespaces = [${CLASSES.map((name) => `(className = ${quoted(name)}, uniqueKey = ${quoted(name)}, enableSql = true)`).join(", ")}],
      durableObjectStorage = (localDisk = "state"),
    )),
    (name = "state", disk = (path = ${quoted(deployment.statePath)}, writable = true)),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;
  const configPath = join(directory, "workerd.capnp");
  await writeFile(configPath, config);

  const child = spawn(
    binary(),
    ["serve", "--experimental", "--control-fd=3", "--inspector-addr=127.0.0.1:0", configPath],
    // What the Worker logs is not looked at here; what the runtime says is.
    { stdio: ["ignore", "ignore", "inherit", "pipe"] },
  );
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    await deployment.remove();
  };
  try {
    const ports = await listening(child.stdio[3] as Readable);
    return { url: new URL(`http://127.0.0.1:${ports.http}`), heap: () => heapOf(ports.inspector), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `wrangler deploy --dry-run`: the very bundle that would be deployed. */
async function bundle(config: string, out: string, home: string): Promise<void> {
  const wrangler = dirname(createRequire(import.meta.url).resolve("wrangler/package.json"));
  const child = spawn(
    process.execPath,
    [join(wrangler, "bin/wrangler.js"), "deploy", "--dry-run", "--config", config, "--outdir", out],
    {
      stdio: ["ignore", "ignore", "inherit"],
      env: { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: home, WRANGLER_SEND_METRICS: "false" },
    },
  );
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`the Worker does not build: wrangler ended with ${code}`);
}

/** The platform's binary, found the way that wrangler finds it. */
function binary(): string {
  const wrangler = createRequire(createRequire(import.meta.url).resolve("wrangler/package.json"));
  return (wrangler("workerd") as { default: string }).default;
}

/** The runtime tells on its control channel which ports it was given. */
function listening(control: Readable): Promise<{ http: number; inspector: number }> {
  const ports: Record<string, number> = {};
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("workerd did not start")), STARTED_WITHIN_MS);
    const lines = createInterface({ input: control });
    lines.on("close", () => reject(new Error("workerd ended while it started")));
    lines.on("line", (line) => {
      const { event, socket, port } = JSON.parse(line) as { event: string; socket?: string; port: number };
      ports[event === "listen-inspector" ? "inspector" : (socket ?? "")] = port;
      const { http, inspector } = ports;
      if (http === undefined || inspector === undefined) return;
      clearTimeout(late);
      resolve({ http, inspector });
    });
  });
}

async function heapOf(port: number): Promise<number> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as { webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? "");
  try {
    await once(socket, "open");
    let last = 0;
    const ask = (method: string) =>
      new Promise<{ usedSize?: number }>((resolve) => {
        const id = ++last;
        socket.addEventListener("message", ({ data }) => {
          const answer = JSON.parse(String(data)) as { id?: number; result?: { usedSize?: number } };
          if (answer.id === id) resolve(answer.result ?? {});
        });
        socket.send(JSON.stringify({ id, method }));
      });
    await ask("HeapProfiler.collectGarbage");
    return (await ask("Runtime.getHeapUsage")).usedSize ?? Number.NaN;
  } finally {
    socket.close();
  }
}

const quoted = (text: string): string => JSON.stringify(text);
