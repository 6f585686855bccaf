import { type Member, placementIn } from "./batches.ts";
import type { Entry, Problem } from "./entry.ts";
import type { Rules } from "./user.ts";

/**
 * A line of FILE.failed.ndjson: the user's fields by their own names, so that the file is input again as it is, and why it
 * was not imported. Nothing else of the row is in it: exports hold digests of passwords.
 */
export function failedRow(entry: Entry, rules: Rules, problems: readonly Problem[]): string {
  const fields = entry.row ? rules.pick(entry.row).fields : {};
  return lineOf({ ...fields, ...placementIn(entry, rules) }, entry.line, problems);
}

/** The same of a user that CometChat refused. */
export function failedMember({ user, line, placement }: Member, problem: Problem): string {
  return lineOf({ subject: user.subject, ...user.profile, ...placement }, line, [problem]);
}

const lineOf = (fields: object, line: number, problems: readonly Problem[]): string =>
  `${JSON.stringify({ ...fields, failed: problems.map((problem) => ({ line, ...problem })) })}\n`;
