import type { Findings } from "./findings.ts";
import type { MissingRole } from "./ready.ts";
import type { Totals } from "./send.ts";
import type { Difference } from "./verify.ts";

/** The result of a run. */
export interface Summary extends Totals {
  readonly dryRun: boolean;
  /** Why the run stopped early; undefined if it did not. */
  stopped: "interrupted" | "unavailable" | undefined;
  /** The same as a sentence. */
  reason: string | undefined;
  rows: number;
  /** How many users can be imported. */
  users: number;
  readonly findings: Findings;
  missingRoles: readonly MissingRole[];
  verified: { readonly users: number; readonly differences: readonly Difference[] } | undefined;
  readonly notes: string[];
  /** The paths of the files that the run wrote. */
  readonly files: { failed?: string; report?: string; kv?: string; journal?: string };
}

/** Exit status: CometChat has every user, or in a dry run, every user could be imported. */
const ALL = 0;
/** Exit status: some users are missing (wrong rows, users that CometChat refused) or differ, as `--verify` found. */
const SOME = 1;
/** Exit status: wrong usage, a wrong configuration, or an input that cannot be read. Nothing was sent. */
export const USAGE = 2;
/** Exit status: CometChat is unavailable, or the disk is full. The same command continues the run. */
export const UNAVAILABLE = 3;
/** Exit status after Ctrl-C, by the shells' convention (128 + SIGINT). The same command continues the run. */
export const INTERRUPTED = 130;

/** The exit status of a run. */
export function exitCode({ stopped, findings, failed, verified, missingRoles, dryRun }: Summary): number {
  if (stopped === "interrupted") return INTERRUPTED;
  if (stopped === "unavailable") return UNAVAILABLE;
  const wrong = findings.counts.wrong + failed + (verified?.differences.length ?? 0);
  return wrong + (dryRun ? missingRoles.length : 0) > 0 ? SOME : ALL;
}

/** The summary as one JSON object. */
export function asJson(summary: Summary): string {
  const { findings, stopped, reason, missingRoles, verified, files, notes, ...counts } = summary;
  const { lists } = findings;
  return JSON.stringify({
    ok: exitCode(summary) === ALL,
    ...counts,
    ...findings.counts,
    ...(stopped && { stopped, reason }),
    missingRoles,
    ...(verified && { verified }),
    files,
    notes,
    problems: { wrong: lists.wrong, hashed: lists.hashed, duplicate: lists.duplicate },
  });
}

/** An argument of a command, quoted for a shell. */
export const quoted = (arg: string): string => (/^[\w./:=,@-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`);

/** How many findings of each kind the text shows. `--json` and the report have more. */
const SHOWN = 20;

/**
 * The summary as text for a person.
 * @param command the command that continues the run
 * @param place wrangler's flags for the configuration of the run
 */
export function asText(summary: Summary, command: string, place: string): string {
  const { dryRun, rows, users, findings, stopped, files } = summary;
  const { counts, lists } = findings;
  const n = (count: number) => count.toLocaleString("en");
  const lines: string[] = [];
  const list = (kind: keyof typeof counts, texts: readonly string[]) => {
    lines.push(...texts.slice(0, SHOWN).map((text) => `  ${text}`));
    const more = findings.total[kind] - SHOWN;
    if (more > 0) lines.push(`  … and ${n(more)} more${files.report ? `: ${files.report}` : ""}`);
  };
  for (const note of summary.notes) lines.push(note);
  lines.push(`Rows: ${n(rows)}. Users ${dryRun ? "that can be imported" : "in them"}: ${n(users)}.`);
  if (counts.wrong > 0) {
    lines.push(`Rows that are wrong: ${n(counts.wrong)}`);
    list(
      "wrong",
      lists.wrong.map(({ line, field, reason }) => `line ${line}, ${field}: ${reason}`),
    );
  }
  if (counts.duplicate > 0) {
    lines.push(`Rows that are left out, since an earlier row has the same user: ${n(counts.duplicate)}`);
    list(
      "duplicate",
      lists.duplicate.map(({ line, first }) => `line ${line}: as in line ${first}`),
    );
  }
  if (dryRun && counts.hashed > 0) {
    lines.push(`Subjects that are no valid uids, so that a hash becomes the uid: ${n(counts.hashed)}`);
    list(
      "hashed",
      lists.hashed.map(({ line, subject, uid }) => `line ${line}: ${subject} → ${uid}`),
    );
  }
  for (const role of summary.missingRoles) {
    lines.push(
      `CometChat has no role "${role.role}" in app ${role.app} (${n(role.users)} users): --create-roles makes it.`,
    );
  }
  if (!dryRun) {
    const { created, updated, existing, failed } = summary;
    lines.push(
      `Created: ${n(created)}. Updated: ${n(updated)}. Existed already: ${n(existing)}. Refused by CometChat: ${n(failed)}.`,
    );
  }
  if (summary.verified) {
    const { users: compared, differences } = summary.verified;
    lines.push(`Users read back: ${n(compared)}. Different: ${n(differences.length)}.`);
    lines.push(...differences.slice(0, SHOWN).map(({ uid, fields }) => `  ${uid}: ${fields.join(", ")}`));
  }
  if (stopped) {
    if (summary.reason) lines.push(summary.reason);
    lines.push(`Stopped before the end. The same command continues this run:`, `  ${command}`);
  }
  if (files.failed)
    lines.push(`Users that were not imported, with the reasons (correct the file and import it): ${files.failed}`);
  if (files.kv && !stopped)
    lines.push(`Mappings: npx wrangler kv bulk put ${quoted(files.kv)} --binding USERS --remote${place}`);
  return `${lines.join("\n")}\n`;
}
