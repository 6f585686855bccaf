import { createHash } from "node:crypto";
import { createReadStream, existsSync, renameSync, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";

/** The size of a list of mappings that nothing was added to. */
const EMPTY = 2;

/** Renames a file that has content, so that it is not written over. Returns its new path; undefined if there is none. */
export function setAside(path: string): string | undefined {
  const there = statSync(path, { throwIfNoEntry: false });
  if (!there?.isFile() || there.size <= EMPTY) return undefined;
  let number = 1;
  while (existsSync(`${path}.${number}`)) number += 1;
  renameSync(path, `${path}.${number}`);
  return `${path}.${number}`;
}

/** Whether both files exist and have the same content. */
export async function isEqual(one: string, other: string): Promise<boolean> {
  const [first, second] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false })?.size);
  if (first === undefined || first !== second) return false;
  return (await digestOf(one)) === (await digestOf(other));
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
