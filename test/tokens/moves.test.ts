import { runDurableObjectAlarm } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Deps } from "../../src/context.ts";
import { createSimulator, type Simulator } from "../sandbox/cometchat/index.ts";
import { createProvider } from "../sandbox/provider/index.ts";
import { keyPair } from "../support/keys.ts";
import { createRecordingWorld, ledgerOf, restoreAfterEach, runAlarms } from "../support/ledger.ts";
import { API_KEY, bodyOf, ISSUER } from "../support/world.ts";

restoreAfterEach();

const REGIONS = ["eu", "in"] as const;
const CLAIMS = { emea: "eu", apac: "in" } as const;

/** A gateway with two apps, and a provider with a claim that names the user's app. */
function movingWorld(env: Record<string, unknown> = {}) {
  const provider = createProvider({ issuer: ISSUER, keyPair });
  const simulated = (region: (typeof REGIONS)[number]) =>
    createSimulator({ appId: `2753000000000${region}`, region, keys: { [API_KEY]: "fullAccess" } });
  const apps = { eu: simulated("eu"), in: simulated("in") };
  const fetch: Deps["fetch"] = async (input, init) => {
    const { hostname } = new URL(input);
    const region = REGIONS.find((each) => hostname === `2753000000000${each}.api-${each}.cometchat.io`);
    return region ? apps[region].fetch(input, init) : provider.fetch(new Request(input, init));
  };
  const COMETCHAT_APPS = Object.fromEntries(
    REGIONS.map((region) => [region, { appId: `2753000000000${region}`, region }]),
  );
  const SESSION_ISSUERS = [{ issuer: ISSUER, audience: ["chat"], appClaim: "region", appByClaim: CLAIMS }];
  const gateway = createRecordingWorld({
    deps: { fetch },
    env: { COMETCHAT_APPS, SESSION_ISSUERS, PLACEMENT: { default: "eu" }, ...env },
  });
  const signIn = async (region: keyof typeof CLAIMS) => {
    const response = await gateway.signIn(
      await provider.issue({ subject: "alice", claims: { name: "Alice", region } }),
    );
    expect(response.status).toBe(201);
    return bodyOf(response);
  };
  return { apps, signIn };
}

const calls = ({ journal }: Simulator) =>
  journal.entries.filter(({ surface }) => surface === "rest").map(({ call }) => call);

describe("a user whom a claim moves to another app", () => {
  it("gets its token with one call, at the move and later", async () => {
    const { apps, signIn } = movingWorld();
    await signIn("emea");
    expect(await signIn("apac")).toMatchObject({ region: "in", created: true });
    // The mapping names the old app, so the user is created in the new one without a mint before.
    expect(calls(apps.in)).toEqual(["create"]);
    apps.in.journal.clear();
    apps.eu.journal.clear();
    expect(await signIn("apac")).toMatchObject({ region: "in", created: false });
    expect(calls(apps.in)).toEqual(["mint"]);
    // The old app was called at the move.
    expect(calls(apps.eu)).toEqual([]);
  });

  it("gets its token with two calls when it moves back", async () => {
    const { apps, signIn } = movingWorld();
    await signIn("emea");
    await signIn("apac");
    apps.eu.journal.clear();
    expect(await signIn("emea")).toMatchObject({ region: "eu", created: false });
    expect(calls(apps.eu).slice(0, 2)).toEqual(["create", "mint"]);
    expect(apps.eu.tokens("alice")).toHaveLength(1);
    expect(apps.in.tokens("alice")).toEqual([]);
  });
});

describe("a user whom a claim moves out of an app with a jurisdiction", () => {
  // workerd alone has no jurisdictions. Here, as on the platform, the same name has another id in each.
  const inside = () => ledgerOf("eu/alice");
  const LEDGER = {
    getByName: (name: string) => bindings.LEDGER.getByName(name),
    jurisdiction: (jurisdiction: string) => ({
      getByName: (name: string) => bindings.LEDGER.getByName(`${jurisdiction}/${name}`),
    }),
  };
  const env = { LEDGER, PLACEMENT: { default: "eu", jurisdictions: { eu: "eu" } } };

  it("loses its tokens there", async () => {
    const { apps, signIn } = movingWorld(env);
    await signIn("emea");
    expect(apps.eu.tokens("alice")).toHaveLength(1);
    await signIn("apac");
    expect(apps.eu.tokens("alice")).toEqual([]);
    expect(apps.in.tokens("alice")).toHaveLength(1);
  });

  it("loses its tokens there later if that app is down, by the alarm of the object in that jurisdiction", async () => {
    const { apps, signIn } = movingWorld(env);
    await signIn("emea");
    await signIn("emea");
    const down = apps.eu.faults.add({ match: "any", effect: { kind: "refuse" } });
    const { authToken } = await signIn("apac");
    apps.eu.faults.remove(down);
    expect(apps.eu.tokens("alice")).toHaveLength(2);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });
    // The new app's object, outside of the jurisdiction, does not know them.
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(apps.eu.tokens("alice")).toHaveLength(2);
    await runAlarms("eu/alice");
    expect(apps.eu.tokens("alice")).toEqual([]);
    expect(apps.in.tokens("alice")).toEqual([authToken]);
    // No work is left to do.
    expect(await runDurableObjectAlarm(inside())).toBe(false);
  });
});
