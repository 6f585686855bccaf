import { readFileSync } from "node:fs";
import { text as readAll } from "node:stream/consumers";
import { parseArgs } from "node:util";
import type { Problem } from "../../config/report.ts";
import { isObject } from "../../shape.ts";
import { callersPath } from "../caller.ts";
import { isExampleApp, isExampleIssuer } from "../examples.ts";
import type { Deployment } from "./deployment.ts";
import { entryOf, isOf, isShared, secretOf } from "./entry.ts";
import { type Answers, appName, issuerIndex } from "./plan.ts";
import { providerOf, providers } from "./providers.ts";
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
  const { entry, index, secret } = chosen(flags, deployment);
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
  return { app, appId: flags["app-id"], region: flags.region, origins: flags.origin, issuer: entry, index, secrets };
}

/** The lines of standard input: the API key, then the shared secret. */
const lines = async (stdin: NodeJS.ReadableStream) => (await readAll(stdin)).split(/\r?\n/).map((line) => line.trim());

interface Chosen {
  readonly entry: Table | undefined;
  readonly index: number;
  /** The name of the secret with its HMAC key; undefined if it has none. */
  readonly secret: string | undefined;
}

/** The issuer's entry that the flags describe; no entry if they say nothing about it. */
function chosen(flags: Flags, deployment: Deployment): Chosen {
  const entries = Array.isArray(deployment.vars.SESSION_ISSUERS) ? deployment.vars.SESSION_ISSUERS : [];
  const named = flags.preset === undefined ? undefined : providerOf(flags.preset);
  if (flags.preset !== undefined && !named) {
    throw new Misuse(`--preset must be one of ${providers.map(({ name }) => name).join(", ")}.`);
  }
  const issuer = flags.issuer === undefined ? undefined : (named?.issuer.from(flags.issuer) ?? flags.issuer);
  const index = issuerIndex(deployment, issuer);
  const found: unknown = entries[index];
  const current = isObject(found) && !isExampleIssuer(found) ? found : undefined;
  const settings = ["preset", "issuer", "audience", "authorized-party", "jwks-url", "public-key"] as const;
  const known = current && providers.find((one) => isOf(one, current));
  const follows = flags.origin !== undefined && known?.parties === "origins";
  if (current && !follows && settings.every((flag) => flags[flag] === undefined)) {
    return { entry: undefined, index, secret: known && secretOf(known, current) };
  }
  const of = issuer ?? current?.issuer;
  if (typeof of !== "string") throw new Misuse("--issuer is missing.");
  const provider = named ?? (current?.issuer === of ? known : providerOf("openid-connect"));
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
  };
  const entry = entryOf(provider, answers, current);
  return { entry, index, secret: secretOf(provider, entry) };
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
];
