import { existsSync, renameSync, rmSync } from "node:fs";
import { isSubstitute } from "../secrets.ts";
import { batchesOf } from "./batches.ts";
import { type Checked, check } from "./check.ts";
import { isEqual, setAside } from "./earlier.ts";
import { type Entry, InputError, type Problem } from "./entry.ts";
import { EXISTING } from "./equals.ts";
import { failedRow } from "./failed.ts";
import { Journal, type Unfinished } from "./journal.ts";
import { JsonList, Lines } from "./lines.ts";
import { whileLocked } from "./lock.ts";
import { Stopped } from "./pace.ts";
import { Unavailable } from "./patience.ts";
import { type Options, prepare, type Run, type Surroundings } from "./prepare.ts";
import { createRoles, findExisting, missingRoles } from "./ready.ts";
import { send } from "./send.ts";
import { type Settings, UsageError } from "./settings.ts";
import { openSource } from "./source.ts";
import type { Summary } from "./summary.ts";
import { Sample, verify } from "./verify.ts";

/** Imports all users of the input, or only checks them in a dry run. Rejects with `InputError` or `UsageError`. */
export async function migrate(settings: Settings, options: Options, surroundings: Surroundings): Promise<Summary> {
  const source = await openSource(options.file, surroundings.stdin, surroundings.stop);
  try {
    const run = await prepare(settings, options, surroundings, source);
    try {
      await (options.dryRun ? dryRun(run) : whileLocked(run.paths.lock, () => importAll(run)));
    } catch (error) {
      if (!(error instanceof Stopped || error instanceof Unavailable)) throw error;
      run.summary.stopped = error instanceof Stopped ? "interrupted" : "unavailable";
      run.summary.reason = error.message;
    }
    return run.summary;
  } finally {
    surroundings.progress.end();
    await source.close();
  }
}

async function dryRun(run: Run): Promise<void> {
  const { summary } = run;
  const checked = await checkAll(run, () => {});
  try {
    compare(checked, run);
    const [keyless] = [...checked.roles.keys()].filter((app) =>
      isSubstitute(run.settings.config.apps.get(app)?.apiKey ?? ""),
    );
    if (keyless === undefined) summary.missingRoles = await missingRoles(checked.roles, run.channels);
    else
      summary.notes.push(
        `Whether CometChat has the roles was not looked at: the API key of app ${keyless} is not set.`,
      );
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    summary.notes.push(`The roles could not be compared with CometChat's. ${error.message}`);
  } finally {
    summary.findings.close();
    checked.equals.close();
  }
}

async function checkAll(run: Run, onWrong: (entry: Entry, problems: readonly Problem[]) => void): Promise<Checked> {
  const { rules, apps, summary } = run;
  const checked = await check(run.entries("Checking"), rules, apps, summary.findings, onWrong);
  summary.rows = checked.rows;
  summary.users = checked.users;
  for (const [field, path] of run.names) {
    if (!run.mapped.has(field)) summary.notes.push(`No row has a value in "${path}", which --map names for ${field}.`);
  }
  return checked;
}

/** Compares all uids and returns the mark of each row. Duplicates are subtracted from the number of users. */
function compare({ equals, users }: Checked, { summary }: Run): Uint8Array {
  const { findings } = summary;
  const marks = equals.compare((line, first) => {
    findings.count("duplicate");
    findings.add("duplicate", { line, first });
  });
  summary.users = users - findings.counts.duplicate;
  return marks;
}

async function importAll(run: Run): Promise<void> {
  const { summary, rules, paths, restart } = run;
  // The files of a run that did not end are continued, or replaced by --restart. Files of others are kept.
  const isFirst = !existsSync(paths.journal);
  const unfinished = restart ? undefined : Journal.read(paths.journal);
  if (unfinished && unfinished.fingerprint !== run.fingerprint) {
    throw new UsageError(
      `${paths.journal} is of a run that did not end, and the input, the configuration or the flags have changed since. Use the same ones to continue that run, or --restart to begin anew; users that were imported already are skipped.`,
    );
  }
  // The file of an earlier run's failures is replaced only after this run has read its whole input: it may be the
  // input.
  const found = new Lines(paths.found);
  let checked: Checked;
  try {
    checked = await checkAll(run, (entry, problems) => found.write(failedRow(entry, rules, problems)));
  } catch (error) {
    found.close();
    rmSync(paths.found);
    throw error;
  }
  found.close();
  try {
    if (!unfinished) await prepareApps(checked, run);
    const marks = compare(checked, run);
    if (unfinished) rmSync(paths.found);
    else {
      if (isFirst) await keepEarlier(run);
      renameSync(paths.found, paths.failed);
    }
    await sendAll(marks, unfinished, found.length, run);
  } finally {
    rmSync(paths.found, { force: true });
    summary.findings.close();
    checked.equals.close();
  }
}

