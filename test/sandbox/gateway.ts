import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import type { Deployment } from "./deployment.ts";

export interface Gateway {
  url: URL;
  /** Everything that it and the runtime printed, a line each. */
  logs: string[];
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 60_000;
const STOPPED_WITHIN_MS = 5_000;

/**
 * `wrangler dev` on a generated deployment, ready when its `/healthz` answers. Port 0: any that is free.
 * `onLog` hears the gateway's own log lines, and errors.
 */
export async function startGateway(
  deployment: Deployment,
  port: number,
  onLog: (line: string) => void = () => {},
): Promise<Gateway> {
  const logs: string[] = [];
  const child = launch(deployment, port);
  const collect = (stream: Readable | null, matters: (line: string) => boolean) => {
    if (!stream) return;
    createInterface({ input: stream }).on("line", (coloured) => {
      const line = stripVTControlCharacters(coloured);
      if (line.trim() === "") return;
      logs.push(line);
      if (matters(line)) onLog(line);
    });
  };
  // The gateway logs JSON. All other lines on wrangler's standard output are wrangler's own.
  collect(child.stdout, (line) => line.startsWith("{"));
  // What it says while it is being stopped is no error of the gateway's: where its own log is, which is deleted with
  // the deployment, or the stack of a compiler that it did not wait for.
  let stopping = false;
  collect(child.stderr, () => !stopping);
  // Wrangler would wait until the mistake is corrected.
  const broken = new Promise<never>((_, fail) => {
    child.stderr?.on("data", (text) => String(text).includes("Build failed") && fail(new Error("it does not build")));
  });
  try {
    const url = await Promise.race([listening(child), broken]);
    await healthy(url);
    return {
      url,
      logs,
      stop: () => {
        stopping = true;
        return stop(child);
      },
    };
  } catch (cause) {
    await stop(child);
    throw new Error(`the gateway did not start\n${logs.join("\n")}`, { cause });
  }
}

function launch({ configPath, statePath, homePath }: Deployment, port: number): ChildProcess {
  const wrangler = dirname(createRequire(import.meta.url).resolve("wrangler/package.json"));
  const options = { config: configPath, ip: "127.0.0.1", port, "inspector-port": 0, "persist-to": statePath };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return spawn(
    process.execPath,
    [
      "--no-warnings",
      `--import=${new URL("leash.ts", import.meta.url)}`,
      join(wrangler, "wrangler-dist/cli.js"),
      "dev",
      "--local",
      "--log-level=log",
      "--show-interactive-dev-session=false",
      ...args,
    ],
    {
      cwd: dirname(configPath),
      // A process group of its own: Ctrl-C is ours to pass on, and a child that does not listen can be ended whole.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: {
        PATH: process.env.PATH,
        TMPDIR: process.env.TMPDIR,
        NODE_OPTIONS: "--disable-warning=ExperimentalWarning",
        NO_COLOR: "1",
        // Neither the operator's account nor their settings: no login, no registry shared with other Workers.
        HOME: homePath,
        XDG_CONFIG_HOME: homePath,
        XDG_CACHE_HOME: homePath,
        WRANGLER_LOG_PATH: join(homePath, "logs"),
        WRANGLER_REGISTRY_PATH: join(homePath, "registry"),
        CLOUDFLARE_INCLUDE_PROCESS_ENV: "false",
        CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: "false",
        // No network, no telemetry.
        CLOUDFLARE_CF_FETCH_ENABLED: "false",
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_SEND_ERROR_REPORTS: "false",
        WRANGLER_HIDE_BANNER: "true",
      },
    },
  );
}

/** Wrangler sends the address to its parent process. There is no other way to learn which port it chose for port 0. */
async function listening(child: ChildProcess): Promise<URL> {
  const patience = AbortSignal.timeout(READY_WITHIN_MS);
  const ended = once(child, "exit", { signal: patience }).then(([code]) => {
    throw new Error(`it ended with ${code}`);
  });
  const ready = new Promise<URL>((found) => {
    child.on("message", (message) => {
      const { event, port } = JSON.parse(String(message)) as { event: string; port: number };
      if (event === "DEV_SERVER_READY") found(new URL(`http://127.0.0.1:${port}`));
    });
  });
  return Promise.race([ready, ended]);
}

async function healthy(url: URL): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const answer = await fetch(new URL("/healthz", url), { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new Error(`/healthz answers ${answer?.status ?? "nothing"}`);
    await sleep(100);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await Promise.race([ended, sleep(STOPPED_WITHIN_MS, undefined, { ref: false })]);
  }
  // Whatever is left of its group; normally nothing, and then there is nobody to signal.
  try {
    if (child.pid) process.kill(-child.pid, "SIGKILL");
  } catch {}
}
