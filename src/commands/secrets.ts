import { secretsOf } from "../config/parse.ts";
import type { RawEnv } from "../config/report.ts";

/** A text that no secret begins with: base64 of "not set: ". */
const MARK = "bm90IHNldDog";

/**
 * The value used for a secret that is not set, so that the rest of a configuration can be checked: 64 bytes in base64,
 * long enough for every HMAC algorithm, or 32 where exactly so many are needed. Each name has another value, since two
 * issuers may not have the same webhook secret.
 */
export function substituteFor(name: string): string {
  const bytes = name === "TOKEN_ENCRYPTION_KEY" ? 32 : 64;
  return Buffer.from(`not set: ${name}`.padEnd(bytes).slice(0, bytes)).toString("base64");
}

export const isSubstitute = (value: string): boolean => value.startsWith(MARK);

/** The environment, with a substitute for each secret that is not set. */
export function withSubstitutes(env: RawEnv): RawEnv {
  const missing = [...secretsOf(env)].filter((name) => !env[name]);
  return { ...env, ...Object.fromEntries(missing.map((name) => [name, substituteFor(name)])) };
}
