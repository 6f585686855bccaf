import { copyFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, it } from "vitest";
import { callersPath } from "../../src/commands/caller.ts";
import { doctor } from "../../src/commands/doctor/command.ts";
import { setup } from "../../src/commands/setup/command.ts";
import { runHere } from "../support/command.ts";
import { folder } from "./place.ts";

/** npm runs a script in the package's folder, wherever it was called, and says where that was. */
const called = (script: string, from: string) => ({ npm_lifecycle_event: script, INIT_CWD: from });

it.each([
  ["npm, in another folder", called("doctor", "/home/me"), "a.toml", "/home/me/a.toml"],
  ["npm, with an absolute path", called("setup", "/home/me"), "/etc/a.toml", "/etc/a.toml"],
  ["npm, in the package's folder", called("doctor", process.cwd()), "a.toml", "a.toml"],
  ["another script that npm runs", called("test", "/home/me"), "a.toml", "a.toml"],
  ["node itself", {}, "a.toml", "a.toml"],
])("called by %s, a path is meant from where that was", (_, env, path, meant) => {
  expect(callersPath(path, env)).toBe(meant);
});

it.each([
  ["doctor", doctor, []],
  [
    "setup",
    setup,
    ["--yes", "--app-id", "2753abc", "--region", "eu", "--preset", "firebase", "--issuer", "my-project"],
  ],
] as const)("%s finds the file that was named in the caller's folder", async (name, command, more) => {
  const place = folder({});
  copyFileSync(join(import.meta.dirname, "../../wrangler.toml"), join(place, "wrangler.toml"));
  const env = called(name, dirname(place));
  const ended = await runHere(command, ["--config", join(basename(place), "wrangler.toml"), ...more], { env });
  expect(ended.stdout + ended.stderr).not.toMatch(/ENOENT|Could not read/);
  expect(ended.stdout).toMatch(/still the example|What remains/);
});
