import type { Config } from "../config/types.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import { claim } from "../session/claims.ts";
import type { Issuer } from "../session/issuer.ts";

/** The caller's location by Cloudflare (`request.cf`), never by a header, which the caller could invent. */
export interface Whereabouts {
  readonly continent?: string | undefined;
  readonly country?: string | undefined;
}

interface Place {
  readonly by: "configuration" | "home";
  /** If the user's home decides, this is the app that becomes the home of a user without one. */
  readonly app: string;
}

/**
 * Decides which app serves a user: the issuer's app, else the app for the claim's value, else the only app. With
 * several apps and neither of these, the user's home decides. It is chosen by the location of the first sign-in: by
 * country, else by continent, else the default. Fails with `app-claim` if the claim has no value in `appByClaim`.
 */
export function place(
  config: Pick<Config, "apps" | "placement">,
  issuer: Pick<Issuer, "app" | "appClaim" | "appByClaim">,
  claims: Readonly<Record<string, unknown>>,
  where: Whereabouts,
): Result<Place, GatewayError> {
  if (issuer.app !== undefined) return ok({ by: "configuration", app: issuer.app });
  if (issuer.appClaim !== undefined) {
    const value = claim(claims, issuer.appClaim);
    const app = typeof value === "string" ? issuer.appByClaim.get(value) : undefined;
    return app === undefined ? fail("app-claim") : ok({ by: "configuration", app });
  }
  const { placement } = config;
  if (config.apps.size === 1) return ok({ by: "configuration", app: placement.default });
  const app =
    placement.countries.get(where.country ?? "") ??
    placement.continents.get(where.continent ?? "") ??
    placement.default;
  return ok({ by: "home", app });
}

/**
 * Whether a user may exist in several apps: by a claim that changes, or by issuers that share users. Of a user of one
 * `issuer` the others need to be considered only if it shares its users.
 */
export const inSeveralApps = (issuers: readonly Issuer[], issuer?: Issuer): boolean =>
  (issuer && !issuer.uid.shared ? [issuer] : issuers).some(
    ({ app, appClaim, uid }) => appClaim !== undefined || (uid.shared && app !== undefined),
  );
