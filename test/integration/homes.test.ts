import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, test } from "vitest";
import { faultyKv } from "../support/faults.ts";
import { homeOf, restoreAfterEach } from "../support/ledger.ts";
import {
  COMETCHAT_APPS,
  GEOGRAPHY,
  homes,
  REGIONS,
  type Region,
  type Regions,
  regionOf,
  regions,
} from "../support/regions.ts";
import { virtualTime } from "../support/time.ts";
import { eventHeaders, WEBHOOK_KEY } from "../support/webhook.ts";
import { bodyOf, ISSUER, type ProblemAnswer } from "../support/world.ts";

restoreAfterEach();
virtualTime();

const EUROPE = { continent: "EU", country: "DE" };
const MAIN = { PLACEMENT: { default: "us" } };
const BACKEND_SECRET = "backend-secret-of-32-characters!";
const backend = { Authorization: `Bearer ${BACKEND_SECRET}`, "Content-Type": "application/json" };

const never = () => new Promise<never>(() => undefined);
const failed = () => Promise.reject(new Error("KV GET failed: 500 Internal Server Error"));
const ofUser = (operation: string, key: string) => operation === "get" && key.startsWith("v1:u:");

async function loseKv(): Promise<void> {
  for (const { name } of (await bindings.USERS.list()).keys) await bindings.USERS.delete(name);
}

/** The states of KV, of which one may come after the user's last sign-in. */
const KV: Record<string, () => Promise<Record<string, unknown>>> = {
  healthy: async () => ({}),
  slow: async () => ({ USERS: faultyKv((...read) => (ofUser(...read) ? never() : undefined)) }),
  throwing: async () => ({ USERS: faultyKv((...read) => (ofUser(...read) ? failed() : undefined)) }),
  lost: async () => {
    await loseKv();
    return {};
  },
};

/** The changes of PLACEMENT, of which an operator may make one after the user's last sign-in. */
const CHANGES: Record<string, unknown> = {
  "continents switched on": GEOGRAPHY,
  "countries switched on": { default: "us", countries: { DE: "in" } },
  "another default": { default: "eu" },
  "another default and geography": { default: "in", continents: { EU: "eu" } },
};

async function known(world: Regions, subject = "alice"): Promise<string> {
  const session = await world.session({ subject });
  expect(await regionOf(await world.at(EUROPE).signIn(session))).toBe("us");
  return session;
}

