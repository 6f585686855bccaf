import type { Problem } from "./entry.ts";
import { Lines } from "./lines.ts";

/** One thing that the check found, as `--json` and the report have it. */
export interface Finding extends Partial<Problem> {
  readonly line: number;
  readonly subject?: string;
  readonly uid?: string;
  /** Of a duplicate: the line of the row that counts. */
  readonly first?: number;
}

export type Kind = "wrong" | "hashed" | "duplicate";

/** Of each kind this many are listed in `--json`, and the first of them are shown; the report has all. */
const LISTED = 1_000;

/** What the check found: rows that are wrong, subjects whose uid is a hash, rows that name a user for the second time. */
export class Findings {
  readonly lists: Readonly<Record<Kind, Finding[]>> = { wrong: [], hashed: [], duplicate: [] };
  /** Rows. */
  readonly counts: Record<Kind, number> = { wrong: 0, hashed: 0, duplicate: 0 };
  /** Findings in all: a row may have several. */
  readonly found: Record<Kind, number> = { wrong: 0, hashed: 0, duplicate: 0 };
  readonly #report: Lines | undefined;

  /** `path`: where everything is written to, one JSON object a line. */
  constructor(path?: string) {
    this.#report = path === undefined ? undefined : new Lines(path);
  }

  add(kind: Kind, finding: Finding): void {
    this.found[kind] += 1;
    const list = this.lists[kind];
    if (list.length < LISTED) list.push(finding);
    this.#report?.write(`${JSON.stringify({ kind, ...finding })}\n`);
  }

  /** Counts a row once, whatever number of its fields are wrong. */
  count(kind: Kind): void {
    this.counts[kind] += 1;
  }

  close(): void {
    this.lists.duplicate.sort((a, b) => a.line - b.line);
    this.#report?.close();
  }
}
