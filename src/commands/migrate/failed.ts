import { type Member, placementIn } from "./batches.ts";
import type { Entry, Problem } from "./entry.ts";
import type { Rules } from "./user.ts";

/**
 * Makes a line of FILE.failed.ndjson: the fields of a user and why it was not imported. The fields have the importer's
 * own names, so that the corrected file can be imported without other flags. Nothing else of the row is written, since
 * a provider's export may contain password hashes.
 */
export function failedRow(entry: Entry, rules: Rules, problems: readonly Problem[]): string {
  const fields = entry.row ? rules.pick(entry.row).fields : {};
  return lineOf({ ...fields, ...placementIn(entry, rules) }, entry.line, problems);
}

/** Makes such a line of a user that CometChat refused. */
export function failedMember({ user, line, placement }: Member, problem: Problem): string {
  return lineOf({ subject: user.subject, ...user.profile, ...placement }, line, [problem]);
}

const lineOf = (fields: object, line: number, problems: readonly Problem[]): string =>
  `${JSON.stringify({ ...fields, failed: problems.map((problem) => ({ line, ...problem })) })}\n`;
