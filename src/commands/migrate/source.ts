import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { InputError } from "./entry.ts";
import { Stopped } from "./pace.ts";

/** How many bytes are read to find out the format. */
const HEAD_BYTES = 64 * 1024;

/** The input. It is read twice: first to check it, then to send it. */
export interface Source {
  /** Its first bytes, without a byte order mark. */
  readonly head: Buffer;
  readonly bytes: number;
  /** Whether it begins with a UTF-8 byte order mark. */
  readonly marked: boolean;
  /** Reads it from the beginning, without the byte order mark. */
  readonly read: () => Readable;
  /** The SHA-256 of the whole input, in hexadecimal. */
  readonly digest: () => Promise<string>;
  readonly close: () => Promise<void>;
}

/**
 * Opens a file. Standard input (`-`) is copied to a temporary file first, which only this user can read. Rejects with
 * `InputError`, or with `Stopped` if `stop` aborts while standard input is being read.
 */
export async function openSource(path: string, stdin: Readable, stop?: AbortSignal): Promise<Source> {
  if (path !== "-") return openFile(path, async () => {});
  const folder = await mkdtemp(join(tmpdir(), "gateway-migrate-"));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    const copy = join(folder, "input");
    await pipeline(stdin, createWriteStream(copy, { mode: 0o600 }), stop ? { signal: stop } : {});
    return await openFile(copy, close);
  } catch (error) {
    await close();
    throw stop?.aborted ? new Stopped() : error;
  }
}

async function openFile(path: string, close: () => Promise<void>): Promise<Source> {
  const failed = (error: NodeJS.ErrnoException) => {
    throw new InputError(error.code === "ENOENT" ? "There is no such file." : `It cannot be opened (${error.code}).`);
  };
  const there = await stat(path).catch(failed);
  if (there.isDirectory()) throw new InputError("It is a folder, not a file.");
  // Read twice, so it has to be on the disk: a pipe, a shell's <(…) for one, is gone after the first time.
  if (!there.isFile()) throw new InputError("It is no file on the disk. Pass it by standard input: FILE is - then.");
  if (there.size === 0) throw new InputError("It is empty.");
  const file = await open(path).catch(failed);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    if (head.indexOf("\uFEFF", 0, "utf16le") === 0 || (head[0] === 0xfe && head[1] === 0xff)) {
      throw new InputError("It is UTF-16 (its byte order mark says so). Save it as UTF-8.", 1);
    }
    const marked = head.indexOf("\uFEFF") === 0;
    const start = marked ? 3 : 0;
    return {
      head: head.subarray(start),
      bytes: there.size,
      marked,
      read: () => createReadStream(path, { start, highWaterMark: 64 * 1024 }),
      async digest() {
        const hash = createHash("sha256");
        await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
        return hash.digest("hex");
      },
      close,
    };
  } finally {
    await file.close();
  }
}
