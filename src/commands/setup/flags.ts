import { readFileSync } from "node:fs";
import { text as readAll } from "node:stream/consumers";
import { parseArgs } from "node:util";
import type { Problem } from "../../config/report.ts";
import { isObject } from "../../shape.ts";
import { callersPath } from "../caller.ts";
import { isExampleApp } from "../examples.ts";
import type { Deployment } from "./deployment.ts";
import { entryOf, isOf, isShared, secretOf } from "./entry.ts";
import { findIssuer, followers, newIndex, otherSecrets, presentIssuers } from "./issuers.ts";
import { type Answers, appName } from "./plan.ts";
import { type Provider, providerOf, providers } from "./providers.ts";
import type { Table } from "./toml.ts";

/** The command was called with wrong arguments. */
export class Misuse extends Error {}

export type Flags = ReturnType<typeof readFlags>;

/** Flags that take several values, each with the flag before it, or all behind one. */
const SEVERAL = ["--origin", "--audience", "--authorized-party"];

/** The arguments, with the flag before each of its values. */
function eachWithFlag(args: readonly string[]): string[] {
  let flag: string | undefined;
  return args.flatMap((arg, index) => {
    if (arg.startsWith("-")) flag = SEVERAL.find((one) => one === arg);
    else if (flag !== undefined && args[index - 1] !== flag) return [flag, arg];
    return [arg];
  });
}

export function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: eachWithFlag(args),
      options: {
        yes: { type: "boolean", default: false },
        config: { type: "string" },
        env: { type: "string" },
        app: { type: "string" },
        "app-id": { type: "string" },
        region: { type: "string" },
        "api-key-stdin": { type: "boolean", default: false },
        origin: { type: "string", multiple: true },
        preset: { type: "string" },
        issuer: { type: "string" },
        audience: { type: "string", multiple: true },
        "authorized-party": { type: "string", multiple: true },
        "jwks-url": { type: "string" },
        "public-key": { type: "string" },
        add: { type: "boolean", default: false },
        replace: { type: "string" },
        "uid-prefix": { type: "string" },
        "shared-users": { type: "boolean", default: false },
        "secret-stdin": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    // An argument without an option's name may be a key, so the message does not repeat it.
    const isPlain = (error as { code?: string }).code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL";
    throw new Misuse(
      isPlain
        ? "Every argument must begin with --; secrets are read from standard input."
        : (error as Error).message.split("\n")[0],
    );
  }
}

/** The answers in the flags. What is left out stays as it is in the file. Throws `Misuse`. */
export async function answersOf(flags: Flags, deployment: Deployment, stdin: NodeJS.ReadableStream): Promise<Answers> {
  const secrets: Record<string, string> = {};
  const app = appName(deployment, flags.app, flags["app-id"]);
  const apps = isObject(deployment.vars.COMETCHAT_APPS) ? deployment.vars.COMETCHAT_APPS : {};
  const current = apps[app];
  if (flags["app-id"] === undefined && (current === undefined || isExampleApp(current)))
    throw new Misuse("--app-id is missing.");
  const [first, second] = flags["api-key-stdin"] || flags["secret-stdin"] ? await lines(stdin) : [];
  if (flags["api-key-stdin"]) {
    if (!first) throw new Misuse("Standard input is empty: --api-key-stdin needs the API key on its first line.");
    const name =
      isObject(current) && typeof current.apiKeySecret === "string" ? current.apiKeySecret : "COMETCHAT_API_KEY";
    secrets[name] = first;
  }
  const { issuers, uids, secret } = chosen(flags, deployment);
  if (flags["secret-stdin"]) {
    const value = flags["api-key-stdin"] ? second : first;
    if (secret === undefined)
      throw new Misuse("--secret-stdin is for a provider that signs with a shared secret, such as --preset hs256.");
    if (!value)
      throw new Misuse(
        "Standard input has no secret: --secret-stdin needs it on the first line, or on the second after the API key.",
      );
    secrets[secret] = value;
  }
  return { app, appId: flags["app-id"], region: flags.region, origins: flags.origin, issuers, uids, secrets };
}

/** The lines of standard input: the API key, then the shared secret. */
const lines = async (stdin: NodeJS.ReadableStream) => (await readAll(stdin)).split(/\r?\n/).map((line) => line.trim());

interface Chosen extends Pick<Answers, "issuers" | "uids"> {
  /** The name of the secret with the HMAC key of the issuer; undefined if it has none. */
  readonly secret?: string | undefined;
}

const SETTINGS = ["preset", "issuer", "audience", "authorized-party", "jwks-url", "public-key", "uid-prefix"] as const;

