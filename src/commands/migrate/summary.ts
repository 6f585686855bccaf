import type { Findings } from "./findings.ts";
import type { MissingRole } from "./ready.ts";
import type { Totals } from "./send.ts";
import type { Difference } from "./verify.ts";

/** What a run came to. */
export interface Summary extends Totals {
  readonly dryRun: boolean;
  /** Why it ended before its end. */
  stopped: "interrupted" | "unavailable" | undefined;
  /** The same in words. */
  reason: string | undefined;
  rows: number;
  /** Users that can be imported. */
  users: number;
  readonly findings: Findings;
  missingRoles: readonly MissingRole[];
  verified: { readonly users: number; readonly differences: readonly Difference[] } | undefined;
  readonly notes: string[];
  /** What the run left behind, by path. */
  readonly files: { failed?: string; report?: string; kv?: string; journal?: string };
}

/** Every user is there, or in a dry run: would be. */
const ALL = 0;
/** Some users are not: wrong rows, users that CometChat refused, differences that `--verify` found. */
const SOME = 1;
/** Wrong usage, configuration, or an input that cannot be read. Nothing was sent. */
export const USAGE = 2;
/** CometChat could not be gone on with. The same command goes on. */
const UNAVAILABLE = 3;
/** Ctrl-C: as shells have it. The same command goes on. */
const INTERRUPTED = 130;

export function exitCode({ stopped, findings, failed, verified, missingRoles, dryRun }: Summary): number {
  if (stopped === "interrupted") return INTERRUPTED;
  if (stopped === "unavailable") return UNAVAILABLE;
  const wrong = findings.counts.wrong + failed + (verified?.differences.length ?? 0);
  return wrong + (dryRun ? missingRoles.length : 0) > 0 ? SOME : ALL;
}

/** One JSON object, for machines. */
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

/** Findings of a kind that are shown; `--json` and the report have more. */
const SHOWN = 20;

/** Lines for a person. `again`: the command that goes on, or imports what failed. */
export function inWords(summary: Summary, command: string): string {
  const { dryRun, rows, users, findings, stopped, files } = summary;
  const { counts, lists } = findings;
  const n = (count: number) => count.toLocaleString("en");
  const lines: string[] = [];
  const list = (kind: keyof typeof counts, texts: readonly string[]) => {
    lines.push(...texts.slice(0, SHOWN).map((text) => `  ${text}`));
    const more = findings.found[kind] - SHOWN;
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
    lines.push(`Rows that are left out, since an earlier one is of the same user: ${n(counts.duplicate)}`);
    list(
      "duplicate",
      lists.duplicate.map(({ line, first }) => `line ${line}: as in line ${first}`),
    );
  }
  if (dryRun && counts.hashed > 0) {
    lines.push(`Subjects that cannot be uids as they are, and get a hash for one: ${n(counts.hashed)}`);
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
      `Created: ${n(created)}. Updated: ${n(updated)}. There already: ${n(existing)}. Refused by CometChat: ${n(failed)}.`,
    );
  }
  if (summary.verified) {
    const { users: compared, differences } = summary.verified;
    lines.push(`Users read back: ${n(compared)}. Of these differ: ${n(differences.length)}.`);
    lines.push(...differences.slice(0, SHOWN).map(({ uid, fields }) => `  ${uid}: ${fields.join(", ")}`));
  }
  if (stopped) {
    if (summary.reason) lines.push(summary.reason);
    lines.push(`Stopped before the end. The same command goes on where this run ended:`, `  ${command}`);
  }
  if (files.failed) lines.push(`What was not imported, with the reasons, to be mended and imported: ${files.failed}`);
  if (files.kv && !stopped) lines.push(`Mappings: npx wrangler kv bulk put ${files.kv} --binding USERS --remote`);
  return `${lines.join("\n")}\n`;
}
