import { copyFile, mkdir, rename } from "node:fs/promises";
import { join, resolve } from "node:path";

/**
 * npm always packs the README.md of the repository's folder. While it packs, that file is replaced by the client
 * package's README. The repository's own README is restored afterwards, or by the next build if packing was
 * interrupted.
 */
const saved = (root: string): string => join(root, "dist/README.md");

export async function restoreReadme(root: string): Promise<void> {
  await rename(saved(root), join(root, "README.md")).catch(() => undefined);
}

async function swapReadme(root: string): Promise<void> {
  await restoreReadme(root);
  await mkdir(join(root, "dist"), { recursive: true });
  await copyFile(join(root, "README.md"), saved(root));
  await copyFile(join(root, "src/client/README.md"), join(root, "README.md"));
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "../..");
  await (process.argv[2] === "restore" ? restoreReadme(root) : swapReadme(root));
}
