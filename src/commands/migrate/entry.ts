/** One row of the input: its fields by their names there, or the reason why it cannot be read. */
export interface Entry {
  /** The number of its first line, from 1. */
  readonly line: number;
  readonly row?: Readonly<Record<string, unknown>>;
  readonly problem?: Problem;
}

/** What is wrong with one row. */
export interface Problem {
  /** The field's name, or `row` if the problem is about the whole row. */
  readonly field: string;
  /** What the field must be. It repeats nothing of the row, which may contain personal data. */
  readonly reason: string;
}

/** The input cannot be read any further: the content after this line has no certain meaning. */
export class InputError extends Error {
  constructor(reason: string, line?: number) {
    super(line === undefined ? reason : `Line ${line}: ${reason}`);
  }
}

/**
 * The greatest size of one row, in bytes. CometChat accepts 10 KB for a user; exports have more, but not a megabyte.
 */
export const ROW_BYTES = 1024 * 1024;
export const TOO_LONG = "is longer than 1 MB";

export const NO_ROWS = "It has no users: there is no row after the header, or the list is empty.";
