import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Deps } from "../../src/context.ts";
import { createSimulator } from "../sandbox/cometchat/index.ts";
import { createProvider } from "../sandbox/provider/index.ts";
import { faultyLedger } from "../support/faults.ts";
import { keyPair } from "../support/keys.ts";
import { createRecordingWorld, ledgerOf, request, restoreAfterEach, runAlarms } from "../support/ledger.ts";
import { API_KEY, bodyOf, ISSUER, type World } from "../support/world.ts";

restoreAfterEach();

const OTHER = "https://other.example";
const backend = { headers: { Authorization: "Bearer backend-secret-of-32-characters!" } };

async function ask(world: World, session: string): Promise<[number, string]> {
  const response = await world.signIn(session);
  return [response.status, (await bodyOf(response)).authToken];
}

/** A ledger that cannot record tokens. */
const ledgerThatCannotRecord = () =>
  faultyLedger((call) => (call === "record" ? Promise.reject(new Error("internal error")) : undefined));

/** Two apps, two identity providers, and any number of gateways. */
function twoApps(env: Record<string, unknown>) {
  const simulated = (region: "eu" | "in") =>
    createSimulator({ appId: `2753000000000${region}`, region, keys: { [API_KEY]: "fullAccess" } });
  const apps = { eu: simulated("eu"), in: simulated("in") };
  const providers = { eu: createProvider({ issuer: ISSUER, keyPair }), in: createProvider({ issuer: OTHER, keyPair }) };
  const fetch: Deps["fetch"] = async (input, init) => {
    const { hostname } = new URL(input);
    if (hostname.endsWith(".api-eu.cometchat.io")) return apps.eu.fetch(input, init);
    if (hostname.endsWith(".api-in.cometchat.io")) return apps.in.fetch(input, init);
    return (input.startsWith(OTHER) ? providers.in : providers.eu).fetch(new Request(input, init));
  };
  const COMETCHAT_APPS = {
    eu: { appId: "2753000000000eu", region: "eu" },
    in: { appId: "2753000000000in", region: "in" },
  };
  const world = () =>
    createRecordingWorld({ deps: { fetch }, env: { COMETCHAT_APPS, PLACEMENT: { default: "eu" }, ...env } });
  return { apps, providers, provider: providers.eu, world };
}

