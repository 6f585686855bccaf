import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

export interface Bundle {
  /** The name of the module in `directory`. */
  readonly file: string;
  /** The size in KiB before and after gzip. `wrangler deploy` counts in the same way. */
  readonly kibibytes: number;
  readonly compressed: number;
  /** The bytes of the bundle that come from each source file. */
  readonly sources: Readonly<Record<string, number>>;
}

interface Metafile {
  readonly outputs: Record<string, { readonly inputs: Record<string, { readonly bytesInOutput: number }> }>;
}

/** Writes into `directory` what `wrangler deploy` would upload of a Worker. Nothing is uploaded. */
export async function bundle(configPath: string, directory: string): Promise<Bundle> {
  const wrangler = dirname(createRequire(import.meta.url).resolve("wrangler/package.json"));
  const cli = join(wrangler, "wrangler-dist/cli.js");
  const metafile = join(directory, "sources.json");
  const options = ["--dry-run", "--config", configPath, "--outdir", directory, "--metafile", metafile];
  const { stdout } = await promisify(execFile)(process.execPath, [cli, "deploy", ...options], {
    cwd: dirname(configPath),
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      NO_COLOR: "1",
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_LOG_PATH: join(directory, "logs"),
    },
  });
  const [, kibibytes, compressed] = /Total Upload: ([\d.]+) KiB \/ gzip: ([\d.]+) KiB/.exec(stdout) ?? [];
  const [file] = (await readdir(directory)).filter((name) => name.endsWith(".js"));
  if (!file || !compressed) throw new Error(`wrangler built nothing:\n${stdout}`);
  const { outputs } = JSON.parse(await readFile(metafile, "utf8")) as Metafile;
  const sources: Record<string, number> = {};
  for (const { inputs } of Object.values(outputs)) {
    for (const [name, { bytesInOutput }] of Object.entries(inputs)) sources[name] = bytesInOutput;
  }
  return { file, kibibytes: Number(kibibytes), compressed: Number(compressed), sources };
}
