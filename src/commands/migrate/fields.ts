import { textFields } from "../../cometchat/fields.ts";
import { claim } from "../../session/claims.ts";
import { InputError } from "./entry.ts";
import type { Export } from "./exports.ts";
import type { Form } from "./input.ts";

type Row = Readonly<Record<string, unknown>>;

/** What is read of a user; `country` and `continent` only where the configuration places users by geography. */
export const PROFILE_FIELDS = [...textFields.map(([field]) => field), "role", "tags", "metadata"] as const;
export const FIELDS = ["subject", ...PROFILE_FIELDS, "country", "continent"] as const;
export type Field = (typeof FIELDS)[number];

export const isField = (name: string): name is Field => FIELDS.some((field) => field === name);

/** Field → column, or dotted path, as `--map` says. */
export type Names = ReadonlyMap<Field, string>;

/** The fields of one row, and the row as a session's claims. */
export interface Picked {
  readonly fields: Readonly<Partial<Record<Field, unknown>>>;
  readonly claims: Row;
}

/** Finds the fields in a row: by `--map`, else as the provider's export has them, else by their own names. */
export function createPicker(names: Names, from: Export | undefined): (row: Row) => Picked {
  return (row) => {
    const claims = from ? from.claims(row) : row;
    const fields: Partial<Record<Field, unknown>> = {};
    const paths = (field: Field): readonly string[] => {
      const mapped = names.get(field);
      if (mapped !== undefined) return [mapped];
      if (!from) return [field];
      if (field === "subject") return ["sub"];
      return field === "name" || field === "avatar" ? from[field] : [];
    };
    for (const field of FIELDS) {
      const found = paths(field)
        .map((path) => claim(claims, path))
        .find((value) => value !== undefined && value !== null && value !== "");
      if (found !== undefined) fields[field] = found;
    }
    return { fields, claims };
  };
}

/** Fails with `InputError` where a CSV lacks a column that every user needs, or that `--map` names. */
export function checkColumns({ columns }: Form, names: Names, from: Export | undefined, only: readonly Field[]): void {
  if (!columns) return;
  const has = (path: string) => columns.includes(path) || columns.some((column) => path.startsWith(`${column}.`));
  const list = `Its columns are: ${columns.map((column) => JSON.stringify(column)).join(", ")}.`;
  for (const [field, path] of names) {
    if (!from && !has(path))
      throw new InputError(`has no column "${path}", which --map names for ${field}. ${list}`, 1);
  }
  if (from) {
    if (names.has("subject") || from.subject.some(has)) return;
    throw new InputError(`has no column ${quoted(from.subject)}: this is no such export. ${list}`, 1);
  }
  for (const field of only) {
    if (names.has(field) || columns.includes(field)) continue;
    throw new InputError(`has no column "${field}". Name the one that is meant: --map ${field}=…  ${list}`, 1);
  }
}

const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(" or ");
