import type { Problem } from "./entry.ts";
import { Lines } from "./lines.ts";

/** One finding of the check, as it is in the output of `--json` and in the report. */
export interface Finding extends Partial<Problem> {
  readonly line: number;
  readonly subject?: string;
  readonly uid?: string;
  /** For a duplicate, the line of the first row of the same user, which is the one that is imported. */
  readonly first?: number;
}

export type Kind = "wrong" | "hashed" | "duplicate";

/** How many findings of each kind `--json` lists. The report has all of them. */
const LISTED = 1_000;

/** The findings of the check: wrong rows, subjects whose uid is a hash, and rows of a user that an earlier row has. */
export class Findings {
  readonly lists: Readonly<Record<Kind, Finding[]>> = { wrong: [], hashed: [], duplicate: [] };
  /** How many rows have findings of each kind. */
  readonly counts: Record<Kind, number> = { wrong: 0, hashed: 0, duplicate: 0 };
  /** How many findings there are of each kind; a row may have several. */
  readonly total: Record<Kind, number> = { wrong: 0, hashed: 0, duplicate: 0 };
  readonly #report: Lines | undefined;

  /** `path`: the file of the report, one JSON object a line; undefined for none. */
  constructor(path?: string) {
    this.#report = path === undefined ? undefined : new Lines(path);
  }

  add(kind: Kind, finding: Finding): void {
    this.total[kind] += 1;
    const list = this.lists[kind];
    if (list.length < LISTED) list.push(finding);
    this.#report?.write(`${JSON.stringify({ kind, ...finding })}\n`);
  }

  /** Counts a row. Called once for each row, however many of its fields are wrong. */
  count(kind: Kind): void {
    this.counts[kind] += 1;
  }

  close(): void {
    this.lists.duplicate.sort((a, b) => a.line - b.line);
    this.#report?.close();
  }
}
