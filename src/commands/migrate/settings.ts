import { parseConfig } from "../../config/parse.ts";
import type { Config } from "../../config/types.ts";
import type { Issuer } from "../../session/issuer.ts";
import type { Where } from "../environment.ts";

/** A command cannot do what is asked: wrong usage, or a configuration that is not right. Nothing was done. */
export class UsageError extends Error {}

/** Whose users they are, and where they go, as the gateway's own configuration has it. */
export interface Settings {
  readonly config: Config;
  readonly issuer: Issuer;
  /** The app that `--app` names. */
  readonly app: string | undefined;
}

/** Reads the configuration as the Worker would be given it. Throws `UsageError` with everything that is wrong. */
export async function readSettings(where: Where, issuer?: string, app?: string): Promise<Settings> {
  // With it comes wrangler, which takes a second to load: wrong flags are told at once.
  const { readEnvironment } = await import("../environment.ts");
  const environment = readEnvironment(where);
  if (!environment.ok) throw new UsageError(environment.error);
  const parsed = await parseConfig(environment.value);
  if (!parsed.ok) {
    const lines = parsed.error.map(({ variable, remedy }) => `  ${variable} ${remedy}`);
    throw new UsageError([`The configuration in ${where.config} is not right:`, ...lines].join("\n"));
  }
  return choose(parsed.value, issuer, app);
}

/** The issuer and app that are meant. Throws `UsageError` where they are not clear. */
export function choose(config: Config, wanted?: string, app?: string): Settings {
  const issuer = config.issuers.find(({ issuer, name }) => wanted === issuer || wanted === name) ?? config.issuers[0];
  if (!issuer || (wanted !== undefined && wanted !== issuer.issuer && wanted !== issuer.name)) {
    throw new UsageError(`--issuer must be one of ${listed(config.issuers.map(({ issuer }) => issuer))}.`);
  }
  if (wanted === undefined && config.issuers.length > 1) {
    throw new UsageError(
      `Several issuers are configured. Say whose users these are: --issuer ${listed(config.issuers.map(({ issuer }) => issuer))}.`,
    );
  }
  if (app !== undefined && !config.apps.has(app)) {
    throw new UsageError(`--app must be one of COMETCHAT_APPS: ${listed([...config.apps.keys()])}.`);
  }
  if (app !== undefined && issuer.app !== undefined && app !== issuer.app) {
    throw new UsageError(`--app must be ${issuer.app}: the sessions of this issuer lead there.`);
  }
  return { config, issuer, app };
}

const listed = (names: readonly string[]): string => names.join(", ");
