import { isObject } from "../../shape.ts";
import { advised, type Check, failed } from "./report.ts";

type Table = Readonly<Record<string, unknown>>;

/** A variable or binding in wrangler.toml, which an environment does not inherit. */
interface Piece {
  /** Its name in the Worker. */
  readonly name: string;
  /** How to write it in the environment's part of the file. */
  readonly written: (env: string) => string;
  /** The namespace or data set that it refers to, which two environments should not share. */
  readonly shared?: string;
}

/** The variables and bindings at one level of wrangler.toml: the top level or that of an environment. */
function piecesOf(level: Table): Piece[] {
  const list = (of: unknown) => (Array.isArray(of) ? of.filter(isObject) : []);
  const binding = (name: unknown, table: string, key: string, id?: unknown): Piece => ({
    name: String(name),
    written: (env) => `[[env.${env}.${table}]] with ${key} = ${JSON.stringify(name)}`,
    ...(typeof id === "string" && { shared: `${table} ${id}` }),
  });
  const objects = isObject(level.durable_objects) ? list(level.durable_objects.bindings) : [];
  const vars = isObject(level.vars) ? level.vars : {};
  return [
    ...Object.keys(vars).map((name) => ({ name, written: (env: string) => `[env.${env}.vars]: ${name}` })),
    ...list(level.kv_namespaces).map(({ binding: name, id }) => binding(name, "kv_namespaces", "binding", id)),
    ...objects.map(({ name }) => ({
      name: String(name),
      written: (env: string) => `[env.${env}.durable_objects] bindings: ${JSON.stringify(name)}`,
    })),
    ...list(level.ratelimits).map(({ name, namespace_id }) => binding(name, "ratelimits", "name", namespace_id)),
    ...list(level.analytics_engine_datasets).map(({ binding: name, dataset }) =>
      binding(name, "analytics_engine_datasets", "binding", dataset),
    ),
  ];
}

/** The ids of the CometChat apps at one level. */
function appsOf({ vars }: Table): unknown[] {
  const apps = isObject(vars) && isObject(vars.COMETCHAT_APPS) ? Object.values(vars.COMETCHAT_APPS) : [];
  return apps.filter(isObject).map(({ appId }) => appId);
}

/**
 * Finds what is set at the top of a wrangler.toml and missing in `[env.NAME]`, and what the two should not share.
 * Wrangler reports neither, and the gateway would silently use the default of a missing variable.
 */
export function checkInheritance(
  raw: Table,
  env: string,
): { readonly checks: Check[]; readonly missing: ReadonlySet<string> } {
  const environment = isObject(raw.env) ? raw.env[env] : undefined;
  if (!isObject(environment)) return { checks: [], missing: new Set() };
  const [top, own] = [piecesOf(raw), piecesOf(environment)];
  const missing = top.filter(({ name }) => !own.some((one) => one.name === name));
  const table = `[env.${env}]`;
  const checks = missing.map(({ name, written }) => {
    const detail = `${name} is at the top of the file and not in ${table}, which does not inherit it`;
    const remedy = `Write it in ${written(env)}.`;
    // Without METRICS the gateway works and only writes no metrics, so this is advice.
    return name === "METRICS"
      ? advised(`${table} ${name}`, detail, remedy)
      : failed(`${table} ${name}`, detail, remedy);
  });
  for (const { name, shared } of own) {
    const twin = shared && top.find((one) => one.shared === shared);
    if (!twin) continue;
    checks.push(
      advised(
        `${table} ${name}`,
        `${name} is the same as at the top of the file (${shared}): both use it`,
        "Give the environment one of its own.",
      ),
    );
  }
  const topApps = appsOf(raw);
  for (const id of appsOf(environment).filter((one) => topApps.includes(one))) {
    checks.push(
      advised(
        `${table} COMETCHAT_APPS`,
        `the app ${id} is also used at the top of the file: both have the same users`,
        "Give the environment a CometChat app of its own.",
      ),
    );
  }
  return { checks, missing: new Set(missing.map(({ name }) => name)) };
}

/** Checks, if no environment is named, whether those in the file are complete. One line for each that is not. */
export function checkEnvironments(raw: Table): Check[] {
  const environments = isObject(raw.env) ? Object.keys(raw.env) : [];
  return environments.flatMap((env) => {
    const { missing } = checkInheritance(raw, env);
    if (missing.size === 0) return [];
    const names = [...missing].join(", ");
    return [
      advised(
        `[env.${env}]`,
        `${names}: at the top of the file, and missing in [env.${env}], which inherits nothing of this`,
        `npm run doctor -- --env ${env}`,
      ),
    ];
  });
}
