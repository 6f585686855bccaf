import type { Deps } from "../../src/context.ts";
import { createSimulator, type Simulator } from "../sandbox/cometchat/index.ts";
import { createProvider } from "../sandbox/provider/index.ts";
import { keyPair } from "./keys.ts";
import { createRecordingWorld } from "./ledger.ts";
import { API_KEY, bodyOf, ISSUER, type World, type WorldOptions } from "./world.ts";

export type Region = "us" | "eu" | "in";
export const REGIONS: readonly Region[] = ["us", "eu", "in"];
/** Round trips in milliseconds. They differ enough for the nearer app to answer first. */
const LATENCY: Record<Region, number> = { us: 5, eu: 15, in: 30 };

export interface Regions {
  readonly apps: Record<Region, Simulator>;
  readonly fetch: Deps["fetch"];
  /** A gateway in an isolate of its own, whose callers are in that country or continent. */
  readonly at: (cf: { continent?: string; country?: string }, options?: WorldOptions) => World;
  readonly session: (options?: Parameters<ReturnType<typeof createProvider>["issue"]>[0]) => Promise<string>;
}

export const COMETCHAT_APPS = Object.fromEntries(
  REGIONS.map((region) => [region, { appId: `2753000000000${region}`, region }]),
);
export const GEOGRAPHY = { default: "us", continents: { EU: "eu" }, countries: { IN: "in", GB: "us" } };

/** Three CometChat apps in three regions, one identity provider, and any number of gateways. */
export function regions(env: Record<string, unknown> = { PLACEMENT: GEOGRAPHY }): Regions {
  const provider = createProvider({ issuer: ISSUER, keyPair });
  const apps = Object.fromEntries(
    REGIONS.map((region) => [
      region,
      createSimulator({
        ...{ appId: `2753000000000${region}`, region, keys: { [API_KEY]: "fullAccess" } },
        latency: LATENCY[region],
      }),
    ]),
  ) as unknown as Record<Region, Simulator>;
  const fetch: Deps["fetch"] = async (input, init) => {
    const { hostname } = new URL(input);
    const region = REGIONS.find((each) => hostname === `2753000000000${each}.api-${each}.cometchat.io`);
    if (region) return apps[region].fetch(input, init);
    return provider.fetch(new Request(input, init));
  };
  return {
    apps,
    fetch,
    at: (cf, options = {}) =>
      createRecordingWorld({
        ...options,
        cf,
        deps: { ...options.deps, fetch },
        env: { COMETCHAT_APPS, ...env, ...options.env },
      }),
    session: (options) => provider.issue(options),
  };
}

export const regionOf = async (response: Response) => (await bodyOf(response)).region;
/** The regions whose app has this user. */
export const homes = ({ apps }: Regions, uid: string) => REGIONS.filter((region) => apps[region].user(uid));
