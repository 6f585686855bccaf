import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");

interface Deployment {
  readonly vars: object;
  readonly kv_namespaces: readonly { binding: string }[];
  readonly durable_objects: { bindings: readonly { name: string }[] };
  readonly ratelimits: readonly { name: string }[];
  readonly analytics_engine_datasets: readonly { binding: string }[];
}
const deployment = parse(read("wrangler.toml")) as unknown as Deployment;
const described = (
  JSON.parse(read("package.json")) as { cloudflare: { bindings: Record<string, { description: string }> } }
).cloudflare;
const example = read(".dev.vars.example");

it("package.json describes every variable, binding and secret for Cloudflare's deploy page, and nothing else", () => {
  const names = [
    ...Object.keys(deployment.vars),
    ...deployment.kv_namespaces.map(({ binding }) => binding),
    ...deployment.durable_objects.bindings.map(({ name }) => name),
    ...deployment.ratelimits.map(({ name }) => name),
    ...deployment.analytics_engine_datasets.map(({ binding }) => binding),
    ...[...example.matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name),
  ];
  expect(Object.keys(described.bindings).sort()).toEqual(names.sort());
  for (const { description } of Object.values(described.bindings)) expect(description).toMatch(/^[A-Z].+[.\d]$/);
});

it(".dev.vars.example has no secret in it", () => {
  expect([...example.matchAll(/^(?:# )?[A-Z_]+=(.*)$/gm)].map(([, value]) => value)).toEqual(["", "", ""]);
});

it("git ignores files with secrets, but not the example", () => {
  expect(read(".gitignore").split("\n")).toEqual(expect.arrayContaining([".dev.vars*", "!.dev.vars.example"]));
});
