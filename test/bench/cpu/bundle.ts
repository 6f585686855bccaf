import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

const ROOT = resolve(import.meta.dirname, "../../..");

/** What `wrangler deploy` would upload of a Worker, put into `directory`. Nothing is uploaded. */
export async function bundle(configPath: string, directory: string): Promise<void> {
  const wrangler = dirname(createRequire(import.meta.url).resolve("wrangler/package.json"));
  const cli = join(wrangler, "wrangler-dist/cli.js");
  const options = ["--dry-run", "--config", configPath, "--outdir", directory];
  await promisify(execFile)(process.execPath, [cli, "deploy", ...options], {
    cwd: dirname(configPath),
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_LOG_PATH: join(directory, "logs"),
    },
  });
}

/** Bytes of the gateway's own bundle, as it is and compressed. */
export async function bundleSize(): Promise<{ readonly bytes: number; readonly gzip: number }> {
  const directory = await mkdtemp(join(tmpdir(), "bundle-"));
  try {
    await bundle(join(ROOT, "wrangler.toml"), directory);
    const code = await readFile(join(directory, "index.js"));
    return { bytes: code.length, gzip: gzipSync(code).length };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
