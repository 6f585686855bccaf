import { parseConfig } from "../../config/parse.ts";
import type { Config } from "../../config/types.ts";
import type { Issuer } from "../../session/issuer.ts";
import type { Where } from "../environment.ts";
import { withSubstitutes } from "../secrets.ts";

/** Wrong usage of a command, or a wrong configuration. Nothing was done. */
export class UsageError extends Error {}

/** The gateway's configuration, the issuer of the imported users, and the app that they are imported into. */
export interface Settings {
  readonly config: Config;
  readonly issuer: Issuer;
  /** The app that `--app` names. */
  readonly app: string | undefined;
}

interface Wanted {
  readonly issuer?: string | undefined;
  readonly app?: string | undefined;
  readonly secrets: boolean;
}

/**
 * Reads the configuration as the Worker would get it. Throws a `UsageError` that names everything that is wrong.
 * @param wanted `secrets`: whether a secret that is not set is wrong
 */
export async function readSettings(where: Where, { issuer, app, secrets }: Wanted): Promise<Settings> {
  // This module imports wrangler, which takes a second to load. Wrong flags should be reported before that.
  const { readEnvironment } = await import("../environment.ts");
  const environment = readEnvironment(where);
  if (!environment.ok) throw new UsageError(environment.error);
  const parsed = await parseConfig(secrets ? environment.value : withSubstitutes(environment.value));
  if (!parsed.ok) {
    const lines = parsed.error.map(({ variable, remedy }) => `  ${variable} ${remedy}`);
    throw new UsageError([`The configuration in ${where.config} is wrong:`, ...lines].join("\n"));
  }
  return choose(parsed.value, issuer, app);
}

/** Chooses the issuer and the app. Throws `UsageError` if one is unknown or not clear. */
export function choose(config: Config, wanted?: string, app?: string): Settings {
  const issuer = config.issuers.find(({ issuer, name }) => wanted === issuer || wanted === name) ?? config.issuers[0];
  if (!issuer || (wanted !== undefined && wanted !== issuer.issuer && wanted !== issuer.name)) {
    throw new UsageError(`--issuer must be one of ${listed(config.issuers.map(({ issuer }) => issuer))}.`);
  }
  if (wanted === undefined && config.issuers.length > 1) {
    throw new UsageError(
      `Several issuers are configured. Name the one of these users with --issuer: ${listed(config.issuers.map(({ issuer }) => issuer))}.`,
    );
  }
  if (app !== undefined && !config.apps.has(app)) {
    throw new UsageError(`--app must be one of COMETCHAT_APPS: ${listed([...config.apps.keys()])}.`);
  }
  if (app !== undefined && issuer.app !== undefined && app !== issuer.app) {
    throw new UsageError(`--app must be ${issuer.app}, the app that SESSION_ISSUERS names for this issuer.`);
  }
  return { config, issuer, app };
}

const listed = (names: readonly string[]): string => names.join(", ");
