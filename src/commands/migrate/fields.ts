import { fields as profileFields } from "../../cometchat/fields.ts";
import { claim } from "../../session/claims.ts";
import { InputError } from "./entry.ts";
import type { Export } from "./exports.ts";
import type { Form } from "./input.ts";

type Row = Readonly<Record<string, unknown>>;

/** The fields of a user. `country` and `continent` matter only if the configuration places users by geography. */
export const PROFILE_FIELDS = [...profileFields.map(([field]) => field), "metadata"] as const;
export const FIELDS = ["subject", ...PROFILE_FIELDS, "country", "continent"] as const;
export type Field = (typeof FIELDS)[number];

export const isField = (name: string): name is Field => FIELDS.some((field) => field === name);

/** For each field that `--map` names, its column or dotted path. */
export type Names = ReadonlyMap<Field, string>;

/** The fields of one row, and the claims that a session of the same user would have. */
export interface Picked {
  readonly fields: Readonly<Partial<Record<Field, unknown>>>;
  readonly claims: Row;
}

/**
 * Makes a function that finds the fields in a row: as `--map` says, else by the provider's format, else by their names.
 */
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

/**
 * Checks that a CSV has the columns that `--map` names and those of the `required` fields. Throws `InputError`.
 */
export function checkColumns(
  { columns }: Form,
  names: Names,
  from: Export | undefined,
  required: readonly Field[],
): void {
  if (!columns) return;
  const has = (path: string) => columns.includes(path) || columns.some((column) => path.startsWith(`${column}.`));
  const list = `Its columns are: ${columns.map((column) => JSON.stringify(column)).join(", ")}.`;
  for (const [field, path] of names) {
    if (!from && !has(path))
      throw new InputError(`has no column "${path}", which --map names for ${field}. ${list}`, 1);
  }
  if (from) {
    if (names.has("subject") || from.subject.some(has)) return;
    throw new InputError(
      `has no column ${quoted(from.subject)}: it is not an export of the provider that --from names. ${list}`,
      1,
    );
  }
  for (const field of required) {
    if (names.has(field) || columns.includes(field)) continue;
    throw new InputError(`has no column "${field}". Name the right column: --map ${field}=…  ${list}`, 1);
  }
}

const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(" or ");