/** What the flags say about issuers: the entry that they describe, and those that follow the web origins. */
function chosen(flags: Flags, deployment: Deployment): Chosen {
  const named = flags.preset === undefined ? undefined : providerOf(flags.preset);
  if (flags.preset !== undefined && !named) {
    throw new Misuse(`--preset must be one of ${providers.map(({ name }) => name).join(", ")}.`);
  }
  const target = targetOf(flags, deployment, named);
  const uids = uidsOf(flags, deployment, target?.index);
  const current = target?.entry;
  const known = current && providers.find((one) => isOf(one, current));
  if (!target || (current && SETTINGS.every((flag) => flags[flag] === undefined))) {
    return { issuers: followers(deployment, flags.origin), uids, secret: known && secretOf(known, current) };
  }
  const isNamed = current !== undefined && (flags.issuer === undefined || target.isNamed);
  const of = isNamed ? current.issuer : flags.issuer && (named?.issuer.from(flags.issuer) ?? flags.issuer);
  if (typeof of !== "string") throw new Misuse("--issuer is missing.");
  const provider = named ?? (isNamed ? known : providerOf("openid-connect"));
  if (!provider)
    throw new Misuse("The file names a preset that the gateway does not have: name another one with --preset.");
  const before = (deployment.vars.ALLOWED_ORIGINS ?? []) as readonly string[];
  const answers = {
    issuer: of,
    audience: flags.audience,
    parties: flags["authorized-party"],
    origins: { now: flags.origin ?? before, before },
    jwksUrl: flags["jwks-url"],
    publicKey:
      flags["public-key"] === undefined ? undefined : readFileSync(callersPath(flags["public-key"]), "utf8").trim(),
    shared: isShared(provider) || (flags["secret-stdin"] && provider.secret !== undefined) || undefined,
    taken: otherSecrets(deployment, target.index),
  };
  const entry = entryOf(provider, answers, current);
  const issuers = [{ index: target.index, entry }, ...followers(deployment, flags.origin, target.index)];
  return { issuers, uids, secret: secretOf(provider, entry) };
}

/** Where the entry is that the flags describe. */
interface Target {
  readonly index: number;
  /** The present entry there; undefined for a new one. */
  readonly entry?: Table;
  /** Whether it is the entry of the issuer in `--issuer`. */
  readonly isNamed?: boolean;
}

/** Finds the entry to change or to replace, or the place of a new one. Undefined if the flags describe none of several. */
function targetOf(flags: Flags, deployment: Deployment, named: Provider | undefined): Target | undefined {
  const { add, replace, issuer } = flags;
  if (add && replace !== undefined) throw new Misuse("--add and --replace cannot be used together.");
  const present = presentIssuers(deployment);
  const fresh = { index: newIndex(deployment) };
  const list = present.map(({ entry }) => entry.issuer).join(", ");
  if (issuer === undefined) {
    if (add || replace !== undefined) throw new Misuse("--add and --replace need --issuer, the one to write.");
    if (present.length <= 1) return present[0] ?? fresh;
    if (!flags["secret-stdin"] && SETTINGS.every((flag) => flags[flag] === undefined)) return undefined;
    throw new Misuse(`There are several issuers in SESSION_ISSUERS (${list}): name one of them with --issuer.`);
  }
  const found = findIssuer(deployment, issuer, named);
  const replaced = replace === undefined ? undefined : findIssuer(deployment, replace);
  if (found && replaced && replaced.index !== found.index)
    throw new Misuse(
      `${found.entry.issuer} is in SESSION_ISSUERS already, so it replaces nothing. To remove ${replaced.entry.issuer}, delete its entry by hand.`,
    );
  if (found) return { ...found, isNamed: true };
  if (present.length === 0 || add) return fresh;
  if (replaced) return replaced;
  if (replace !== undefined) throw new Misuse(`--replace must name an issuer of SESSION_ISSUERS: ${list}.`);
  throw new Misuse(
    `SESSION_ISSUERS has another issuer (${list}). Write --add to keep it beside the new one, or --replace and the issuer to remove.`,
  );
}

/** The settings of `uid` in the flags: the prefix of one entry, or shared users in all of them. */
function uidsOf(flags: Flags, deployment: Deployment, index: number | undefined): Record<number, Table> {
  const uids: Record<number, Table> = {};
  if (flags["shared-users"]) {
    for (const one of presentIssuers(deployment)) uids[one.index] = { shared: true };
    if (index !== undefined) uids[index] = { shared: true };
  }
  const { "uid-prefix": prefix } = flags;
  if (index !== undefined && prefix !== undefined) uids[index] = { ...uids[index], prefix };
  return uids;
}

/** The flag that set a variable with a problem; undefined if no flag sets it. */
export function flagFor({ variable }: Problem): string | undefined {
  const [found] = FLAGS.filter(([pattern]) => pattern.test(variable));
  return found?.[1];
}

const FLAGS: readonly (readonly [RegExp, string])[] = [
  [/\.appId$/, "--app-id"],
  [/\.region$/, "--region"],
  [/^ALLOWED_ORIGINS/, "--origin"],
  [/\.audience\b/, "--audience"],
  [/\.authorizedParties\b/, "--authorized-party"],
  [/\.jwksUrl$/, "--jwks-url"],
  [/\.publicKey$/, "--public-key"],
  [/\.issuer$/, "--issuer"],
  [/\.uid\b/, "--uid-prefix or --shared-users"],
];