describe("a user who exists in an app stays there", () => {
  test.each(Object.keys(KV).flatMap((kv) => Object.keys(CHANGES).map((change) => [kv, change] as const)))(
    "after a change of PLACEMENT: KV %s, %s",
    async (kv, change) => {
      const world = regions(MAIN);
      const session = await known(world);
      const env = { PLACEMENT: CHANGES[change], ...(await KV[kv]?.()) };
      // Twice in new isolates, and then from another continent.
      for (const cf of [EUROPE, EUROPE, { country: "IN", continent: "AS" }]) {
        const response = await world.at(cf, { env }).signIn(session);
        expect([response.status, await regionOf(response)]).toEqual([201, "us"]);
      }
      expect(homes(world, "alice")).toEqual(["us"]);
    },
  );

  test.each(Object.keys(KV))("after other apps are added: KV %s", async (kv) => {
    const world = regions({ COMETCHAT_APPS: { us: COMETCHAT_APPS.us } });
    const session = await known(world);
    const env = { COMETCHAT_APPS, PLACEMENT: { default: "eu" }, ...(await KV[kv]?.()) };
    expect(await regionOf(await world.at(EUROPE, { env }).signIn(session))).toBe("us");
    expect(homes(world, "alice")).toEqual(["us"]);
  });

  it("while KV still answers that the user does not exist, since another place has just created it", async () => {
    const world = regions();
    const session = await world.session();
    await world.at(EUROPE).signIn(session);
    const stale = { get: async () => null, put: async () => undefined };
    expect(await regionOf(await world.at({ country: "IN" }, { env: { USERS: stale } }).signIn(session))).toBe("eu");
    expect(homes(world, "alice")).toEqual(["eu"]);
  });

  it("at its first sign-in, if it was imported", async () => {
    const world = regions();
    world.apps.in.seed({ uid: "alice" });
    expect(await regionOf(await world.at(EUROPE).signIn(await world.session()))).toBe("in");
    expect(homes(world, "alice")).toEqual(["in"]);
  });

  it("if it is deactivated: the answer is 403, and it is not created in another app", async () => {
    const world = regions();
    world.apps.in.seed({ uid: "alice", deactivatedAt: 1_700_000_000 });
    const response = await world.at(EUROPE).signIn(await world.session());
    expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([403, "user-deactivated"]);
    expect(homes(world, "alice")).toEqual(["in"]);
  });

  it("if there are a hundred users whose uids begin like its own", async () => {
    const world = regions();
    for (let n = 0; n < 130; n += 1) world.apps.in.seed({ uid: `alice-${n}` });
    world.apps.in.seed({ uid: "alice" });
    expect(await regionOf(await world.at(EUROPE).signIn(await world.session()))).toBe("in");
    expect(homes(world, "alice")).toEqual(["in"]);
  });

  it("after it was found there once, without calls to the other apps", async () => {
    const world = regions();
    world.apps.in.seed({ uid: "alice" });
    const session = await world.session();
    await world.at(EUROPE).signIn(session);
    expect(await homeOf("alice").home()).toBe("in");
    const env = await KV.slow?.();
    for (const region of REGIONS) world.apps[region].journal.clear();
    expect(await regionOf(await world.at(EUROPE, { env: env ?? {} }).signIn(session))).toBe("in");
    expect(world.apps.us.journal.calls() + world.apps.eu.journal.calls()).toBe(0);
  });
});

describe("the first sign-in of a user, placed by geography,", () => {
  it.each<Region>(["us", "in"])(
    "is answered 503, and no second user is created, while the app in %s is down",
    async (region) => {
      const world = regions();
      const fault = world.apps[region].faults.add({ match: "any", effect: { kind: "refuse" } });
      const session = await world.session();
      const response = await world.at(EUROPE).signIn(session);
      expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([503, "cometchat-unavailable"]);
      expect(Number(response.headers.get("Retry-After"))).toBeGreaterThanOrEqual(1);
      expect(homes(world, "alice")).toEqual([]);
      world.apps[region].faults.remove(fault);
      expect(await regionOf(await world.at(EUROPE).signIn(session))).toBe("eu");
    },
  );

  it("calls each app once, and creates the user with one more call", async () => {
    const world = regions();
    await world.at(EUROPE).signIn(await world.session());
    const calls = (region: Region) => world.apps[region].journal.entries.map(({ call }) => call);
    expect([calls("us"), calls("eu"), calls("in")]).toEqual([["list"], ["list", "create"], ["list"]]);
  });

  it("does not search for the user if there is only one app", async () => {
    const world = regions({ COMETCHAT_APPS: { us: COMETCHAT_APPS.us } });
    await world.at(EUROPE).signIn(await world.session());
    expect(world.apps.us.journal.entries.map(({ call }) => call).sort()).toEqual(["create", "mint"]);
  });
});

describe("a later sign-in of a user, placed by geography,", () => {
  it("needs one call to one app", async () => {
    const world = regions(MAIN);
    const session = await known(world);
    for (const region of REGIONS) world.apps[region].journal.clear();
    await world.at(EUROPE, { env: { PLACEMENT: GEOGRAPHY } }).signIn(session);
    expect(REGIONS.map((region) => world.apps[region].journal.calls())).toEqual([1, 0, 0]);
  });
});

