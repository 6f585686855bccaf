import { execFile } from "node:child_process";
import { glob, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { restoreReadme } from "./readme.ts";

/** `npm run build`: builds the client package in dist/client, one file of code for each of its two exports. */

const root = resolve(import.meta.dirname, "../..");
const out = join(root, "dist/client");
/** The declaration files that the package needs: those of the two exports, and those that they import. */
const DECLARED = ["error", "index", "react", "session", "types"];

await restoreReadme(root);
await rm(out, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: ["src/client/index.ts", "src/client/react.ts"],
  outdir: out,
  bundle: true,
  external: ["react"],
  format: "esm",
  target: "es2022",
  charset: "utf8",
  minify: true,
  logLevel: "warning",
});
const tsc = join(root, "node_modules/typescript/bin/tsc");
await promisify(execFile)(process.execPath, [tsc, "-p", "src/client/tsconfig.json"], { cwd: root });
for await (const name of glob("*.d.ts", { cwd: out })) {
  const file = join(out, name);
  if (!DECLARED.includes(name.slice(0, -".d.ts".length))) await rm(file);
  // TypeScript leaves the extension `.ts` in the imports of declaration files; the package has `.js` files.
  else await writeFile(file, (await readFile(file, "utf8")).replaceAll(/(from "\.\/\w+)\.ts"/g, '$1.js"'));
}
