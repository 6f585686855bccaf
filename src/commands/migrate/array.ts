import { JSONParser, TokenType } from "@streamparser/json";
import { isObject } from "../../shape.ts";
import { type Entry, InputError, ROW_BYTES, TOO_LONG } from "./entry.ts";

const NEWLINE = 10;

/**
 * Reads the rows of a JSON document and yields each as soon as it is complete. Throws `InputError`.
 * @param list name of the array in the document; undefined if the document itself is the array
 */
export async function* readArray(text: AsyncIterable<Buffer>, list: string | undefined): AsyncGenerator<Entry> {
  const found: Entry[] = [];
  let line = 1;
  let rowLine = 0;
  let depth = 0;
  let size = 0;
  const inside = list === undefined ? 1 : 2;
  const parser = new JSONParser({ paths: [list === undefined ? "$.*" : `$.${list}.*`], keepStack: false });
  parser.onToken = ({ token }) => {
    const opens = token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET;
    const closes = token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET;
    if (closes) depth -= 1;
    if (depth === inside) {
      size = 0;
      if (!closes && token !== TokenType.COMMA) rowLine = line;
    }
    if (opens) depth += 1;
  };
  parser.onValue = ({ value }) => {
    // The parser's type for objects has no string index, so `isObject` checks it anew.
    const row: unknown = value;
    const problem = { field: "row", reason: "must be a JSON object" };
    found.push(isObject(row) ? { line: rowLine, row } : { line: rowLine, problem });
  };
  const broken = () => new InputError("is not valid JSON from here on.", line);
  for await (const chunk of text) {
    for (const piece of pieces(chunk)) {
      size += piece.length;
      try {
        parser.write(piece);
      } catch {
        throw broken();
      }
      if (size > ROW_BYTES) throw new InputError(`a row that begins here ${TOO_LONG}.`, rowLine || line);
      if (piece.at(-1) === NEWLINE) line += 1;
    }
    yield* found.splice(0);
  }
  yield* found.splice(0);
  if (!parser.isEnded) throw new InputError("The JSON ends too early.", line);
}

/** Splits a chunk into lines, and long lines into parts, so that the line number and the size of a row are known. */
function* pieces(chunk: Buffer): Generator<Buffer> {
  const most = ROW_BYTES / 16;
  for (let start = 0; start < chunk.length; ) {
    const newline = chunk.indexOf(NEWLINE, start);
    const end = Math.min(newline < 0 ? chunk.length : newline + 1, start + most);
    yield chunk.subarray(start, end);
    start = end;
  }
}
