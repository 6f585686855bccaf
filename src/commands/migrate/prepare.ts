import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { createBulk } from "../../cometchat/bulk.ts";
import { createCometChat } from "../../cometchat/cometchat.ts";
import type { Deps } from "../../context.ts";
import type { Channel } from "./deliver.ts";
import type { Entry } from "./entry.ts";
import { exports } from "./exports.ts";
import { checkColumns, createPicker, type Field, type Names } from "./fields.ts";
import { Findings } from "./findings.ts";
import { entriesOf, formOf } from "./input.ts";
import { createPace, Stopped } from "./pace.ts";
import { type Named, type Paths, pathsOf } from "./paths.ts";
import type { Progress } from "./progress.ts";
import type { Settings } from "./settings.ts";
import type { Source } from "./source.ts";
import type { Summary } from "./summary.ts";
import type { Rules } from "./user.ts";

export interface Options extends Named {
  readonly names: Names;
  /** The name of the identity provider whose export the input is. */
  readonly from: string | undefined;
  readonly dryRun: boolean;
  readonly update: boolean;
  readonly createRoles: boolean;
  readonly verify: boolean;
  /** Whether to begin anew although an earlier run did not end. */
  readonly restart: boolean;
  /** Calls a minute. */
  readonly rpm: number;
}

export interface Surroundings {
  readonly deps: Deps;
  readonly stdin: Readable;
  readonly progress: Progress;
  /** Aborted by Ctrl-C. */
  readonly stop: AbortSignal;
}

/** What the stages of one run share. */
export interface Run extends Options, Surroundings {
  readonly settings: Settings;
  readonly rules: Rules;
  /** The fields of `--map` that a row had a value for, once all rows are read. */
  readonly mapped: ReadonlySet<Field>;
  readonly entries: (title: string | undefined) => AsyncIterable<Entry>;
  readonly channels: ReadonlyMap<string, Channel>;
  /** The names of the configured apps; an app's number is its index here. */
  readonly apps: readonly string[];
  readonly paths: Paths;
  readonly fingerprint: string;
  readonly summary: Summary;
}

/** Finds out the format of the input and prepares what the stages of a run share. Rejects with `InputError`. */
export async function prepare(
  settings: Settings,
  options: Options,
  surroundings: Surroundings,
  source: Source,
): Promise<Run> {
  const { names } = options;
  const { deps, progress, stop } = surroundings;
  const paths = pathsOf(options);
  const from = options.from === undefined ? undefined : exports[options.from];
  const form = await formOf(source, from);
  checkColumns(form, names, from, ["subject", "name"]);
  const { config, issuer, app } = settings;
  const pick = createPicker(names, from);
  const mapped = new Set<Field>();
  const pickCounted: Rules["pick"] = (row) => {
    const picked = pick(row);
    for (const field of names.keys()) if (picked.fields[field] !== undefined) mapped.add(field);
    return picked;
  };
  const findings = new Findings(options.dryRun ? paths.report : undefined);
  return {
    ...options,
    ...surroundings,
    settings,
    rules: { config, issuer, app, pick: pickCounted, nameless: from !== undefined },
    mapped,
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
    fingerprint: await fingerprintOf(settings, options, source),
    summary: {
      ...{ dryRun: options.dryRun, stopped: undefined, reason: undefined, rows: 0, users: 0 },
      ...{ created: 0, updated: 0, existing: 0, failed: 0, findings, missingRoles: [], verified: undefined },
      notes: source.marked ? ["The input begins with a byte order mark, which is skipped."] : [],
      files: options.dryRun ? { report: paths.report } : {},
    },
  };
}

/** Makes a channel for each app. CometChat limits the calls of each app separately, so each has a pace of its own. */
function channelsOf({ config }: Settings, { rpm }: Options, deps: Deps, stop: AbortSignal): Map<string, Channel> {
  const { now, random } = deps;
  return new Map(
    [...config.apps].map(([name, app]) => {
      const pace = createPace(rpm, deps, stop);
      return [name, { app: name, bulk: createBulk(app, deps), chat: createCometChat(app, deps), pace, now, random }];
    }),
  );
}

/**
 * The digest of everything that the batches and the output files depend on. A run is only continued if it is the same.
 */
async function fingerprintOf(
  { config, issuer, app }: Settings,
  { names, from, update, kv }: Options,
  source: Source,
): Promise<string> {
  const parts = [
    await source.digest(),
    [...names],
    from,
    [update, kv, app],
    [issuer.issuer, issuer.uid, issuer.app, issuer.appClaim, [...issuer.appByClaim]],
    [issuer.profile, [...issuer.profile.metadata]],
    [config.placement.default, [...config.placement.continents], [...config.placement.countries]],
    [...config.apps.values()].map(({ name, appId, baseUrl }) => [name, appId, baseUrl]),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