describe("a token of a user whom a claim moves between two apps", () => {
  const env = {
    SESSION_ISSUERS: [
      { issuer: ISSUER, audience: ["chat"], appClaim: "region", appByClaim: { emea: "eu", apac: "in" } },
    ],
  };

  it("is revoked if a session with the old app's claim names it", async () => {
    const { apps, provider, world } = twoApps(env);
    const gateway = world();
    const older = await provider.issue({ subject: "alice", claims: { jti: "old", region: "emea" } });
    const newer = await provider.issue({ subject: "alice", claims: { jti: "new", region: "apac" } });
    await gateway.signIn(older);
    const [, inApac] = await ask(gateway, newer);
    expect((await gateway.call("/v1/token", request("DELETE", older, { authToken: inApac }))).status).toBe(204);
    expect(apps.in.tokens("alice")).toEqual([]);
  });

  it.each([
    ["nothing is recorded (no TOKEN_ENCRYPTION_KEY)", false],
    ["nothing is recorded, and KV has lost the user", true],
  ])("is revoked if a session with the old app's claim names it, although %s", async (_, lost) => {
    const { apps, provider, world } = twoApps({ ...env, TOKEN_ENCRYPTION_KEY: undefined });
    const older = await provider.issue({ subject: "alice", claims: { jti: "old", region: "emea" } });
    const newer = await provider.issue({ subject: "alice", claims: { jti: "new", region: "apac" } });
    await world().signIn(older);
    const [, inApac] = await ask(world(), newer);
    if (lost) await bindings.USERS.delete("v1:u:alice");
    expect((await world().call("/v1/token", request("DELETE", older, { authToken: inApac }))).status).toBe(204);
    expect(apps.in.tokens("alice")).toEqual([]);
  });

  it("is revoked by a sign-out everywhere, although nothing is recorded and KV has lost the user", async () => {
    const { apps, provider, world } = twoApps({ ...env, TOKEN_ENCRYPTION_KEY: undefined });
    const older = await provider.issue({ subject: "alice", claims: { jti: "old", region: "emea" } });
    await world().signIn(older);
    await ask(world(), await provider.issue({ subject: "alice", claims: { jti: "new", region: "apac" } }));
    await bindings.USERS.delete("v1:u:alice");
    expect((await world().call("/v1/tokens", request("DELETE", older))).status).toBe(204);
    expect([apps.eu.tokens("alice"), apps.in.tokens("alice")]).toEqual([[], []]);
  });

  it("is revoked if a session with the old app's claim names it, although it could not be recorded", async () => {
    const { apps, provider, world } = twoApps({ ...env, LEDGER: ledgerThatCannotRecord() });
    const older = await provider.issue({ subject: "alice", claims: { jti: "old", region: "emea" } });
    const newer = await provider.issue({ subject: "alice", claims: { jti: "new", region: "apac" } });
    await world().signIn(older);
    const [, inApac] = await ask(world(), newer);
    expect((await world().call("/v1/token", request("DELETE", older, { authToken: inApac }))).status).toBe(204);
    expect(apps.in.tokens("alice")).toEqual([]);
  });

  it.each([
    ["if a session with the old app's claim names it", true],
    ["by a sign-out everywhere", false],
  ])("is revoked %s, although it could not be recorded, and KV has lost the user", async (_, named) => {
    const { apps, provider, world } = twoApps({ ...env, LEDGER: ledgerThatCannotRecord() });
    const older = await provider.issue({ subject: "alice", claims: { jti: "old", region: "emea" } });
    const newer = await provider.issue({ subject: "alice", claims: { jti: "new", region: "apac" } });
    await world().signIn(older);
    const [, inApac] = await ask(world(), newer);
    await bindings.USERS.delete("v1:u:alice");
    const answer = named
      ? await world().call("/v1/token", request("DELETE", older, { authToken: inApac }))
      : await world().call("/v1/tokens", request("DELETE", older));
    expect(answer.status).toBe(204);
    expect(apps.in.tokens("alice")).toEqual([]);
  });

  it("is revoked if the user moves back through an isolate that has the first app in memory", async () => {
    const { apps, provider, world } = twoApps(env);
    const stale = world();
    const older = await provider.issue({ subject: "alice", claims: { jti: "old", region: "emea" } });
    const newer = await provider.issue({ subject: "alice", claims: { jti: "new", region: "apac" } });
    await stale.signIn(older);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1000 });
    await world().signIn(newer);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1000 });
    // This isolate has in its memory that the user lives in this app.
    const [, back] = await ask(stale, older);
    await runAlarms();
    expect([apps.eu.tokens("alice"), apps.in.tokens("alice")]).toEqual([[back], []]);
  });

  it("is not revoked if a record of the old app from before the move comes late", async () => {
    const { apps, provider, world } = twoApps(env);
    await world().signIn(await provider.issue({ subject: "alice", claims: { jti: "old", region: "emea" } }));
    const late = apps.eu.mint("alice");
    const mintedAt = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 20_000 });
    const newer = await provider.issue({ subject: "alice", claims: { jti: "new", region: "apac" } });
    const [, token] = await ask(world(), newer);
    const minted = { app: "eu", token: late, session: "late", name: null, mintedAt, expiresAt: null, moves: true };
    await ledgerOf("alice").record("alice", minted);
    await runAlarms();
    expect([apps.eu.tokens("alice"), apps.in.tokens("alice")]).toEqual([[], [token]]);
  });

  it("is not given out again after the move has revoked it", async () => {
    const { apps, provider, world } = twoApps({ ...env, TOKENS: { reuse: "session" } });
    const gateway = world();
    const older = await provider.issue({ subject: "alice", claims: { jti: "old", region: "emea" } });
    const newer = await provider.issue({ subject: "alice", claims: { jti: "new", region: "apac" } });
    const [, first] = await ask(gateway, older);
    await ask(gateway, newer);
    expect(apps.eu.tokens("alice")).toEqual([]);
    await runAlarms();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 300_000 });
    const [status, token] = await ask(world(), older);
    expect([status, token === first]).toEqual([201, false]);
  });
});

describe("a session with a claim that has moved the user", () => {
  const env = {
    SESSION_ISSUERS: [
      { issuer: ISSUER, audience: ["chat"], appClaim: "region", appByClaim: { emea: "eu", apac: "in" } },
    ],
  };

  it("keeps its token of the new app when those of the old one are revoked", async () => {
    const { provider, world } = twoApps({ ...env, TOKENS: { reuse: "session" } });
    const gateway = world();
    await gateway.signIn(await provider.issue({ subject: "alice", claims: { jti: "old", region: "emea" } }));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5000 });
    const moved = await provider.issue({ subject: "alice", claims: { jti: "new", region: "apac" } });
    const [, token] = await ask(gateway, moved);
    await runAlarms();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    expect(await ask(world(), moved)).toEqual([200, token]);
  });
});

