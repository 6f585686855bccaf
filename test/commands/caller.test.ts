import { copyFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, it } from "vitest";
import { callersPath } from "../../src/commands/caller.ts";
import { doctor } from "../../src/commands/doctor/command.ts";
import { setup } from "../../src/commands/setup/command.ts";
import { runHere } from "../support/command.ts";
import { folder } from "./place.ts";

/** The environment of a script that npm runs. Its folder is the package's, and INIT_CWD is the caller's folder. */
const calledByNpm = (script: string, from: string) => ({ npm_lifecycle_event: script, INIT_CWD: from });

it.each([
  ["npm, in another folder", calledByNpm("doctor", "/home/me"), "a.toml", "/home/me/a.toml"],
  ["npm, with an absolute path", calledByNpm("setup", "/home/me"), "/etc/a.toml", "/etc/a.toml"],
  ["npm, in the package's folder", calledByNpm("doctor", process.cwd()), "a.toml", "a.toml"],
  ["another script that npm runs", calledByNpm("test", "/home/me"), "a.toml", "a.toml"],
  ["node itself", {}, "a.toml", "a.toml"],
])("a path is relative to the caller's folder, if the command is called by %s", (_, env, path, expected) => {
  expect(callersPath(path, env)).toBe(expected);
});

it.each([
  ["doctor", doctor, []],
  [
    "setup",
    setup,
    ["--yes", "--app-id", "2753abc", "--region", "eu", "--preset", "firebase", "--issuer", "my-project"],
  ],
] as const)("npm run %s finds a file by its path from the caller's folder", async (name, command, more) => {
  const place = folder({});
  copyFileSync(join(import.meta.dirname, "../../wrangler.toml"), join(place, "wrangler.toml"));
  const env = calledByNpm(name, dirname(place));
  const ended = await runHere(command, ["--config", join(basename(place), "wrangler.toml"), ...more], { env });
  expect(ended.stdout + ended.stderr).not.toMatch(/ENOENT|Could not read/);
  expect(ended.stdout).toMatch(/still the example|Run these commands next/);
});
