import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "smol-toml";

/** A Worker in a configuration of workerd. */
export interface Worker {
  readonly name: string;
  /** The name of its module in the directory of the configuration. */
  readonly file: string;
  readonly bindings?: readonly string[];
  /** The classes of its Durable Objects, which use SQLite. */
  readonly objects?: readonly string[];
}

const quoted = (text: string): string => JSON.stringify(text);

interface Settings {
  readonly compatibility_date: string;
  readonly compatibility_flags: readonly string[];
  readonly durable_objects: { readonly bindings: readonly { readonly name: string; readonly class_name: string }[] };
}

/** The part of the gateway's wrangler.toml that workerd needs. */
const settings = async (): Promise<Settings> =>
  parse(await readFile(join(import.meta.dirname, "../../wrangler.toml"), "utf8")) as unknown as Settings;

/** The bindings of the gateway's Durable Objects, and their classes. */
export async function gatewayObjects(): Promise<{ readonly bindings: string[]; readonly objects: string[] }> {
  const { bindings } = (await settings()).durable_objects;
  return {
    bindings: bindings.map(({ name, class_name }) => binding.objects(name, class_name)),
    objects: bindings.map(({ class_name }) => class_name),
  };
}

/** The bindings in the syntax of workerd's configuration. */
export const binding = {
  json: (name: string, value: unknown) => `(name = ${quoted(name)}, json = ${quoted(JSON.stringify(value))})`,
  text: (name: string, value: string) => `(name = ${quoted(name)}, text = ${quoted(value)})`,
  /** KV, answered by a server with the protocol of workerd's binding: `GET`, `PUT` and `DELETE /key`. */
  kv: (name: string, service: string) => `(name = ${quoted(name)}, kvNamespace = ${quoted(service)})`,
  objects: (name: string, className: string) =>
    `(name = ${quoted(name)}, durableObjectNamespace = ${quoted(className)})`,
  /** A rate limit that is never reached. */
  limit: (name: string) => `(name = ${quoted(name)}, wrapped = (moduleName = "runtime:limit", innerBindings = []))`,
  /** Analytics Engine. It stores nothing. */
  metrics: (name: string) => `(name = ${quoted(name)}, wrapped = (moduleName = "runtime:metrics", innerBindings = []))`,
};

const EXTENSIONS = {
  "runtime:limit": "export default () => ({ limit: async () => ({ success: true }) });",
  "runtime:metrics": "export default () => ({ writeDataPoint() {} });",
};

/**
 * A configuration of workerd. Each Worker has a socket of its own name, and the compatibility date and flags that
 * wrangler.toml gives the gateway. `servers` has the addresses of external servers by name.
 */
export async function configuration(
  workers: readonly Worker[],
  { state, servers = {} }: { readonly state: string; readonly servers?: Readonly<Record<string, string>> },
): Promise<string> {
  const { compatibility_date, compatibility_flags } = await settings();
  const flags = compatibility_flags.map(quoted).join(", ");
  const services = workers.map(({ name, file, bindings = [], objects = [] }) => {
    const classes = objects.map(
      (objects) => `(className = ${quoted(objects)}, uniqueKey = ${quoted(`${name}-${objects}`)}, enableSql = true)`,
    );
    return `(name = ${quoted(name)}, worker = (
      modules = [(name = "worker.js", esModule = embed ${quoted(file)})],
      compatibilityDate = ${quoted(compatibility_date)},
      compatibilityFlags = [${flags}],
      bindings = [${bindings.join(", ")}],
      ${classes.length === 0 ? "" : `durableObjectNamespaces = [${classes.join(", ")}], durableObjectStorage = (localDisk = "state"),`}
    ))`;
  });
  const outside = Object.entries(servers).map(
    ([name, address]) => `(name = ${quoted(name)}, external = (address = ${quoted(address)}, http = ()))`,
  );
  const extensions = Object.entries(EXTENSIONS).map(
    ([name, code]) => `(modules = [(name = ${quoted(name)}, internal = true, esModule = ${quoted(code)})])`,
  );
  const sockets = workers.map(
    ({ name }) => `(name = ${quoted(name)}, address = "127.0.0.1:0", http = (), service = ${quoted(name)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join(",\n    ")},
    ${outside.map((server) => `${server},`).join("\n    ")}
    (name = "state", disk = (path = ${quoted(state)}, writable = true)),
    (name = "internet", network = (allow = ["private"])),
  ],
  extensions = [${extensions.join(", ")}],
  sockets = [${sockets.join(", ")}],
);
`;
}
