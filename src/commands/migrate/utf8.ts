import { isUtf8 } from "node:buffer";
import { InputError } from "./entry.ts";

const NEWLINE = 10;

/**
 * Checks that the chunks are UTF-8 and yields them cut between characters. Throws an `InputError` with the line of the
 * first invalid byte. `progress` is called with the number of bytes read so far.
 */
export async function* utf8(
  chunks: AsyncIterable<Buffer>,
  progress: (bytes: number) => void,
): AsyncGenerator<Buffer, void> {
  let rest = Buffer.alloc(0);
  let line = 1;
  let read = 0;
  for await (const chunk of chunks) {
    read += chunk.length;
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const end = boundary(bytes);
    const whole = bytes.subarray(0, end);
    rest = bytes.subarray(end);
    if (!isUtf8(whole)) throw notUtf8(whole, line);
    if (whole.includes(0))
      throw new InputError("contains a NUL byte: this is not a text file.", line + newlines(before(whole)));
    line += newlines(whole);
    progress(read);
    yield whole;
  }
  if (rest.length > 0) throw notUtf8(rest, line);
}

/** The position of the last character if its bytes are incomplete, else the end of the chunk. */
function boundary(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    // The first byte of a character tells how many bytes it has (RFC 3629 §3).
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

const before = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.indexOf(0));

function notUtf8(bytes: Buffer, line: number): InputError {
  let at = line;
  for (let start = 0; start < bytes.length; at++) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found + 1;
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end;
  }
  return new InputError("is not UTF-8. Save the file as UTF-8 (it may be Windows-1252 or Latin-1).", at);
}

function newlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
