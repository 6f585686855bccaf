import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

const ROOT = resolve(import.meta.dirname, "../../..");

/** Bytes of what `npm run deploy` would upload, as it is and compressed. Nothing is uploaded. */
export async function bundleSize(): Promise<{ readonly bytes: number; readonly gzip: number }> {
  const directory = await mkdtemp(join(tmpdir(), "bundle-"));
  try {
    const wrangler = dirname(createRequire(import.meta.url).resolve("wrangler/package.json"));
    const cli = join(wrangler, "wrangler-dist/cli.js");
    await promisify(execFile)(process.execPath, [cli, "deploy", "--dry-run", "--outdir", directory], {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        HOME: directory,
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_HIDE_BANNER: "true",
        WRANGLER_LOG_PATH: join(directory, "logs"),
      },
    });
    const code = await readFile(join(directory, "index.js"));
    return { bytes: code.length, gzip: gzipSync(code).length };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
