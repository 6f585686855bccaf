import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { inUse, listen } from "../sandbox/server.ts";
import { findLeaks } from "../support/leaks.ts";

const START = join(import.meta.dirname, "../sandbox/start.ts");
let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill("SIGKILL");
  child = undefined;
});

function start(ports: { PORT: number | string; SANDBOX_PORT: number | string }) {
  const env = { ...process.env, PORT: String(ports.PORT), SANDBOX_PORT: String(ports.SANDBOX_PORT) };
  const started = spawn(process.execPath, [START], { env, stdio: ["ignore", "pipe", "pipe"] });
  child = started;
  let output = "";
  for (const stream of [started.stdout, started.stderr]) stream.on("data", (text) => (output += text));
  const ended = once(started, "exit").then(([code]) => code as number | null);
  return { started, ended, output: () => output };
}

/** Two different ports that are free. */
async function freePorts() {
  const servers = [await listen(async () => new Response(), 0), await listen(async () => new Response(), 0)] as const;
  await Promise.all(servers.map(({ close }) => close()));
  return { PORT: servers[0].port, SANDBOX_PORT: servers[1].port };
}

describe("npm start", () => {
  it("prints a curl command that works without changes, and frees both ports when it is stopped", async () => {
    const ports = await freePorts();
    const { started, ended, output } = start(ports);
    await expect.poll(output, { timeout: 60_000 }).toContain("Ctrl-C stops everything");
    const command = /curl -sS -X POST[\s\S]+?\/'\)"/.exec(output())?.[0] ?? "";
    const { stdout } = await promisify(execFile)("sh", ["-c", command]);
    const { authToken, ...answer } = JSON.parse(stdout);
    expect(answer).toMatchObject({ uid: "alice", created: true });
    // The gateway's log is printed in the same terminal.
    await expect.poll(output).toContain('"route":"/v1/token"');
    expect(findLeaks([output()], [authToken])).toEqual([]);

    started.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(await Promise.all([inUse(ports.PORT), inUse(ports.SANDBOX_PORT)])).toEqual([false, false]);
  });

  it.each(["PORT", "SANDBOX_PORT"] as const)(
    "says which port is in use and how to choose another with %s, and starts nothing",
    async (variable) => {
      const { port, close } = await listen(async () => new Response(), 0);
      const { ended, output } = start({ ...(await freePorts()), [variable]: port });
      expect(await ended).toBe(1);
      expect(output()).toMatch(
        new RegExp(`^Port ${port} is in use\\. To use another one: ${variable}=\\d+ npm start\n$`),
      );
      await close();
    },
  );

  it.each(["0", "65536", "http"])("refuses %s as a port", async (text) => {
    const { ended, output } = start({ ...(await freePorts()), PORT: text });
    expect(await ended).toBe(1);
    expect(output()).toBe(`PORT=${text} is not a port (1 to 65535).\n`);
  });

  it("suggests a lower port if the one in use is near the highest", async () => {
    const { port, close } = await highest();
    const { ended, output } = start({ ...(await freePorts()), PORT: port });
    expect(await ended).toBe(1);
    await close();
    expect(output()).toBe(`Port ${port} is in use. To use another one: PORT=${port - 100} npm start\n`);
  });
});

/** A server on the highest free port. */
async function highest() {
  for (let port = 65_535; port > 65_435; port -= 1) {
    const server = await listen(async () => new Response(), port).catch(() => undefined);
    if (server) return server;
  }
  throw new Error("no port above 65435 is free");
}
