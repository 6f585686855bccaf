import { once } from "node:events";
import { InputError, NO_ROWS, type Problem } from "./entry.ts";
import { exports } from "./exports.ts";
import { checkColumns, createPicker } from "./fields.ts";
import { exportFlags, type InputFlags } from "./flags.ts";
import { entriesOf, formOf } from "./input.ts";
import { readSettings, UsageError } from "./settings.ts";
import { openSource } from "./source.ts";
import { identify, readable } from "./user.ts";

/** `npm run export-uids`: writes the uid of each subject, for the app's own database. It makes no network call. */

const HELP = `npm run export-uids -- FILE [--from NAME] [--map subject=C] [--issuer URL] [--config PATH] [--env NAME] [--json]

Writes subject,uid as CSV to standard output, or with --json one JSON object a line.
Exit status: 0 every row has a uid, 1 some rows have none (standard error names them), 2 wrong usage or input,
3 the output cannot be written.
`;

/** Why standard output could not be written. */
let failure: Error | undefined;
process.stdout.on("error", (error) => {
  failure ??= error;
});

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const flags = exportFlags(args, process.env);
    if (flags) return await exportUids(flags);
    process.stdout.write(HELP);
    return 0;
  } catch (error) {
    const isUsage = error instanceof InputError || error instanceof UsageError;
    // For instance, the disk is full, or the program that reads a pipe has ended.
    if (!isUsage && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    process.stderr.write(`${isUsage ? error.message : `A file cannot be used (${(error as Error).message}).`}\n`);
    return isUsage ? 2 : 3;
  }
}

async function exportUids({ file, names, from: name, issuer: wanted, json, ...where }: InputFlags): Promise<number> {
  const { issuer } = await readSettings(where, { issuer: wanted, secrets: false });
  const from = name === undefined ? undefined : exports[name];
  const source = await openSource(file, process.stdin);
  let rows = 0;
  let wrong = 0;
  try {
    const form = await formOf(source, from);
    checkColumns(form, names, from, ["subject"]);
    const pick = createPicker(names, from);
    if (!json) await write("subject,uid\n");
    for await (const { line, row, problem } of entriesOf(source, form, from)) {
      rows += 1;
      const problems: Problem[] = problem ? [problem] : [];
      const { subject } = row ? readable(pick(row).fields) : {};
      const uid = row && (await identify(subject, issuer, problems));
      if (uid === undefined) {
        wrong += 1;
        for (const { field, reason } of problems) process.stderr.write(`line ${line}, ${field}: ${reason}\n`);
      } else await write(json ? `${JSON.stringify({ subject, uid })}\n` : `${quoted(String(subject))},${uid}\n`);
    }
  } finally {
    await source.close();
  }
  if (rows === 0) throw new InputError(NO_ROWS);
  // A failure of the last row is known only once the row is written.
  await new Promise((written) => process.stdout.write("", written));
  if (failure) throw failure;
  return wrong > 0 ? 1 : 0;
}

async function write(text: string): Promise<void> {
  if (failure) throw failure;
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** A CSV field (RFC 4180 §2). */
function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