describe("a backend that signs up a user who exists", () => {
  test.each(Object.keys(CHANGES))("finds the user in its app, after a change of PLACEMENT: %s", async (change) => {
    const world = regions({ ...MAIN, BACKEND_SECRET });
    await known(world);
    const gateway = world.at({}, { env: { PLACEMENT: CHANGES[change] } });
    const body = JSON.stringify({ subject: "alice", name: "Alice" });
    const response = await gateway.call("/v1/users", { method: "POST", headers: backend, body });
    expect([response.status, await regionOf(response)]).toEqual([200, "us"]);
    expect(homes(world, "alice")).toEqual(["us"]);
  });

  it("does not move the user by naming another app", async () => {
    const world = regions({ ...MAIN, BACKEND_SECRET });
    await known(world);
    const body = JSON.stringify({ subject: "alice", name: "Alice", app: "in" });
    const response = await world.at({}).call("/v1/users", { method: "POST", headers: backend, body });
    expect([response.status, await regionOf(response)]).toEqual([200, "us"]);
    expect(homes(world, "alice")).toEqual(["us"]);
  });
});

describe("a backend that signs up a new user", () => {
  it("creates it in the app in which its sessions find it", async () => {
    const world = regions({ PLACEMENT: GEOGRAPHY, BACKEND_SECRET });
    const body = JSON.stringify({ subject: "alice", name: "Alice", app: "in" });
    const response = await world.at({}).call("/v1/users", { method: "POST", headers: backend, body });
    expect([response.status, await regionOf(response)]).toEqual([201, "in"]);
    await loseKv();
    expect(await regionOf(await world.at(EUROPE).signIn(await world.session()))).toBe("in");
    expect(homes(world, "alice")).toEqual(["in"]);
  });
});

describe("a user who was placed by a claim", () => {
  it("stays in that app after users are placed by the default alone", async () => {
    const claimed = { issuer: ISSUER, audience: ["chat"], appClaim: "region", appByClaim: { emea: "eu", apac: "in" } };
    const world = regions({ SESSION_ISSUERS: [claimed], ...MAIN });
    await world.at({}).signIn(await world.session({ claims: { region: "apac" } }));
    const env = { SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"] }] };
    expect(await regionOf(await world.at({}, { env }).signIn(await world.session()))).toBe("in");
    expect(homes(world, "alice")).toEqual(["in"]);
  });
});

describe("a provider's event about a user", () => {
  const SESSION_ISSUERS = [{ issuer: ISSUER, name: "idp", audience: ["chat"], webhookSecret: "WEBHOOK" }];

  async function created(world: Regions, PLACEMENT: unknown, more: Record<string, unknown> = {}) {
    const gateway = world.at({}, { env: { SESSION_ISSUERS, WEBHOOK: `whsec_${WEBHOOK_KEY}`, PLACEMENT, ...more } });
    const body = JSON.stringify({ type: "user.created", data: { sub: "alice", name: "Alice" } });
    const headers = await eventHeaders(body, { sentAt: Date.now() });
    const response = await gateway.call("/v1/webhooks/idp", { method: "POST", headers, body });
    const [line] = gateway.lines.filter(({ event }) => event === "webhook");
    return [response.status, line?.done];
  }

  test.each(Object.keys(KV).flatMap((kv) => Object.keys(CHANGES).map((change) => [kv, change] as const)))(
    "does not create a second one if the user exists: KV %s, %s",
    async (kv, change) => {
      const world = regions(MAIN);
      await known(world);
      expect(await created(world, CHANGES[change], await KV[kv]?.())).toEqual([204, "known"]);
      expect(homes(world, "alice")).toEqual(["us"]);
    },
  );

  it("creates a new one in the app in which its sessions find it", async () => {
    const world = regions(MAIN);
    expect(await created(world, { default: "in" })).toEqual([204, "created"]);
    await loseKv();
    expect(await regionOf(await world.at(EUROPE).signIn(await world.session()))).toBe("in");
    expect(homes(world, "alice")).toEqual(["in"]);
  });
});
