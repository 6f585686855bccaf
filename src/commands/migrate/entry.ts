/** One user as the input has it: its fields by their names there, or what is wrong with it. */
export interface Entry {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly row?: Readonly<Record<string, unknown>>;
  readonly problem?: Problem;
}

/** What is wrong with one row. */
export interface Problem {
  /** The field's name, or `row` where it is about the whole of it. */
  readonly field: string;
  /** What it must be, in words of ours: nothing of the row is repeated. */
  readonly reason: string;
}

/** The input as a whole cannot be read on: nothing after this place can be trusted. */
export class InputError extends Error {
  constructor(reason: string, line?: number) {
    super(line === undefined ? reason : `Line ${line}: ${reason}`);
  }
}

/** Bytes of one row. CometChat takes 10 KB of a user; exports hold more than that, but never a megabyte. */
export const ROW_BYTES = 1024 * 1024;
export const TOO_LONG = "is longer than 1 MB";
