import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { type Bundle, bundle } from "../../runtime/bundle.ts";
import { binding, configuration, gatewayObjects, type Worker } from "../../runtime/config.ts";
import { startWorkerd, type Workerd } from "../../runtime/workerd.ts";
import { makeSecrets, writeDeployment } from "../../sandbox/deployment.ts";
import { ISSUER } from "./variants.ts";
import type { World } from "./world.ts";

const BARE = ["empty", "forward", "row", "record", "demanded", "demandedrow", "recipe", "create", "jwk"];
/** The bare Workers that have Durable Objects. */
export const ROWS = ["row", "record", "demandedrow"];
const SECRETS = makeSecrets();

interface Server {
  readonly pid: number;
  readonly port: number;
}

export interface Servers {
  readonly bundle: Bundle;
  /** The port and the process of a Worker, or of `express`. */
  readonly server: (name: string) => Server;
  /** Starts another workerd, which runs only this Worker. */
  readonly alone: (worker: string) => Promise<Workerd>;
  readonly stop: () => Promise<void>;
}

/**
 * Starts all servers of the benchmark. One workerd runs the gateway in three configurations, bundled as by `wrangler
 * deploy`, and the bare Workers. Express runs in a Node process.
 */
export async function startServers(world: World): Promise<Servers> {
  const deployment = await writeDeployment({}, SECRETS);
  const directory = join(dirname(deployment.configPath), "built");
  await mkdir(deployment.statePath, { recursive: true });
  const built = await bundle(deployment.configPath, directory);
  await rename(join(directory, built.file), join(directory, "gateway.js"));
  await build({
    bundle: true,
    minify: true,
    format: "esm",
    external: ["cloudflare:*"],
    outdir: directory,
    entryPoints: [...BARE, "counting", "memory"].map((name) => join(import.meta.dirname, `workers/${name}.ts`)),
  });

  const workers = await workersOf(world);
  const start = async (among: readonly Worker[], name: string) => {
    const configPath = join(directory, `${name}.capnp`);
    const state = join(deployment.statePath, name);
    await mkdir(state, { recursive: true });
    await writeFile(configPath, await configuration(among, { state, servers: { kv: world.kv } }));
    const names = among.map(({ name }) => name);
    return startWorkerd(configPath, names, { inspector: name === "memory" });
  };
  const workerd = await start(workers, "all");
  const express = await startExpress(world);
  return {
    bundle: built,
    server: (name) => (name === "express" ? express : { pid: workerd.pid, port: workerd.port(name) }),
    alone: (worker) =>
      start(
        workers.filter(({ name }) => name === worker),
        worker,
      ),
    stop: async () => {
      express.stop();
      await workerd.stop();
      await deployment.remove();
    },
  };
}

async function workersOf(world: World): Promise<Worker[]> {
  const { json, text, kv, limit, metrics, objects } = binding;
  const kept = await gatewayObjects();
  const vars = {
    ALLOWED_ORIGINS: ["https://app.example.com"],
    COMETCHAT_APPS: { main: { appId: "2753000000000000", region: "us", baseUrl: world.cometchat } },
    SESSION_ISSUERS: [
      {
        issuer: ISSUER,
        jwksUrl: world.jwks,
        audience: ["chat"],
        profile: { name: "name", avatar: "picture" },
      },
    ],
  };
  const gateway = (name: string, file: string, settings: object, encrypts: boolean): Worker => ({
    name,
    file,
    bindings: [
      ...Object.entries({ ...vars, ...settings }).map(([name, value]) => json(name, value)),
      text("COMETCHAT_API_KEY", SECRETS.COMETCHAT_API_KEY),
      ...(encrypts ? [text("TOKEN_ENCRYPTION_KEY", SECRETS.TOKEN_ENCRYPTION_KEY)] : []),
      ...["RATE_LIMIT_IP", "RATE_LIMIT_USER"].map(limit),
      kv("USERS", "kv"),
      metrics("METRICS"),
      ...kept.bindings,
    ],
    objects: kept.objects,
  });
  const reuse = { TOKENS: { reuse: "session" } };
  const bare = [
    text("COMETCHAT", world.cometchat),
    text("COMETCHAT_API_KEY", SECRETS.COMETCHAT_API_KEY),
    text("ISSUER", ISSUER),
    text("JWKS", world.jwks),
    ...["RATE_LIMIT_IP", "RATE_LIMIT_USER"].map(limit),
    metrics("METRICS"),
  ];
  return [
    gateway("fresh", "gateway.js", {}, false),
    gateway("records", "gateway.js", {}, true),
    gateway("reuse", "gateway.js", reuse, true),
    gateway("counting-fresh", "counting.js", {}, false),
    gateway("counting-records", "counting.js", {}, true),
    gateway("counting-reuse", "counting.js", reuse, true),
    { name: "memory", file: "memory.js", ...kept },
    ...BARE.map((name) => ({
      name,
      file: `${name}.js`,
      bindings: ROWS.includes(name) ? [...bare, objects("ROWS", "Rows")] : bare,
      objects: ROWS.includes(name) ? ["Rows"] : [],
    })),
  ];
}

async function startExpress(world: World): Promise<Server & { readonly stop: () => void }> {
  const child = fork(join(import.meta.dirname, "express.ts"), {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "production",
      COMETCHAT: world.cometchat,
      COMETCHAT_API_KEY: SECRETS.COMETCHAT_API_KEY,
      ISSUER,
      JWKS: world.jwks,
    },
  });
  const [port] = (await once(child, "message")) as [number];
  return { pid: child.pid ?? 0, port, stop: () => child.kill() };
}
