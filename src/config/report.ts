/** One thing that is wrong with the configuration, described for the operator. It never contains a secret's value. */
export interface Problem {
  /** The variable, with its path: `SESSION_ISSUERS[0].audience`. */
  readonly variable: string;
  /** What is wrong with it, and what to write instead. */
  readonly remedy: string;
}

export const UNKNOWN = "is not a setting of the gateway: remove it, or correct its name";

/** Called for each problem. */
export type Report = (variable: string, remedy: string) => void;

/** The Worker's environment, not checked yet. */
export type RawEnv = Readonly<Record<string, unknown>>;

/** The secret of this name, without white space around it. If it is not set, that is reported. */
export function secret(env: RawEnv, name: string, usedBy: string, report: Report): string | undefined {
  const value = env[name];
  if (typeof value === "string" && value.trim() !== "") return value.trim();
  report(name, `is not set, and ${usedBy} needs this secret: npx wrangler secret put ${name} (locally: .dev.vars)`);
  return undefined;
}
