import { readArray } from "./array.ts";
import { type CsvForm, headerOf, readCsv } from "./csv.ts";
import { type Entry, InputError } from "./entry.ts";
import type { Export } from "./exports.ts";
import { readNdjson } from "./ndjson.ts";
import type { Source } from "./source.ts";
import { utf8 } from "./utf8.ts";

type Format = "csv" | "ndjson" | "json";

/** How to read the input. The content decides, not the file's name: Auth0's exports are NDJSON and end in `.json`. */
export interface Form {
  readonly format: Format;
  /** The columns of a CSV. */
  readonly columns?: readonly string[];
  /** The name of the array in a JSON document, if the document is an object. */
  readonly list?: string;
}

/** Finds out the format by the first bytes. Throws `InputError`. */
export async function formOf(source: Source, from: Export | undefined): Promise<Form> {
  const start = source.head.toString("utf8").trimStart();
  if (start === "") throw new InputError("It contains only white space.");
  if (start.startsWith("[")) return { format: "json" };
  const list = /^\{\s*"users"\s*:\s*\[/.test(start) ? "users" : undefined;
  if (list !== undefined) return { format: "json", list };
  if (start.startsWith("{")) return { format: "ndjson" };
  return {
    format: "csv",
    columns:
      from?.columns ??
      (await headerOf(
        utf8(source.read(), () => {}),
        source.head,
        csvOf(from),
      )),
  };
}

/** Reads all rows in order. Throws `InputError` if the input cannot be read any further. */
export function entriesOf(
  source: Source,
  form: Form,
  from: Export | undefined,
  progress: (bytes: number) => void = () => {},
): AsyncGenerator<Entry> {
  const text = utf8(source.read(), progress);
  if (form.format === "json") return readArray(text, form.list);
  if (form.format === "ndjson") return readNdjson(text);
  return readCsv(text, source.head, csvOf(from));
}

const csvOf = (from: Export | undefined): CsvForm => ({
  columns: from?.columns,
  sign: from?.sign,
  loose: from?.columns !== undefined,
  apostrophes: from?.apostrophes,
});
