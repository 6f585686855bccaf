import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { isObject } from "../../shape.ts";
import type { Where } from "../environment.ts";
import { append, at, edit, type Path, read, type Table } from "./toml.ts";

/** A wrangler.toml and the `.dev.vars` beside it, as they are before setup changes them. */
export interface Deployment {
  readonly where: Where;
  /** wrangler.toml as it stands. */
  readonly written: string;
  /** The same, with `[env.NAME]` made complete where one is set up. */
  readonly text: string;
  /** What is above the variables: nothing, or `["env", NAME]`. */
  readonly level: Path;
  readonly vars: Table;
  readonly secretsPath: string;
  /** `.dev.vars` as it stands; empty where it is not there. */
  readonly secretsText: string;
  readonly secrets: Readonly<Record<string, string | undefined>>;
}

/** Fails where the file is not there or is no TOML. */
export function open(where: Where): Deployment {
  const written = readFileSync(where.config, "utf8");
  const text = where.env === undefined ? written : withEnvironment(written, where.env);
  const level = where.env === undefined ? [] : ["env", where.env];
  const vars = at(read(text), [...level, "vars"]);
  const secretsPath = join(dirname(where.config), where.env === undefined ? ".dev.vars" : `.dev.vars.${where.env}`);
  const secretsText = existsSync(secretsPath) ? readFileSync(secretsPath, "utf8") : "";
  return {
    where,
    written,
    text,
    level,
    vars: isObject(vars) ? vars : {},
    secretsPath,
    secretsText,
    secrets: parseEnv(secretsText),
  };
}

/** What an environment does not inherit, and has to have of its own. */
const PIECES = ["kv_namespaces", "durable_objects", "ratelimits", "analytics_engine_datasets"] as const;

/**
 * The text with an environment that has everything the top has. Storage and counters are its own: no id of a KV namespace
 * (wrangler makes one at the first deployment), other numbers for the rate limits, another data set.
 */
function withEnvironment(text: string, name: string): string {
  const document = read(text);
  const own = at(document, ["env", name]);
  const there = isObject(own) ? own : {};
  const missing = PIECES.filter((piece) => document[piece] !== undefined && there[piece] === undefined);
  const pieces = Object.fromEntries(missing.map((piece) => [piece, apart(piece, document[piece], document, name)]));
  const top = isObject(document.vars) ? document.vars : {};
  const vars = isObject(there.vars) ? there.vars : {};
  const absent = Object.fromEntries(Object.entries(top).filter(([key]) => vars[key] === undefined));
  if (missing.length === 0 && Object.keys(absent).length === 0) return text;
  const comment = `The environment ${name}: wrangler deploy --env ${name}. It inherits neither variables nor bindings.`;
  if (Object.keys(vars).length === 0) return append(text, comment, { env: { [name]: { ...pieces, vars: absent } } });
  const completed = missing.length > 0 ? append(text, comment, { env: { [name]: pieces } }) : text;
  return Object.entries(absent).reduce((rest, [key, value]) => missingVar(rest, name, key, value), completed);
}

/** A variable that the environment lacks, as at the top. */
const missingVar = (text: string, name: string, key: string, value: unknown): string =>
  isObject(value) || (Array.isArray(value) && value.some(isObject))
    ? append(text, `${key}, as at the top.`, { env: { [name]: { vars: { [key]: value } } } })
    : edit(text, ["env", name, "vars"], { [key]: value });

function apart(piece: (typeof PIECES)[number], value: unknown, document: Table, name: string): unknown {
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
