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
  /** The lines that the gateway and its runtime have printed. */
  logs: string[];
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 60_000;
const STOPPED_WITHIN_MS = 5_000;

/**
 * Starts `wrangler dev` with a generated deployment, and waits until `/healthz` answers. With port 0 it listens on any
 * free port. `onLog` is called with each line of the gateway's log, and with each error.
 */
export async function startGateway(
  deployment: Deployment,
  port: number,
  onLog: (line: string) => void = () => {},
): Promise<Gateway> {
  const logs: string[] = [];
  const child = launch(deployment, port);
  const collect = (stream: Readable | null, isLog: (line: string) => boolean) => {
    if (!stream) return;
    createInterface({ input: stream }).on("line", (coloured) => {
      const line = stripVTControlCharacters(coloured);
      if (line.trim() === "") return;
      logs.push(line);
      if (isLog(line)) onLog(line);
    });
  };
  // The gateway logs JSON. All other lines on wrangler's standard output are wrangler's own.
  collect(child.stdout, (line) => line.startsWith("{"));
  // Wrangler prints messages while it stops that are not errors of the gateway: the path of its own log, which is
  // deleted with the deployment, or the stack of its compiler.
  let stopping = false;
  collect(child.stderr, () => !stopping);
  // After a failed build, wrangler waits for a change of the files and does not exit.
  const broken = new Promise<never>((_, fail) => {
    child.stderr?.on("data", (text) => String(text).includes("Build failed") && fail(new Error("the build failed")));
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
      // The process group is its own, so that Ctrl-C does not reach it before `stop` does, and `stop` can end all of
      // it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: {
        PATH: process.env.PATH,
        TMPDIR: process.env.TMPDIR,
        NODE_OPTIONS: "--disable-warning=ExperimentalWarning",
        NO_COLOR: "1",
        // Wrangler must not use the operator's account or settings, nor a registry that other Workers share.
        HOME: homePath,
        XDG_CONFIG_HOME: homePath,
        XDG_CACHE_HOME: homePath,
        WRANGLER_LOG_PATH: join(homePath, "logs"),
        WRANGLER_REGISTRY_PATH: join(homePath, "registry"),
        CLOUDFLARE_INCLUDE_PROCESS_ENV: "false",
        CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: "false",
        // Wrangler must not use the network.
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
  // This ends the rest of the process group. If no process is left, which is normal, `kill` throws.
  try {
    if (child.pid) process.kill(-child.pid, "SIGKILL");
  } catch {}
}
