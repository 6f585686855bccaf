import type { App } from "../cometchat/types.ts";
import { wrongUrl } from "../urls.ts";
import { type RawEnv, type Report, secret } from "./report.ts";
import type { RawApp, RawIssuer } from "./schema.ts";
import type { Placement } from "./types.ts";

export type RawApps = Readonly<Record<string, RawApp>>;

interface RawPlacement {
  readonly default?: string | undefined;
  readonly continents?: Readonly<Record<string, string>> | undefined;
  readonly countries?: Readonly<Record<string, string>> | undefined;
  readonly jurisdictions?: Readonly<Record<string, "eu" | "fedramp">> | undefined;
}

/** Makes the apps of COMETCHAT_APPS, and reports what is wrong with them. */
export function checkApps(env: RawEnv, raw: RawApps, report: Report): ReadonlyMap<string, App> {
  const apps = new Map<string, App>();
  for (const [name, { appId, region, apiKeySecret = "COMETCHAT_API_KEY", baseUrl }] of Object.entries(raw)) {
    const variable = `COMETCHAT_APPS.${name}`;
    const wrong = baseUrl === undefined ? undefined : wrongUrl(baseUrl);
    if (wrong) report(`${variable}.baseUrl`, wrong);
    else if (/[?#]/.test(baseUrl ?? "")) report(`${variable}.baseUrl`, "must end in the API version, as in …/v3");
    const apiKey = secret(env, apiKeySecret, variable, report);
    if (apiKey === undefined) continue;
    if (!/^[\x21-\x7e]+$/.test(apiKey)) {
      report(apiKeySecret, "contains characters that no API key has: copy it again from the dashboard");
      continue;
    }
    const base = (baseUrl ?? `https://${appId}.api-${region}.cometchat.io/v3`).replace(/\/+$/, "");
    // With two names for one app, a user who moves between the two would lose the token that was just minted.
    if ([...apps.values()].some((other) => other.appId === appId && other.baseUrl === base)) {
      report(variable, "names the same app as another entry: remove one of the two");
    }
    apps.set(name, { name, appId, region, baseUrl: base, apiKey });
  }
  if (Object.keys(raw).length === 0) {
    report("COMETCHAT_APPS", "must name at least one app: [vars.COMETCHAT_APPS.main]");
  }
  return apps;
}

/** Checks where users live. `default` is optional if there is only one app, or if each issuer names its app. */
export function checkPlacement(
  raw: RawPlacement | undefined,
  apps: RawApps,
  issuers: readonly RawIssuer[],
  report: Report,
): Placement {
  const names = Object.keys(apps);
  const checkApp = (variable: string, app: string) => {
    if (names.length > 0 && !names.includes(app))
      report(variable, `must be one of the apps in COMETCHAT_APPS: ${names.join(", ")}`);
  };
  const { continents = {}, countries = {}, jurisdictions = {} } = raw ?? {};
  if (raw?.default !== undefined) checkApp("PLACEMENT.default", raw.default);
  for (const [code, app] of Object.entries(continents)) {
    checkApp(`PLACEMENT.continents.${code}`, app);
    if (!/^(AF|AN|AS|EU|NA|OC|SA)$/.test(code)) {
      report(`PLACEMENT.continents.${code}`, "must be one of AF, AN, AS, EU, NA, OC, SA");
    }
  }
  for (const [code, app] of Object.entries(countries)) {
    checkApp(`PLACEMENT.countries.${code}`, app);
    if (!/^([A-Z]{2}|T1)$/.test(code)) {
      report(`PLACEMENT.countries.${code}`, "must be a country's two capital letters, as in IN");
    }
  }
  for (const app of Object.keys(jurisdictions)) checkApp(`PLACEMENT.jurisdictions.${app}`, app);
  const undecided = issuers.some(({ app, appClaim }) => app === undefined && appClaim === undefined);
  if (raw?.default === undefined && names.length > 1 && undecided) {
    report("PLACEMENT.default", "is missing: write the app for users that no other setting places");
  }
  return {
    default: raw?.default ?? names[0] ?? "",
    byGeography: Object.keys(continents).length + Object.keys(countries).length > 0,
    continents: new Map(Object.entries(continents)),
    countries: new Map(Object.entries(countries)),
    jurisdictions: new Map(Object.entries(jurisdictions)),
  };
}
