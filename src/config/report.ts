/** One thing that is wrong, named for the operator. Never a value of a secret. */
export interface Problem {
  /** The variable, with its path: `SESSION_ISSUERS[0].audience`. */
  readonly variable: string;
  /** What is wrong with it, and what to write instead. */
  readonly remedy: string;
}

export const UNKNOWN = "is no setting of the gateway: remove it, or correct its name";

export type Report = (variable: string, remedy: string) => void;

/** The Worker's environment before anything is known of it. */
export type RawEnv = Readonly<Record<string, unknown>>;

/** The secret of this name, white space around it removed; reported where it is not set. */
export function secret(env: RawEnv, name: string, usedBy: string, report: Report): string | undefined {
  const value = env[name];
  if (typeof value === "string" && value.trim() !== "") return value.trim();
  report(
    name,
    `is the secret that ${usedBy} needs, and is not set: npx wrangler secret put ${name} (locally: .dev.vars)`,
  );
  return undefined;
}
