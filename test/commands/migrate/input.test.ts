import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { type Entry, InputError } from "../../../src/commands/migrate/entry.ts";
import { entriesOf, formOf } from "../../../src/commands/migrate/input.ts";
import { openSource } from "../../../src/commands/migrate/source.ts";
import { createWorld } from "../../support/migrate.ts";

const { file } = await createWorld();

async function read(content: string | Buffer): Promise<Entry[]> {
  const source = await openSource(file("input", content), Readable.from([]));
  const entries: Entry[] = [];
  for await (const entry of entriesOf(source, await formOf(source, undefined), undefined)) entries.push(entry);
  return entries;
}

const failure = (content: string | Buffer) =>
  read(content).then(
    () => "read to its end",
    (error: unknown) => (error instanceof InputError ? error.message : `${error}`),
  );

const rows = [
  { subject: "a", name: "Anna" },
  { subject: "b", name: "Bo" },
];

test.each<[string, string, readonly number[]]>([
  ["CSV", "subject,name\na,Anna\nb,Bo\n", [2, 3]],
  ["CSV without a line end at its end", "subject,name\na,Anna\nb,Bo", [2, 3]],
  ["CSV with CR LF", "subject,name\r\na,Anna\r\nb,Bo\r\n", [2, 3]],
  ["CSV with a byte order mark", "\uFEFFsubject,name\na,Anna\nb,Bo\n", [2, 3]],
  ["CSV with semicolons", "subject;name\na;Anna\nb;Bo\n", [2, 3]],
  ["CSV with tabs", "subject\tname\na\tAnna\nb\tBo\n", [2, 3]],
  ["CSV with empty lines", "subject,name\n\na,Anna\n\n\nb,Bo\n", [3, 6]],
  ["CSV with white space in the header", "subject , name\na,Anna\nb,Bo\n", [2, 3]],
  ["NDJSON", '{"subject":"a","name":"Anna"}\n\n{"subject":"b","name":"Bo"}\n', [1, 3]],
  ["NDJSON with CR LF", '{"subject":"a","name":"Anna"}\r\n{"subject":"b","name":"Bo"}', [1, 2]],
  ["a JSON array on one line", '[{"subject":"a","name":"Anna"},{"subject":"b","name":"Bo"}]', [1, 1]],
  [
    "a JSON array over lines",
    '[\n {\n  "subject": "a", "name": "Anna"\n },\n {"subject":"b",\n"name":"Bo"}\n]\n',
    [2, 5],
  ],
  [
    "a JSON object of users",
    '{ "users": [\n{"subject":"a","name":"Anna"},\n{"subject":"b","name":"Bo"}\n], "next": null}',
    [2, 3],
  ],
])("%s is read, each row with the number of its first line", async (_, content, lines) => {
  const entries = await read(content);
  expect(entries.map(({ row }) => row)).toEqual(rows);
  expect(entries.map(({ line }) => line)).toEqual(lines);
});

test("a quoted CSV field may contain commas, quotation marks and line breaks, which are counted", async () => {
  const entries = await read('subject,name\na,"A ""B"", C\r\nD\n"\nb,Bo\n');
  expect(entries.map(({ line, row }) => [line, row?.name])).toEqual([
    [2, 'A "B", C\r\nD\n'],
    [5, "Bo"],
  ]);
});

test("a character that is split between two chunks is read", async () => {
  const name = "ä€😀".repeat(100_000);
  const entries = await read(
    `${JSON.stringify({ subject: "a", name: "x" })}\n${JSON.stringify({ subject: "b", note: name })}\n`,
  );
  expect(entries[1]?.row?.note === name).toBe(true);
});

test.each<[string, string, number, string]>([
  ["a line that is no JSON", '{"subject":"a"}\n{"subject":\n{"subject":"c"}', 2, "is not valid JSON"],
  ["a line that is a list", '{"subject":"a"}\n["b"]\n{"subject":"c"}', 2, "must be a JSON object"],
  ["a line of 10 MB", `{"subject":"a"}\n{"name":"${"x".repeat(10e6)}"}\n{"subject":"c"}`, 2, "is longer than 1 MB"],
  ["a number in a JSON array", '[{"subject":"a"},\n7,\n{"subject":"c"}]', 2, "must be a JSON object"],
  ["a CSV row with too many fields", "subject\na\nb,b\nc", 3, "has 2 fields where the header has 1"],
])("%s is one wrong row, and the others are read", async (_, content, line, reason) => {
  const entries = await read(content);
  expect(entries.map(({ row }) => row?.subject)).toEqual(["a", undefined, "c"]);
  expect(entries[1]).toEqual({ line, problem: { field: "row", reason } });
});

const long = "x".repeat(10e6);
test.each<[string, string | Buffer, string]>([
  ["an empty file", "", "It is empty."],
  ["a file of white space", " \n\n", "It contains only white space."],
  ["UTF-16", Buffer.from("\uFEFFsubject,name\n", "utf16le"), "Line 1: It is UTF-16"],
  ["Latin-1", Buffer.from("subject,name\na,Anna\nb,Jérôme\n", "latin1"), "Line 3: is not UTF-8."],
  ["a character cut off at the end", Buffer.from("subject,name\na,é").subarray(0, -1), "Line 2: is not UTF-8."],
  ["a NUL byte", "subject,name\na,A\u0000\n", "Line 2: contains a NUL byte"],
  [
    "a quote that never ends",
    'subject,name\na,"Anna\nb,Bo\n',
    "Line 2: has an opening quotation mark without a closing one.",
  ],
  [
    "a quote that never ends in a large file",
    `subject,name\na,A\nb,"${"x\n".repeat(1e6)}`,
    "Line 3: begins a row of more than 1 MB.",
  ],
  [
    "a quote that never ends after many rows",
    `subject,name\n${"a,A\n".repeat(5000)}b,"B\n${"c,C\n".repeat(9)}`,
    "Line 5002: has an opening quotation mark without a closing one.",
  ],
  ["a quote inside a field", 'subject,name\na,A "B" C\n', "Line 2: has a quotation mark in the wrong place."],
  ["text after a quoted field", 'subject,name\na,"A"B\n', "Line 2: has a quotation mark in the wrong place."],
  ["a CSV line of 10 MB", `subject,name\na,A\nb,${long}\n`, "Line 3: begins a row of more than 1 MB."],
  ["a CSV header of 10 MB", `${long}\n`, "Line 1: begins a row of more than 1 MB."],
  ["a column twice", "subject,name,name\n", 'Line 1: has two columns named "name".'],
  ["a JSON array that ends too early", '[{"subject":"a"},\n{"subject":"b"}\n', "The JSON ends too early."],
  ["a JSON array with a mistake", '[{"subject":"a"},\n{"subject" "b"}]', "Line 2: is not valid JSON from here on."],
  [
    "a JSON array with a row of 10 MB",
    `[{"subject":"a"},\n{"name":"${long}"}]`,
    "Line 2: a row that begins here is longer than 1 MB.",
  ],
  ["text after a JSON array", '[{"subject":"a"}]\nmore', "Line 2: is not valid JSON from here on."],
])("%s is refused with the number of its line", async (_, content, sentence) => {
  expect(await failure(content)).toContain(sentence);
});

test("a file that does not exist and a folder are reported", async () => {
  const open = (path: string) => openSource(path, Readable.from([])).catch((error: Error) => error.message);
  expect(await open("/nonexistent.csv")).toBe("There is no such file.");
  expect(await open("/")).toBe("It is a folder, not a file.");
});
