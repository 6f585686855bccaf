import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { isObject } from "../../shape.ts";
import { jsonInstead, type Where } from "../environment.ts";
import { append, at, edit, type Path, read, type Table } from "./toml.ts";

/** A wrangler.toml and the `.dev.vars` beside it, before setup changes them. */
export interface Deployment {
  readonly where: Where;
  /** The present text of wrangler.toml. */
  readonly original: string;
  /** The same text, completed with what `[env.NAME]` lacks if an environment is set up. */
  readonly text: string;
  /** The path of the table that contains `vars`: empty for the top level, or `["env", NAME]`. */
  readonly level: Path;
  readonly vars: Table;
  readonly secretsPath: string;
  /** The present text of `.dev.vars`; empty if there is no such file. */
  readonly secretsText: string;
  readonly secrets: Readonly<Record<string, string | undefined>>;
}

/** Reads both files. Throws if wrangler.toml does not exist or is no TOML. */
export function open(where: Where): Deployment {
  const json = jsonInstead(where.config);
  if (json !== undefined)
    throw new Error(
      `The setup edits TOML only, and ${json} is JSON. Enter the settings there by hand, as docs/configuration.md describes them, and check them: npm run doctor -- --config ${json}`,
    );
  const original = readFileSync(where.config, "utf8");
  const text = where.env === undefined ? original : withEnvironment(original, where.env);
  const level = where.env === undefined ? [] : ["env", where.env];
  const vars = at(read(text), [...level, "vars"]);
  const secretsPath = join(dirname(where.config), where.env === undefined ? ".dev.vars" : `.dev.vars.${where.env}`);
  const secretsText = existsSync(secretsPath) ? readFileSync(secretsPath, "utf8") : "";
  return {
    where,
    original,
    text,
    level,
    vars: isObject(vars) ? vars : {},
    secretsPath,
    secretsText,
    secrets: parseEnv(secretsText),
  };
}

/** The bindings that an environment does not inherit and must have of its own. */
const PIECES = ["kv_namespaces", "durable_objects", "ratelimits", "analytics_engine_datasets"] as const;

/**
 * Adds to the text whatever the environment lacks of the top level. The environment gets storage and counters of its
 * own: a KV namespace without an id (wrangler creates one at the first deployment), other rate limits, another data
 * set.
 */
function withEnvironment(text: string, name: string): string {
  const document = read(text);
  const own = at(document, ["env", name]);
  const there = isObject(own) ? own : {};
  const missing = PIECES.filter((piece) => document[piece] !== undefined && there[piece] === undefined);
  const pieces = Object.fromEntries(missing.map((piece) => [piece, ownCopy(piece, document[piece], document, name)]));
  const top = isObject(document.vars) ? document.vars : {};
  const vars = isObject(there.vars) ? there.vars : {};
  const absent = Object.fromEntries(Object.entries(top).filter(([key]) => vars[key] === undefined));
  if (missing.length === 0 && Object.keys(absent).length === 0) return text;
  const comment = `The environment ${name}: wrangler deploy --env ${name}. It inherits neither variables nor bindings.`;
  if (Object.keys(vars).length === 0) return append(text, comment, { env: { [name]: { ...pieces, vars: absent } } });
  const completed = missing.length > 0 ? append(text, comment, { env: { [name]: pieces } }) : text;
  return Object.entries(absent).reduce((rest, [key, value]) => withVariable(rest, name, key, value), completed);
}

/** Adds to the text a variable that the environment lacks, with the value of the top level. */
const withVariable = (text: string, name: string, key: string, value: unknown): string =>
  isObject(value) || (Array.isArray(value) && value.some(isObject))
    ? append(text, `${key}, copied from the top of the file.`, { env: { [name]: { vars: { [key]: value } } } })
    : edit(text, ["env", name, "vars"], { [key]: value });

/** A binding of the top level, changed so that the environment does not share storage or counters. */
function ownCopy(piece: (typeof PIECES)[number], value: unknown, document: Table, name: string): unknown {
  if (!Array.isArray(value)) return value;
  const rows = value.filter(isObject);
  if (piece === "kv_namespaces") return rows.map(({ binding }) => ({ binding }));
  if (piece === "analytics_engine_datasets")
    return rows.map((row) => ({ ...row, dataset: `${row.dataset}_${name.replaceAll("-", "_")}` }));
  if (piece !== "ratelimits") return rows;
  const taken = new Set([...JSON.stringify(document).matchAll(/"namespace_id":"(\d+)"/g)].map(([, id]) => Number(id)));
  return rows.map((row) => {
    let id = Number(row.namespace_id) + 1000;
    while (taken.has(id)) id += 1000;
    taken.add(id);
    return { ...row, namespace_id: String(id) };
  });
}
