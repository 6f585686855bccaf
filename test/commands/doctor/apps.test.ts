import { describe, expect, it } from "vitest";
import { examine } from "../../../src/commands/doctor/doctor.ts";
import { platform } from "../../../src/platform.ts";
import {
  advice,
  app,
  type Case,
  doctor,
  NARROW_KEY,
  provider,
  refused,
  right,
  SECRETS,
  serve,
  simulator,
  WRONG_KEY,
  wrong,
} from "../../support/doctor.ts";
import { deployment } from "../place.ts";

serve();

describe("npm run doctor checks each app at CometChat", () => {
  const rows: readonly (readonly [string, () => Case, detail: RegExp, remedy: RegExp])[] = [
    [
      "a key that it does not know",
      () => ({ secrets: { ...SECRETS, COMETCHAT_API_KEY: WRONG_KEY } }),
      /does not know the key in COMETCHAT_API_KEY/,
      /REST API key of scope fullAccess/,
    ],
    [
      "a key of too small a scope",
      () => ({ secrets: { ...SECRETS, COMETCHAT_API_KEY: NARROW_KEY } }),
      /too small a scope/,
      /fullAccess, not an Auth Key/,
    ],
    [
      "an app that it does not know",
      () => {
        return refused("AUTH_ERR_INVALID_APPID");
      },
      /does not know the app app1 in region us/,
      /compare appId and region/,
    ],
    [
      "a plan whose limit is reached",
      () => {
        return refused("ERR_PLAN_QUOTA_RESTRICTION");
      },
      /plan of app1/,
      /Billing/,
    ],
    [
      "the rate limit",
      () => {
        return refused("ERR_TOO_MANY_REQUESTS");
      },
      /rate limit/,
      /Run the doctor again in \d+ seconds/,
    ],
    [
      "an address that is not its API",
      () => ({ vars: { COMETCHAT_APPS: { main: { ...app(), baseUrl: `http://127.0.0.1:${provider.port}/v3` } } } }),
      /is not CometChat's \(status 404\)/,
      /ends in \/v3/,
    ],
    [
      "an address where nothing answers",
      () => ({ vars: { COMETCHAT_APPS: { main: { ...app(), baseUrl: "http://127.0.0.1:9/v3" } } } }),
      /cannot be reached/,
      /Compare appId/,
    ],
  ];
  it.each(rows)("and names a mistake with its remedy: %s", async (_, prepare, detail, remedy) => {
    const [check, ...others] = wrong(await doctor(prepare()));
    expect(check?.name).toBe("app main");
    expect(check?.detail).toMatch(detail);
    expect(check?.remedy).toMatch(remedy);
    expect(others).toEqual([]);
  });

  it("and names the right region of an app", async () => {
    const hosts: string[] = [];
    const fetch = async (address: string, init: RequestInit) => {
      const url = new URL(address);
      if (!url.hostname.endsWith(".cometchat.io")) return platform.fetch(address, init);
      hosts.push(url.hostname);
      return simulator.fetch(address, init);
    };
    const config = deployment({ ...right(), COMETCHAT_APPS: { main: { appId: "app1", region: "in" } } }, SECRETS);
    const report = await examine({ config }, { ...platform, fetch, cache: () => undefined, log: () => {} });
    expect(wrong(report)).toMatchObject([
      {
        name: "app main",
        detail: "the app app1 is in region us, not in in",
        remedy: expect.stringContaining('region = "us"'),
      },
    ]);
    expect(hosts).toEqual(["app1.api-in.cometchat.io", "app1.api-us.cometchat.io"]);
  });

  it("and advises to delete CometChat's sample users", async () => {
    simulator.seed({ uid: "cometchat-uid-1" });
    simulator.seed({ uid: "cometchat-uid-5" });
    const report = await doctor({});
    expect(report.ok).toBe(true);
    expect(advice(report)).toMatchObject([
      {
        name: "users of main",
        detail: expect.stringContaining("cometchat-uid-1, cometchat-uid-5"),
        remedy: expect.stringContaining("Delete"),
      },
    ]);
  });
});
