import type { Config } from "../config/types.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import { claim } from "../session/claims.ts";
import type { Issuer } from "../session/issuer.ts";

/** Where the caller is, as Cloudflare says (`request.cf`); never a header that the caller could send. */
export interface Whereabouts {
  readonly continent?: string | undefined;
  readonly country?: string | undefined;
}

/** An app by name, whoever the user is; or the app that becomes the home of a user who has none yet. */
export type Place =
  | { readonly by: "configuration"; readonly app: string }
  | { readonly by: "home"; readonly candidate: string };

/**
 * Which app serves this user: the issuer's own, else by claim, else the only one. Where nothing of this decides, the
 * user's home does, which is chosen by where the user first signs in (country before continent before default).
 * Fails with `app-claim` where the claim names no listed app.
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
  const candidate =
    placement.countries.get(where.country ?? "") ??
    placement.continents.get(where.continent ?? "") ??
    placement.default;
  return ok({ by: "home", candidate });
}

/** Whether a user of these issuers may live in several apps: a claim moves it, or issuers with apps of their own share it. */
export const inSeveralApps = (issuers: readonly Pick<Issuer, "app" | "appClaim" | "uid">[]): boolean =>
  issuers.some(({ app, appClaim, uid }) => appClaim !== undefined || (uid.shared && app !== undefined));
