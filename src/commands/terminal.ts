import type { Readable } from "node:stream";

type Output = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** Where a command reads and writes: the process itself, or streams of a test's. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
}