/**
 * Renames the output of an earlier run, which may be all mappings but a few, or rows that somebody has corrected. Rows
 * that this run has found again are not kept a second time.
 */
async function keepEarlier({ paths, kv, summary }: Run): Promise<void> {
  const failed = (await isEqual(paths.failed, paths.found)) ? undefined : setAside(paths.failed);
  const list = kv === undefined ? undefined : setAside(kv);
  for (const [path, now] of [[paths.failed, failed] as const, [kv, list] as const]) {
    if (now !== undefined) summary.notes.push(`${path} was there already, of an earlier run. It is ${now} now.`);
  }
}

/**
 * Before the first batch: creates missing roles or fails naming them, and finds the users that CometChat has already.
 */
async function prepareApps({ roles, apps: used, equals }: Checked, run: Run): Promise<void> {
  const { channels, progress, summary, apps } = run;
  const missing = await missingRoles(roles, channels);
  if (missing.length > 0 && !run.createRoles) {
    const names = missing.map(({ role, app, users }) => `"${role}" in app ${app} (${users} users)`);
    throw new UsageError(
      `CometChat does not have these roles: ${names.join(", ")}. Create them in the dashboard, or use --create-roles.`,
    );
  }
  await createRoles(missing, channels);
  if (missing.length > 0) summary.notes.push(`Roles created: ${missing.map(({ role }) => role).join(", ")}.`);
  progress.stage("Reading which users CometChat has", "users", 0);
  await findExisting(apps, used, channels, equals, (users) => progress.to(users));
}

async function sendAll(marks: Uint8Array, unfinished: Unfinished | undefined, found: number, run: Run): Promise<void> {
  const { summary, rules, paths, update, stop, channels, progress, deps } = run;
  const existed = unfinished?.existing ?? ((row: number) => marks[row] === EXISTING);
  const lengths = unfinished?.lengths ?? { failed: found, kv: 0 };
  const failed = new Lines(paths.failed, lengths.failed);
  const list = run.kv === undefined ? undefined : new JsonList(run.kv, lengths.kv);
  const began = unfinished?.began ?? deps.now();
  const start = { fingerprint: run.fingerprint, began, lengths: { failed: found, kv: list?.length ?? 0 } };
  const journal = unfinished
    ? Journal.resume(paths.journal, unfinished)
    : Journal.begin(paths.journal, start, marks.length, existed);
  const sample = new Sample(deps.random);
  let ended = false;
  progress.stage("Importing", "users", summary.users);
  try {
    await send(
      batchesOf(run.entries(undefined), rules, { marks, existed, update }),
      summary,
      {
        ...{ rules, channels, update, journal, failed, earlier: unfinished?.done ?? [] },
        kv: list && { list, at: began },
        onImported: (user) => run.verify && sample.add(user),
        progress: (totals) =>
          progress.to(totals.created + totals.updated + totals.existing + totals.failed, totals.failed),
      },
      stop,
    );
    ended = true;
  } finally {
    failed.close();
    list?.close(ended);
    // The journal is deleted last: as long as it exists, the same command can continue the run.
    journal.close(ended);
    if (failed.length === 0) rmSync(paths.failed);
    else summary.files.failed = paths.failed;
    if (run.kv !== undefined) summary.files.kv = run.kv;
    if (!ended) summary.files.journal = paths.journal;
  }
  const sent = summary.created + summary.updated + summary.existing + summary.failed;
  if (sent !== summary.users) {
    throw new InputError(`It changed while it was read: ${summary.users} users were checked, and ${sent} sent.`);
  }
  if (run.verify) await readBack(sample, run);
}

async function readBack(sample: Sample, { channels, progress, summary }: Run): Promise<void> {
  progress.stage("Reading back", "users", sample.users.length);
  const differences = await verify(sample.users, channels, (users) => progress.to(users));
  summary.verified = { users: sample.users.length, differences };
}
