import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "smol-toml";

type Table = Readonly<Record<string, unknown>>;

export const API_KEY = "0123456789abcdef0123456789abcdef01234567";
export const HMAC_KEY = "hmac-0123456789abcdef-0123456789";

/** The bindings of wrangler.toml. */
export const bindings = {
  kv_namespaces: [{ binding: "USERS" }],
  durable_objects: {
    bindings: [
      { name: "LEDGER", class_name: "Ledger" },
      { name: "HOME", class_name: "Home" },
      { name: "ONCE", class_name: "Once" },
    ],
  },
  ratelimits: [
    { name: "RATE_LIMIT_IP", namespace_id: "1001", simple: { limit: 300, period: 60 } },
    { name: "RATE_LIMIT_USER", namespace_id: "1002", simple: { limit: 30, period: 60 } },
  ],
  analytics_engine_datasets: [{ binding: "METRICS", dataset: "gateway" }],
};

/** Creates a folder with these files, and returns its path. */
export function folder(files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), "gateway-commands-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text, { mode: 0o600 });
  return path;
}

/** Creates a wrangler.toml with these variables and a `.dev.vars` with these secrets. Returns the path of the first. */
export function deployment(vars: Table, secrets: Readonly<Record<string, string>>, change: Table = {}): string {
  const head = { name: "gateway", main: "src/index.ts", compatibility_date: "2026-10-20" };
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${value}\n`);
  const files = { "wrangler.toml": stringify({ ...head, ...bindings, vars, ...change }), ".dev.vars": lines.join("") };
  return join(folder(files), "wrangler.toml");
}
