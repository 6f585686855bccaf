import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { IMPORT_RPM } from "../../limits.ts";
import { callersPath } from "../caller.ts";
import { exports } from "./exports.ts";
import { FIELDS, type Field, isField, type Names } from "./fields.ts";
import type { Options } from "./prepare.ts";
import { UsageError } from "./settings.ts";

/** The flags of both commands: which input, and whose users they are. */
const INPUT = {
  map: { type: "string", multiple: true },
  from: { type: "string" },
  issuer: { type: "string" },
  config: { type: "string" },
  env: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const IMPORT = {
  ...INPUT,
  app: { type: "string" },
  "dry-run": { type: "boolean" },
  update: { type: "boolean" },
  "create-roles": { type: "boolean" },
  verify: { type: "boolean" },
  restart: { type: "boolean" },
  rpm: { type: "string" },
  kv: { type: "string" },
  out: { type: "string" },
} as const;

export const USAGE_TEXT = `npm run migrate -- FILE [flags]

FILE is CSV, NDJSON or JSON; - is standard input.

  --from NAME         FILE is an export of ${Object.keys(exports).join(", ")}
  --map F=C,…         field F is in column C (or at the dotted path C); F is one of
                      ${FIELDS.join(", ")}
  --issuer URL        the issuer of these users' sessions; needed if several issuers are configured
  --app NAME          import into this app of COMETCHAT_APPS; default: the app that a session would get
  --config PATH       wrangler.toml of the gateway, .dev.vars beside it; default: wrangler.toml
  --env NAME          its environment [env.NAME]
  --dry-run           check everything, send nothing
  --create-roles      create roles that CometChat does not have
  --update            update the users that CometChat has already
  --kv FILE           write the mappings for: wrangler kv bulk put FILE
  --verify            read a sample of the users back, and compare
  --rpm N             calls a minute, default ${IMPORT_RPM}; also MIGRATE_RPM
  --out DIR           folder for FILE.failed.ndjson, FILE.journal and FILE.report.ndjson; default: that of FILE
  --restart           begin anew instead of continuing a run that did not end
  --json              the result as one JSON object

Exit status: 0 CometChat has every user, 1 some users are missing, 2 wrong usage or input (nothing was sent),
3 CometChat is unavailable, 130 Ctrl-C. After 3 and 130 the same command continues the run.
`;

export interface InputFlags {
  readonly file: string;
  readonly names: Names;
  readonly from: string | undefined;
  readonly issuer: string | undefined;
  readonly config: string;
  readonly env: string | undefined;
  readonly json: boolean;
}

export interface ImportFlags extends InputFlags, Options {
  readonly app: string | undefined;
}

/** Reads the flags of `npm run migrate`; undefined if `--help` is among them. Throws `UsageError`. */
export function importFlags(args: readonly string[], env: NodeJS.ProcessEnv): ImportFlags | undefined {
  const { values, positionals } = read(args, IMPORT);
  if (values.help) return undefined;
  const path = pathsOf(env);
  return {
    ...inputFlags(values, positionals, path),
    app: values.app,
    dryRun: values["dry-run"] ?? false,
    update: values.update ?? false,
    createRoles: values["create-roles"] ?? false,
    verify: values.verify ?? false,
    restart: values.restart ?? false,
    rpm: rpmOf(values.rpm ?? env.MIGRATE_RPM, values.rpm === undefined ? "MIGRATE_RPM" : "--rpm"),
    kv: values.kv === undefined ? undefined : path(values.kv),
    out: values.out === undefined ? undefined : path(values.out),
  };
}

/** Reads the flags of `npm run export-uids`; undefined if `--help` is among them. Throws `UsageError`. */
export function exportFlags(args: readonly string[], env: NodeJS.ProcessEnv): InputFlags | undefined {
  const { values, positionals } = read(args, INPUT);
  return values.help ? undefined : inputFlags(values, positionals, pathsOf(env));
}

function read<T extends typeof INPUT>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // The parser's message names the flag.
    throw new UsageError(error instanceof Error ? error.message : "The flags cannot be read.");
  }
}

function inputFlags(
  values: Readonly<Partial<Record<"from" | "issuer" | "config" | "env", string>>> & {
    readonly map?: readonly string[];
    readonly json?: boolean;
  },
  positionals: readonly string[],
  path: (path: string) => string,
): InputFlags {
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) throw new UsageError("Give one FILE, or - for standard input.");
  const { from } = values;
  if (from !== undefined && !Object.hasOwn(exports, from)) {
    throw new UsageError(`--from must be one of ${Object.keys(exports).join(", ")}.`);
  }
  return {
    file: file === "-" ? file : path(file),
    names: namesOf(values.map ?? []),
    from,
    issuer: values.issuer,
    config: values.config === undefined ? "wrangler.toml" : path(values.config),
    env: values.env,
    json: values.json ?? false,
  };
}

function namesOf(maps: readonly string[]): Names {
  const names = new Map<Field, string>();
  for (const pair of maps.flatMap((map) => map.split(","))) {
    const at = pair.indexOf("=");
    const field = pair.slice(0, at).trim();
    const column = pair.slice(at + 1).trim();
    if (at < 0 || !isField(field) || column === "") {
      throw new UsageError(`--map must be field=column, with one of these fields: ${FIELDS.join(", ")}.`);
    }
    names.set(field, column);
  }
  return names;
}

function rpmOf(text: string | undefined, name: string): number {
  if (text === undefined || text === "") return IMPORT_RPM;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`${name} must be a whole number of calls a minute, from 1.`);
  return Number(text);
}

/** Absolute, so that the files of a run are the same ones whatever its folder. */
const pathsOf =
  (env: NodeJS.ProcessEnv) =>
  (path: string): string =>
    resolve(callersPath(path, env));
