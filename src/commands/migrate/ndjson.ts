import { isObject } from "../../shape.ts";
import { type Entry, ROW_BYTES, TOO_LONG } from "./entry.ts";

const NEWLINE = 10;
const wrong = (line: number, reason: string): Entry => ({ line, problem: { field: "row", reason } });

/** Reads rows of newline-delimited JSON. A line that is not JSON is a wrong row; the lines after it are still read. */
export async function* readNdjson(text: AsyncIterable<Buffer>): AsyncGenerator<Entry> {
  let parts: Buffer[] = [];
  let size = 0;
  let line = 1;
  const take = (): Entry | undefined => {
    const entry = size > ROW_BYTES ? wrong(line, TOO_LONG) : parsed(Buffer.concat(parts).toString("utf8"), line);
    parts = [];
    size = 0;
    return entry;
  };
  const add = (bytes: Buffer) => {
    size += bytes.length;
    // A row that is too long is only counted, to keep memory small.
    if (size > ROW_BYTES) parts = [];
    else if (bytes.length > 0) parts.push(bytes);
  };
  for await (const chunk of text) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      const entry = take();
      if (entry) yield entry;
      line += 1;
      start = end + 1;
    }
    add(chunk.subarray(start));
  }
  const entry = take();
  if (entry) yield entry;
}

function parsed(text: string, line: number): Entry | undefined {
  if (text.trim() === "") return undefined;
  try {
    const row: unknown = JSON.parse(text);
    return isObject(row) ? { line, row } : wrong(line, "must be a JSON object");
  } catch {
    return wrong(line, "is not valid JSON");
  }
}
