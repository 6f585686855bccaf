import { fromBase64 } from "../encoding.ts";
import { BACKEND_SECRET_CHARS, BACKEND_SECRETS, TOKEN_KEY_BYTES } from "../limits.ts";
import { isObject } from "../shape.ts";
import { wrongOrigin } from "../urls.ts";
import { type RawEnv, type Report, UNKNOWN } from "./report.ts";
import { schemas } from "./schema.ts";
import type { Config } from "./types.ts";

/** For each binding, a method by which its kind is recognized, and what to write in wrangler.toml to add it. */
export const BINDINGS: Readonly<Record<string, readonly [method: string, remedy: string]>> = {
  USERS: ["get", '[[kv_namespaces]] with binding = "USERS"'],
  LEDGER: ["getByName", "[durable_objects] with a binding LEDGER of the class Ledger"],
  HOME: ["getByName", "[durable_objects] with a binding HOME of the class Home"],
  ONCE: ["getByName", "[durable_objects] with a binding ONCE of the class Once"],
  // The rate limits are required: without them a flood of requests would reach CometChat.
  RATE_LIMIT_IP: ["limit", '[[ratelimits]] with name = "RATE_LIMIT_IP"'],
  RATE_LIMIT_USER: ["limit", '[[ratelimits]] with name = "RATE_LIMIT_USER"'],
};

/** The names of the gateway's own secrets. Apps and issuers may name further ones. */
export const SECRETS = ["COMETCHAT_API_KEY", "BACKEND_SECRET", "TOKEN_ENCRYPTION_KEY"];

export function checkBindings(env: RawEnv, report: Report): void {
  for (const [name, [method, remedy]] of Object.entries(BINDINGS)) {
    const binding = env[name] as Record<string, unknown> | undefined | null;
    if (typeof binding?.[method] !== "function")
      report(name, `is a binding that wrangler.toml does not declare: add ${remedy}`);
  }
}

/**
 * Reports variables that the gateway does not know, which it would otherwise silently ignore: those with nearly the
 * name of a setting, and all tables. Other texts are not reported, since they may be secrets.
 */
export function checkUnknown(env: RawEnv, named: ReadonlySet<string>, report: Report): void {
  const ours = [...Object.keys(schemas), ...Object.keys(BINDINGS), ...SECRETS, "METRICS"];
  for (const [name, value] of Object.entries(env)) {
    if (ours.includes(name) || named.has(name) || !/^[A-Z][A-Z_]*$/.test(name)) continue;
    const meant = ours.find((our) => bare(our) === bare(name));
    if (meant) report(name, `is not a setting of the gateway: did you mean ${meant}?`);
    else if (Array.isArray(value) || (isObject(value) && Object.getPrototypeOf(value) === Object.prototype)) {
      report(name, UNKNOWN);
    }
  }
}

export function checkOrigins(origins: readonly string[], report: Report): void {
  origins.forEach((origin, index) => {
    const wrong = wrongOrigin(origin);
    if (wrong) report(`ALLOWED_ORIGINS[${index}]`, wrong);
  });
}

/** Checks the gateway's own secrets. They are optional unless a setting needs them. */
export function checkSecrets(
  env: RawEnv,
  tokens: { readonly [K in keyof Config["tokens"]]?: Config["tokens"][K] | undefined },
  report: Report,
): Pick<Config, "backendSecrets" | "encryptionKeys"> {
  for (const name of ["BACKEND_SECRET", "TOKEN_ENCRYPTION_KEY"]) {
    if (env[name] != null && typeof env[name] !== "string") report(name, "must be text");
  }
  const keys = values(env.TOKEN_ENCRYPTION_KEY).map(decodeKey);
  const encryptionKeys = keys.filter((key) => key !== undefined);
  if (encryptionKeys.length < keys.length) {
    report(
      "TOKEN_ENCRYPTION_KEY",
      `must be ${TOKEN_KEY_BYTES} bytes in base64: openssl rand -base64 ${TOKEN_KEY_BYTES}`,
    );
  } else if (keys.length === 0 && (tokens.reuse === "session" || tokens.ttl || tokens.maxPerSession)) {
    report(
      "TOKEN_ENCRYPTION_KEY",
      "is missing, and TOKENS.reuse, ttl and maxPerSession need it: openssl rand -base64 32 | npx wrangler secret put TOKEN_ENCRYPTION_KEY",
    );
  }
  const backendSecrets = values(env.BACKEND_SECRET);
  if (backendSecrets.length > BACKEND_SECRETS || backendSecrets.some((value) => value.length < BACKEND_SECRET_CHARS)) {
    report(
      "BACKEND_SECRET",
      `must be one value, or two with a comma between them during a rotation, each of at least ${BACKEND_SECRET_CHARS} characters: openssl rand -base64 32`,
    );
  }
  return { backendSecrets, encryptionKeys };
}

/**
 * The values of a secret, comma-separated during a rotation. Empty ones are removed: they would match an empty
 * credential.
 */
function values(secret: unknown): readonly string[] {
  if (typeof secret !== "string") return [];
  return secret
    .split(",")
    .map((value) => value.trim())
    .filter((value) => value !== "");
}

function decodeKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = fromBase64(text);
  return bytes?.length === TOKEN_KEY_BYTES ? bytes : undefined;
}

/** A name without the letter S and underscores, so that a plural or a missing underscore makes no difference. */
const bare = (name: string): string => name.replaceAll(/[S_]/g, "");
