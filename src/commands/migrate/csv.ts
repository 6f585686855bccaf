import { pipeline, Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { type Entry, InputError, ROW_BYTES } from "./entry.ts";

export interface CsvForm {
  /** The names of the columns, for a file without a header. */
  readonly columns?: readonly string[] | undefined;
  /** A column that every row has, with one of these values. A row without it is not of this format. */
  readonly sign?: { readonly column: string; readonly values: readonly string[] } | undefined;
  /** Whether a field that does not begin with a quotation mark may contain some. */
  readonly loose?: boolean | undefined;
  /** Whether an apostrophe at the beginning of a field is removed. */
  readonly apostrophes?: boolean | undefined;
}

/**
 * Reads the rows of a CSV (RFC 4180), each with the number of its first line. Semicolons or tabs as separators are
 * recognized by the first line. Throws `InputError`.
 */
export async function* readCsv(text: AsyncIterable<Buffer>, head: Buffer, form: CsvForm): AsyncGenerator<Entry> {
  const { columns, sign } = form;
  let names = columns && named(columns);
  for await (const { record, line } of records(text, head, form)) {
    if (record.length === 1 && record[0]?.trim() === "") continue;
    if (!names) names = named(record);
    else if (sign && !sign.values.includes(record[names.indexOf(sign.column)] ?? "")) {
      const reason = `is not a row of the export that --from names: its column ${sign.column} must be ${sign.values.join(" or ")}`;
      yield { line, problem: { field: "row", reason } };
    } else yield entryOf(names, record, line, columns !== undefined);
  }
}

/** Reads the names of the columns from the first line that is not empty. */
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
  let countedTwice = 0;
  /** The first lines of the rows that the parser has read and the loop below has not yielded yet. */
  const begins: number[] = [];
  const parser = parse({
    delimiter: columns ? "," : delimiterOf(head),
    relax_column_count: true,
    relax_quotes: loose,
    max_record_size: ROW_BYTES,
    record_delimiter: ["\r\n", "\n", "\r"],
    // Called when a row is parsed, long before the loop below receives it. A parser's error is thrown at once, so the
    // number of its line must be counted here.
    on_record: (record: string[], { lines }) => {
      begins.push(last + 1);
      // The parser counts a CR LF inside quotes as two lines.
      if (lines - countedTwice - last > 1) countedTwice += record.join("").split("\r\n").length - 1;
      last = lines - countedTwice;
      return record;
    },
  });
  // `pipeline` destroys the parser if the source fails, so the loop below receives that error as well.
  pipeline(Readable.from(text), parser, () => {});
  try {
    for await (const record of parser) yield { record: record.map(plain), line: begins.shift() ?? 0 };
  } catch (error) {
    throw error instanceof CsvError ? explained(error, last + 1) : error;
  }
}

/** The separator that occurs most often in the first line: comma, semicolon or tab. */
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
  // Rows of Firebase's export end with a comma, so a file without a header may have one field more than columns.
  if (record.length !== names.length && !ragged) {
    const reason = `has ${record.length} fields where the header has ${names.length}`;
    return { line, problem: { field: "row", reason } };
  }
  // CSV has no other way to leave a field out, so an empty field counts as absent.
  const pairs = record.map((value, index) => [names[index] ?? "", value] as const);
  return { line, row: Object.fromEntries(pairs.filter(([name, value]) => name !== "" && value !== "")) };
}

function explained({ code }: CsvError, line: number): InputError {
  switch (code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return new InputError("has an opening quotation mark without a closing one.", line);
    case "CSV_MAX_RECORD_SIZE":
      return new InputError("begins a row of more than 1 MB. Is a closing quotation mark missing?", line);
    case "INVALID_OPENING_QUOTE":
    case "CSV_INVALID_CLOSING_QUOTE":
      return new InputError(
        'has a quotation mark in the wrong place. Put the whole field in quotation marks and double those inside: "a ""b"" c".',
        line,
      );
    default:
      return new InputError(`is not CSV (${code}).`, line);
  }
}