describe("a user whom two issuers share, each with an app of its own,", () => {
  function shared(env: Record<string, unknown> = {}) {
    const { world, ...rest } = twoApps({
      SESSION_ISSUERS: [
        { issuer: ISSUER, audience: ["chat"], app: "eu", uid: { shared: true } },
        { issuer: OTHER, audience: ["chat"], app: "in", uid: { shared: true } },
      ],
      BACKEND_SECRET: "backend-secret-of-32-characters!",
      ...env,
    });
    return { ...rest, world: world() };
  }

  it("is deactivated by the backend in both", async () => {
    const { apps, providers, world } = shared();
    await world.signIn(await providers.eu.issue({ subject: "alice" }));
    await world.signIn(await providers.in.issue({ subject: "alice" }));
    expect((await world.call("/v1/users/alice", { method: "DELETE", ...backend })).status).toBe(204);
    expect([apps.eu.user("alice")?.deactivatedAt, apps.in.user("alice")?.deactivatedAt]).toEqual([
      expect.any(Number),
      expect.any(Number),
    ]);
  });
  it("signs out everywhere, although nothing is recorded", async () => {
    const { apps, providers, world } = shared({ TOKEN_ENCRYPTION_KEY: undefined });
    await world.signIn(await providers.in.issue({ subject: "alice" }));
    const eu = await providers.eu.issue({ subject: "alice" });
    await world.signIn(eu);
    expect((await world.call("/v1/tokens", request("DELETE", eu))).status).toBe(204);
    await runAlarms();
    expect([apps.eu.tokens("alice"), apps.in.tokens("alice")]).toEqual([[], []]);
  });
  it("loses all tokens when the backend revokes them, although nothing is recorded", async () => {
    const { apps, providers, world } = shared({ TOKEN_ENCRYPTION_KEY: undefined });
    await world.signIn(await providers.in.issue({ subject: "alice" }));
    await world.signIn(await providers.eu.issue({ subject: "alice" }));
    expect((await world.call("/v1/users/alice/tokens", { method: "DELETE", ...backend })).status).toBe(204);
    await runAlarms();
    expect([apps.eu.tokens("alice"), apps.in.tokens("alice")]).toEqual([[], []]);
  });
  it("signs out everywhere, although one app has a jurisdiction", async () => {
    const LEDGER = {
      getByName: (name: string) => bindings.LEDGER.getByName(name),
      jurisdiction: (jurisdiction: string) => ({
        getByName: (name: string) => bindings.LEDGER.getByName(`${jurisdiction}/${name}`),
      }),
    };
    const PLACEMENT = { default: "eu", jurisdictions: { eu: "eu" } };
    const { apps, providers, world } = shared({ LEDGER, PLACEMENT });
    await world.signIn(await providers.in.issue({ subject: "alice" }));
    const eu = await providers.eu.issue({ subject: "alice" });
    await world.signIn(eu);
    expect((await world.call("/v1/tokens", request("DELETE", eu))).status).toBe(204);
    await runAlarms();
    await runAlarms("eu/alice");
    expect([apps.eu.tokens("alice"), apps.in.tokens("alice")]).toEqual([[], []]);
  });

  it("is signed out of both by its provider, although nothing is recorded", async () => {
    const { apps, providers, world } = shared({ TOKEN_ENCRYPTION_KEY: undefined });
    await world.signIn(await providers.in.issue({ subject: "alice" }));
    await world.signIn(await providers.eu.issue({ subject: "alice" }));
    const response = await world.call("/v1/backchannel-logout", {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: `logout_token=${await providers.eu.issueLogoutToken({ sub: "alice" })}`,
    });
    expect(response.status).toBe(200);
    expect([apps.eu.tokens("alice"), apps.in.tokens("alice")]).toEqual([[], []]);
  });

  it.each([
    ["refuses", { kind: "refuse" }],
    ["hangs", { kind: "hang" }],
  ] as const)("signs out everywhere, although an app without the user %s", async (_, effect) => {
    const { apps, providers, world } = shared({ REQUEST_TIMEOUT_MS: 2000 });
    const session = await providers.eu.issue({ subject: "alice" });
    await world.signIn(session);
    apps.in.faults.add({ match: "any", effect });
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect(apps.eu.tokens("alice")).toEqual([]);
  });
});
