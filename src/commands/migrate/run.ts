import { createHash } from "node:crypto";
import { renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { createBulk } from "../../cometchat/bulk.ts";
import { createCometChat } from "../../cometchat/cometchat.ts";
import type { Deps } from "../../context.ts";
import { batchesOf } from "./batches.ts";
import { type Checked, check } from "./check.ts";
import type { Channel } from "./deliver.ts";
import type { Entry } from "./entry.ts";
import { EXISTING } from "./equals.ts";
import { type Export, exports } from "./exports.ts";
import { failedRow } from "./failed.ts";
import { checkColumns, createPicker, type Names } from "./fields.ts";
import { Findings } from "./findings.ts";
import { entriesOf, formOf } from "./input.ts";
import { Journal, type Unfinished } from "./journal.ts";
import { JsonList, Lines } from "./lines.ts";
import { createPace, Stopped } from "./pace.ts";
import { Unavailable } from "./patience.ts";
import type { Progress } from "./progress.ts";
import { createRoles, findExisting, missingRoles } from "./ready.ts";
import { send } from "./send.ts";
import { type Settings, UsageError } from "./settings.ts";
import { openSource, type Source } from "./source.ts";
import type { Summary } from "./summary.ts";
import type { Rules } from "./user.ts";
import { Sample, verify } from "./verify.ts";

export interface Options {
  /** The input's path, or `-`. */
  readonly file: string;
  readonly names: Names;
  /** Name of the identity provider whose export it is. */
  readonly from: string | undefined;
  readonly dryRun: boolean;
  readonly update: boolean;
  readonly createRoles: boolean;
  readonly verify: boolean;
  /** Whether an unfinished run is forgotten. */
  readonly restart: boolean;
  /** Calls a minute. */
  readonly rpm: number;
  /** Where the mappings are written to. */
  readonly kv: string | undefined;
  /** Folder of the files that a run leaves; undefined: the input's own, or the current one for standard input. */
  readonly out: string | undefined;
}

export interface Surroundings {
  readonly deps: Deps;
  readonly stdin: Readable;
  readonly progress: Progress;
  /** Aborted by Ctrl-C. */
  readonly stop: AbortSignal;
}

/** Everything that the stages of one run share. */
interface Run extends Options, Surroundings {
  readonly settings: Settings;
  readonly rules: Rules;
  readonly entries: (title: string | undefined) => AsyncIterable<Entry>;
  readonly channels: ReadonlyMap<string, Channel>;
  /** The configuration's names of its apps: a number for each. */
  readonly apps: readonly string[];
  readonly paths: { readonly failed: string; readonly report: string; readonly journal: string };
  readonly fingerprint: string;
  readonly summary: Summary;
}

/** Imports a user base, or in a dry run says what would come of it. Rejects with `InputError` or `UsageError`. */
export async function migrate(settings: Settings, options: Options, surroundings: Surroundings): Promise<Summary> {
  const source = await openSource(options.file, surroundings.stdin);
  try {
    const run = await prepare(settings, options, surroundings, source);
    try {
      await (options.dryRun ? dryRun(run) : importAll(run));
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

async function prepare(settings: Settings, options: Options, surroundings: Surroundings, source: Source): Promise<Run> {
  const { file, names } = options;
  const { deps, progress, stop } = surroundings;
  const from = options.from === undefined ? undefined : exports[options.from];
  const form = await formOf(source, from);
  checkColumns(form, names, from, ["subject", "name"]);
  const { config, issuer, app } = settings;
  const base = join(options.out ?? (file === "-" ? "." : dirname(file)), file === "-" ? "stdin" : basename(file));
  const paths = { failed: `${base}.failed.ndjson`, report: `${base}.report.ndjson`, journal: `${base}.journal` };
  const findings = new Findings(options.dryRun ? paths.report : undefined);
  return {
    ...options,
    ...surroundings,
    settings,
    rules: { config, issuer, app, pick: createPicker(names, from), nameless: from !== undefined },
    entries: (title) => {
      if (title !== undefined) progress.stage(title, "kB", Math.ceil(source.bytes / 1000));
      return entriesOf(source, form, from, (bytes) => {
        if (stop.aborted) throw new Stopped();
        if (title !== undefined) progress.to(Math.ceil(bytes / 1000));
      });
    },
    channels: channelsOf(settings, options, deps, stop),
    apps: [...config.apps.keys()],
    paths,
    fingerprint: await fingerprintOf(settings, options, from, source),
    summary: {
      ...{ dryRun: options.dryRun, stopped: undefined, reason: undefined, rows: 0, users: 0 },
      ...{ created: 0, updated: 0, existing: 0, failed: 0, findings, missingRoles: [], verified: undefined },
      notes: source.marked ? ["The input begins with a byte order mark, which is skipped."] : [],
      files: options.dryRun ? { report: paths.report } : {},
    },
  };
}

/** CometChat counts the calls of each app, so each has a pace of its own. */
function channelsOf({ config }: Settings, { rpm }: Options, deps: Deps, stop: AbortSignal): Map<string, Channel> {
  const { now, random } = deps;
  return new Map(
    [...config.apps].map(([name, app]) => {
      const pace = createPace(rpm, deps, stop);
      return [name, { app: name, bulk: createBulk(app, deps), chat: createCometChat(app, deps), pace, now, random }];
    }),
  );
}

/** Of everything that the batches and what is written of them depend on. */
async function fingerprintOf(
  { config, issuer, app }: Settings,
  { names, update, kv }: Options,
  from: Export | undefined,
  source: Source,
): Promise<string> {
  const parts = [
    await source.digest(),
    [...names],
    from?.subject,
    [update, kv, app],
    [issuer.issuer, issuer.uid, issuer.app, issuer.appClaim, [...issuer.appByClaim]],
    [issuer.profile, [...issuer.profile.metadata]],
    [config.placement.default, [...config.placement.continents], [...config.placement.countries]],
    [...config.apps.values()].map(({ name, appId, baseUrl }) => [name, appId, baseUrl]),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

async function dryRun(run: Run): Promise<void> {
  const { summary, rules, apps } = run;
  const checked = await check(run.entries("Checking"), rules, apps, summary.findings, () => {});
  try {
    compare(checked, run);
    summary.missingRoles = await missingRoles(checked.roles, run.channels);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    summary.notes.push(`Whether CometChat has the roles could not be found out. ${error.message}`);
  } finally {
    summary.findings.close();
    checked.equals.close();
  }
}

function compare({ equals, rows, users }: Checked, { summary }: Run): Uint8Array {
  const { findings } = summary;
  const marks = equals.compare((line, first) => {
    findings.count("duplicate");
    findings.add("duplicate", { line, first });
  });
  summary.rows = rows;
  summary.users = users - findings.counts.duplicate;
  return marks;
}

async function importAll(run: Run): Promise<void> {
  const { summary, rules, apps, paths, restart } = run;
  const unfinished = restart ? undefined : Journal.read(paths.journal);
  if (unfinished && unfinished.fingerprint !== run.fingerprint) {
    throw new UsageError(
      `${paths.journal} is of a run that did not end, with another input, configuration or other flags. Give those again to go on with it, or --restart to begin anew: users that are there already do no harm.`,
    );
  }
  // What an earlier run left of failures stays until this one has read its input.
  const found = new Lines(`${paths.failed}.new`);
  let checked: Checked;
  try {
    checked = await check(run.entries("Checking"), rules, apps, summary.findings, (entry, problems) => {
      found.write(failedRow(entry, rules, problems));
    });
  } catch (error) {
    found.close();
    rmSync(`${paths.failed}.new`);
    throw error;
  }
  found.close();
  try {
    if (!unfinished) await makeReady(checked, run);
    const marks = compare(checked, run);
    if (unfinished) rmSync(`${paths.failed}.new`);
    else renameSync(`${paths.failed}.new`, paths.failed);
    await sendAll(marks, unfinished, found.length, run);
  } finally {
    rmSync(`${paths.failed}.new`, { force: true });
    summary.findings.close();
    checked.equals.close();
  }
}

/** Before the first batch: roles that CometChat lacks are named or made, and users that it has are found. */
async function makeReady({ roles, apps: used, equals }: Checked, run: Run): Promise<void> {
  const { channels, progress, summary, apps } = run;
  const missing = await missingRoles(roles, channels);
  if (missing.length > 0 && !run.createRoles) {
    const names = missing.map(({ role, app, users }) => `"${role}" in app ${app} (${users} users)`);
    throw new UsageError(
      `CometChat does not have these roles: ${names.join(", ")}. Create them in the dashboard, or let --create-roles do it.`,
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
  const failed = reopen(() => new Lines(paths.failed, lengths.failed), run);
  const list = run.kv === undefined ? undefined : reopen(() => new JsonList(run.kv ?? "", lengths.kv), run);
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
    // Last of all: until then the same command goes on.
    journal.close(ended);
    if (failed.length === 0) rmSync(paths.failed);
    else summary.files.failed = paths.failed;
    if (run.kv !== undefined) summary.files.kv = run.kv;
    if (!ended) summary.files.journal = paths.journal;
  }
  if (run.verify) await readBack(sample, run);
}

/** A file of the unfinished run that is no longer there cannot be gone on with. */
function reopen<T>(open: () => T, { paths }: Run): T {
  try {
    return open();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new UsageError(`A file that goes with ${paths.journal} is gone. Use --restart to begin anew.`);
  }
}

async function readBack(sample: Sample, { channels, progress, summary }: Run): Promise<void> {
  progress.stage("Reading back", "users", sample.users.length);
  const differences = await verify(sample.users, channels, (users) => progress.to(users));
  summary.verified = { users: sample.users.length, differences };
}
