import { isDeepStrictEqual } from "node:util";
import { patch } from "@decimalturn/toml-patch";
import { parse, stringify } from "smol-toml";
import { isObject } from "../../shape.ts";

export type Table = Readonly<Record<string, unknown>>;
/** Keys of tables and indexes of lists: `["vars", "SESSION_ISSUERS", 0]`. */
export type Path = readonly (string | number)[];

/** Parses TOML. Throws smol-toml's error, whose message contains the line's number and its text. */
export const read = (text: string): Table => plain(parse(text));

/** Copies the library's tables into plain objects, which can be compared. */
const plain = (value: object): Table => JSON.parse(JSON.stringify(value));

/** The value at a path; undefined if there is none. */
export function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((table, step) => (table as Record<PropertyKey, unknown> | undefined)?.[step], value);
}

/**
 * Sets keys of one table, or removes those whose value is undefined. Comments, blank lines and the order stay. The
 * result is parsed again and compared with the expected document; throws if they differ.
 *
 * A new key is inserted below the table's header. At the end of the table it would follow the comments there, which may
 * be the header of another table that is commented out; once an operator uncommented that, the key would belong to it.
 */
export function edit(text: string, path: Path, keys: Table): string {
  const before = read(text);
  const expected = withKeys(before, path, keys);
  if (isDeepStrictEqual(before, expected)) return text;
  const table = at(before, path) as Table | undefined;
  const fresh = Object.entries(keys).filter(([key, value]) => value !== undefined && table?.[key] === undefined);
  const known = Object.fromEntries(Object.entries(keys).filter(([key]) => table?.[key] !== undefined));
  const ways = [
    ...(table === undefined ? [() => insertedAfterLast(text, path, fresh)] : []),
    () => inserted(table === undefined ? text : patched(text, withKeys(before, path, known)), path, fresh),
    () => patched(text, expected),
  ];
  for (const way of ways) {
    const result = attempt(way);
    if (
      result !== undefined &&
      isDeepStrictEqual(
        attempt(() => read(result)),
        expected,
      )
    )
      return result;
  }
  throw new Error(
    `${header(path)} is written in a way that cannot be edited safely: write it as tables, or edit it by hand.`,
  );
}

/** Appends a comment and tables to the text. */
export function append(text: string, comment: string, content: Table): string {
  const end = newline(text);
  const block = `# ${comment}\n${stringify(content)}`.trimEnd().split("\n").join(end);
  return `${text.trimEnd()}${end}${end}${block}${end}`;
}

function withKeys(document: Table, path: Path, keys: Table): Table {
  const changed = structuredClone(document) as Record<PropertyKey, unknown>;
  let table = changed;
  path.forEach((step, depth) => {
    table[step] ??= typeof path[depth + 1] === "number" ? [] : {};
    table = table[step] as Record<PropertyKey, unknown>;
  });
  for (const [key, value] of Object.entries(keys)) {
    if (value === undefined) delete table[key];
    else table[key] = value;
  }
  return changed;
}

const patched = (text: string, document: Table): string =>
  isDeepStrictEqual(read(text), document) ? text : patch(text, document);

/** Inserts keys below the header of their table. If the table has no header, one is added at the end of the file. */
function inserted(text: string, path: Path, entries: readonly (readonly [string, unknown])[]): string {
  if (entries.length === 0) return text;
  const end = newline(text);
  const lines = entries.map(([key, value]) => `${key} = ${inline(value)}`);
  const index = path.at(-1);
  const names = path.filter((step) => typeof step === "string");
  const wanted = names.map((name) => `(?:${escaped(name)}|"${escaped(name)}")`).join("\\s*\\.\\s*");
  const pattern = typeof index === "number" ? `^\\s*\\[\\[\\s*${wanted}\\s*\\]\\]` : `^\\s*\\[\\s*${wanted}\\s*\\]`;
  const places = [...text.matchAll(new RegExp(`${pattern}[^\\S\\r\\n]*(?:#.*)?$`, "gm"))];
  const place = places[typeof index === "number" ? index : 0];
  if (!place) return `${text.trimEnd()}${end}${end}${[header(path), ...lines].join(end)}${end}`;
  const below = place.index + place[0].length;
  return `${text.slice(0, below)}${lines.map((line) => end + line).join("")}${text.slice(below)}`;
}

/** Inserts a new entry of a list of tables below the lines of the entry before it. Throws if there is none. */
function insertedAfterLast(text: string, path: Path, entries: readonly (readonly [string, unknown])[]): string {
  const index = path.at(-1);
  const headers = `^\\s*${escaped(header(path))}.*(?:\\r?\\n(?![^\\S\\n]*(?:\\[|\\r?$)).*)*`;
  const last = [...text.matchAll(new RegExp(headers, "gm"))][typeof index === "number" ? index - 1 : -1];
  if (!last) throw new Error("There is no entry before it.");
  const end = newline(text);
  const lines = entries.map(([key, value]) => `${key} = ${inline(value)}`);
  const below = last.index + last[0].length;
  return `${text.slice(0, below)}${end}${end}${[header(path), ...lines].join(end)}${text.slice(below)}`;
}

function header(path: Path): string {
  const names = path
    .filter((step) => typeof step === "string")
    .map((name) => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name)));
  return typeof path.at(-1) === "number" ? `[[${names.join(".")}]]` : `[${names.join(".")}]`;
}

/** A value on one line. JSON's escapes are valid in TOML's basic strings. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (isObject(value)) {
    const pairs = Object.entries(value).map(([key, one]) => `${key} = ${inline(one)}`);
    return `{ ${pairs.join(", ")} }`;
  }
  return JSON.stringify(value);
}

const escaped = (text: string) => text.replaceAll(/[^\w]/g, "\\$&");
const newline = (text: string) => (text.includes("\r\n") ? "\r\n" : "\n");

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
