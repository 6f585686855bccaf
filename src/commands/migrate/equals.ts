import { hash } from "node:crypto";
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BUCKETS = 256;
/**
 * The bytes of one record: eleven of a SHA-256, one for the app's number, four for the row's number, four for its line.
 */
const RECORD = 20;
const KEY = 12;
const BUFFERED = 1024 * RECORD;
/** In place of a row's number: the record is of a user that CometChat has. */
const AT_COMETCHAT = 0xffffffff;

/** What comparing all rows says of one: its user is in an earlier row, or CometChat has it. */
export const DUPLICATE = 1;
export const EXISTING = 2;

/**
 * Finds which uids occur twice in the input and which CometChat has already. To need little memory for any number of
 * uids, it writes their digests to 256 temporary files by their first byte, and compares the digests of one file at a
 * time. Only one byte for each row stays in memory.
 */
export class Equals {
  readonly #folder = mkdtempSync(join(tmpdir(), "gateway-uids-"));
  readonly #files = Array.from({ length: BUCKETS }, (_, index) =>
    openSync(join(this.#folder, String(index)), "w+", 0o600),
  );
  readonly #buffers = Array.from({ length: BUCKETS }, () => ({ bytes: Buffer.allocUnsafe(BUFFERED), used: 0 }));
  #rows = 0;

  /** Adds a row. `uid`: undefined if the row is wrong. `app`: the app's number, below 256. */
  add(line: number, uid?: string, app = 0): void {
    const row = this.#rows++;
    if (uid !== undefined) this.#write(uid, app, row, line);
  }

  /** Adds a user that CometChat has in this app. */
  addExisting(uid: string, app: number): void {
    this.#write(uid, app, AT_COMETCHAT, 0);
  }

  #write(uid: string, app: number, row: number, line: number): void {
    const digest = hash("sha256", uid, "buffer");
    const bucket = digest[0] ?? 0;
    const buffer = this.#buffers[bucket];
    if (!buffer) return;
    digest.copy(buffer.bytes, buffer.used, 1, KEY);
    buffer.bytes.writeUInt8(app, buffer.used + KEY - 1);
    buffer.bytes.writeUInt32LE(row, buffer.used + KEY);
    buffer.bytes.writeUInt32LE(line, buffer.used + KEY + 4);
    buffer.used += RECORD;
    if (buffer.used === BUFFERED) this.#flush(bucket);
  }

  #flush(bucket: number): void {
    const buffer = this.#buffers[bucket];
    const file = this.#files[bucket];
    if (!buffer || file === undefined) return;
    writeSync(file, buffer.bytes, 0, buffer.used);
    buffer.used = 0;
  }

  /**
   * Compares all uids. Returns for each row 0, `DUPLICATE` or `EXISTING`. `onDuplicate` is called with the line of each
   * duplicate, and with the line of the first row of the same user.
   */
  compare(onDuplicate: (line: number, first: number) => void): Uint8Array {
    const found = new Uint8Array(this.#rows);
    for (const [bucket, file] of this.#files.entries()) {
      this.#flush(bucket);
      const rows = new Map<string, { row: number; line: number; app: number }>();
      const bytes = readWhole(file);
      for (let at = 0; at < bytes.length; at += RECORD) {
        const key = bytes.toString("latin1", at, at + KEY - 1);
        const app = bytes.readUInt8(at + KEY - 1);
        const row = bytes.readUInt32LE(at + KEY);
        const line = bytes.readUInt32LE(at + KEY + 4);
        const first = rows.get(key);
        if (row === AT_COMETCHAT) {
          if (first?.app === app) found[first.row] = EXISTING;
        } else if (first) {
          found[row] = DUPLICATE;
          onDuplicate(line, first.line);
        } else rows.set(key, { row, line, app });
      }
    }
    return found;
  }

  close(): void {
    for (const file of this.#files) closeSync(file);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function readWhole(file: number): Buffer {
  const bytes = Buffer.allocUnsafe(fstatSync(file).size);
  for (let at = 0; at < bytes.length; ) at += readSync(file, bytes, at, bytes.length - at, at);
  return bytes;
}
