import { pipeline, Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { type Entry, InputError, ROW_BYTES } from "./entry.ts";

export interface CsvForm {
  /** Column names of a file that has no header. */
  readonly columns?: readonly string[] | undefined;
  /** Whether quotes may stand inside a field that does not begin with one. */
  readonly loose?: boolean | undefined;
  /** Whether an apostrophe at the beginning of a field is no part of it. */
  readonly apostrophes?: boolean | undefined;
}

/** Rows of a CSV (RFC 4180; also with semicolons or tabs, which the first line shows), each with the line it begins in. */
export async function* readCsv(text: AsyncIterable<Buffer>, head: Buffer, form: CsvForm): AsyncGenerator<Entry> {
  const { columns } = form;
  let names = columns && named(columns);
  for await (const { record, line } of records(text, head, form)) {
    if (record.length === 1 && record[0]?.trim() === "") continue;
    if (!names) names = named(record);
    else yield entryOf(names, record, line, columns !== undefined);
  }
}

/** The header's names, as the first line has them. */
export async function headerOf(text: AsyncIterable<Buffer>, head: Buffer, form: CsvForm): Promise<readonly string[]> {
  for await (const { record } of records(text, head, form)) {
    if (record.length > 1 || record[0]?.trim() !== "") return named(record);
  }
  return [];
}

interface Line {
  readonly record: readonly string[];
  readonly line: number;
}

async function* records(
  text: AsyncIterable<Buffer>,
  head: Buffer,
  { columns, loose = false, apostrophes }: CsvForm,
): AsyncGenerator<Line> {
  const plain = (field: string) => (apostrophes && field.startsWith("'") ? field.slice(1) : field);
  let last = 0;
  let twice = 0;
  /** The lines of those that have been read and not yet taken. */
  const begins: number[] = [];
  const parser = parse({
    delimiter: columns ? "," : delimiterOf(head),
    relax_column_count: true,
    relax_quotes: loose,
    max_record_size: ROW_BYTES,
    record_delimiter: ["\r\n", "\n", "\r"],
    // Called as the row is read, long before the loop below has it: a failure must know how far this has come.
    on_record: (record: string[], { lines }) => {
      begins.push(last + 1);
      // The parser counts CR LF within quotes as two lines.
      if (lines - twice - last > 1) twice += record.join("").split("\r\n").length - 1;
      last = lines - twice;
      return record;
    },
  });
  // A failure of any part reaches the loop below, since the last part is destroyed with it.
  pipeline(Readable.from(text), parser, () => {});
  try {
    for await (const record of parser) yield { record: record.map(plain), line: begins.shift() ?? 0 };
  } catch (error) {
    throw error instanceof CsvError ? explained(error, last + 1) : error;
  }
}

/** Of the usual ones, the one that the first line has most of. */
function delimiterOf(head: Buffer): string {
  const [first = ""] = head.toString("utf8").split(/[\r\n]/, 1);
  const bare = first.replaceAll(/"[^"]*"/g, "");
  const count = (delimiter: string) => bare.split(delimiter).length;
  return [",", ";", "\t"].reduce((best, other) => (count(other) > count(best) ? other : best));
}

function named(record: readonly string[]): readonly string[] {
  const names = record.map((name) => name.trim());
  const double = names.find((name, index) => name !== "" && names.indexOf(name) !== index);
  if (double !== undefined) throw new InputError(`has two columns named ${JSON.stringify(double)}.`, 1);
  return names;
}

function entryOf(names: readonly string[], record: readonly string[], line: number, ragged: boolean): Entry {
  // Firebase ends each row with a comma.
  if (record.length !== names.length && !ragged) {
    const reason = `has ${record.length} fields where the header has ${names.length}`;
    return { line, problem: { field: "row", reason } };
  }
  // An empty field is one that is not there: CSV has no other way to say so.
  const pairs = record.map((value, index) => [names[index] ?? "", value] as const);
  return { line, row: Object.fromEntries(pairs.filter(([name, value]) => name !== "" && value !== "")) };
}

function explained({ code }: CsvError, line: number): InputError {
  switch (code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return new InputError("has a quote that never ends.", line);
    case "CSV_MAX_RECORD_SIZE":
      return new InputError("begins a row of more than 1 MB. Is there a quote that never ends?", line);
    case "INVALID_OPENING_QUOTE":
    case "CSV_INVALID_CLOSING_QUOTE":
      return new InputError(
        'has a quote in the wrong place. A field with quotes is quoted as a whole, and each of its quotes doubled: "a ""b"" c".',
        line,
      );
    default:
      return new InputError(`is no CSV (${code}).`, line);
  }
}
