import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Deps } from "../../src/context.ts";
import type { Simulator } from "../sandbox/cometchat/index.ts";
import { createProvider } from "../sandbox/provider/index.ts";
import { faultyKv, faultyLedger, never } from "../support/faults.ts";
import { keyPair } from "../support/keys.ts";
import { createRecordingWorld, homeOf, ledgerOf, request, restoreAfterEach } from "../support/ledger.ts";
import { COMETCHAT_APPS, GEOGRAPHY, homes, type Regions, regionOf, regions } from "../support/regions.ts";
import { virtualTime } from "../support/time.ts";
import { bodyOf, ISSUER, type ProblemAnswer, type World } from "../support/world.ts";

restoreAfterEach();

describe("the app of a new user", () => {
  virtualTime();

  it.each([
    [{ continent: "EU", country: "DE" }, "eu"],
    // The country's rule is used before the continent's.
    [{ continent: "EU", country: "GB" }, "us"],
    [{ continent: "AS", country: "IN" }, "in"],
    [{ continent: "AS", country: "JP" }, "us"],
    [{ continent: "SA", country: "BR" }, "us"],
    // Tor, and a request whose place is not known.
    [{ country: "T1" }, "us"],
    [{}, "us"],
  ])("is the one for the caller's country or continent: from %o it is %s", async (cf, region) => {
    const world = regions();
    const response = await world.at(cf).signIn(await world.session({ subject: "alice" }));
    expect(response.status).toBe(201);
    expect(await bodyOf(response)).toMatchObject({ region, appId: `2753000000000${region}`, created: true });
    expect(homes(world, "alice")).toEqual([region]);
  });

  it("is not chosen by a header, which anybody can send", async () => {
    const world = regions();
    const headers = { "CF-IPCountry": "IN", "CF-IPContinent": "EU" };
    const response = await world.at({ country: "US", continent: "NA" }).signIn(await world.session(), { headers });
    expect(await regionOf(response)).toBe("us");
  });

  const byClaim = (more: object = {}) => ({
    SESSION_ISSUERS: [
      {
        ...{ issuer: ISSUER, audience: ["chat"], appClaim: "org.region", appByClaim: { emea: "eu", apac: "in" } },
        ...more,
      },
    ],
  });

  it.each([
    ["emea", "eu"],
    ["apac", "in"],
  ])("is the one for the claim %s, from everywhere: %s", async (claim, region) => {
    const world = regions(byClaim());
    const session = await world.session({ claims: { org: { region: claim } } });
    for (const cf of [{ continent: "NA" }, { continent: "EU" }]) {
      expect(await regionOf(await world.at(cf).signIn(session))).toBe(region);
    }
  });

  it.each([[undefined], ["mars"], [["emea"]], ["constructor"]])(
    "has to be found by the claim: with %o the session is refused, and no user is created",
    async (value) => {
      const world = regions(byClaim());
      const response = await world
        .at({ continent: "EU" })
        .signIn(await world.session({ claims: { org: { region: value } } }));
      expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([403, "subject-not-allowed"]);
      expect(homes(world, "alice")).toEqual([]);
    },
  );

  it("is the app of the issuer, if that has one", async () => {
    const world = regions({ SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], app: "in" }] });
    expect(await regionOf(await world.at({ continent: "EU" }).signIn(await world.session()))).toBe("in");
  });

  it("is found by issuer or claim without a call to a Durable Object", async () => {
    const LEDGER = { getByName: vi.fn(() => ({})) };
    const world = regions({ ...byClaim(), LEDGER, TOKEN_ENCRYPTION_KEY: undefined });
    const response = await world.at({}).signIn(await world.session({ claims: { org: { region: "emea" } } }));
    expect(response.status).toBe(201);
    expect(LEDGER.getByName).not.toHaveBeenCalled();
  });
});

describe("the home of a user, placed by geography,", () => {
  virtualTime();

  it("stays the same wherever the user signs in later", async () => {
    const world = regions();
    const session = await world.session({ subject: "alice" });
    expect(await regionOf(await world.at({ continent: "EU" }).signIn(session))).toBe("eu");
    for (const cf of [{ country: "IN" }, { continent: "NA" }, {}]) {
      expect(await regionOf(await world.at(cf).signIn(session))).toBe("eu");
    }
    expect(homes(world, "alice")).toEqual(["eu"]);
  });

  it("is found again when all of KV is lost", async () => {
    const world = regions();
    const session = await world.session({ subject: "alice" });
    await world.at({ continent: "EU" }).signIn(session);
    for (const { name } of (await bindings.USERS.list()).keys) await bindings.USERS.delete(name);
    expect(await regionOf(await world.at({ country: "IN" }).signIn(session))).toBe("eu");
    expect(homes(world, "alice")).toEqual(["eu"]);
  });

  it("is read from KV, and from its Durable Object only if it is not in KV", async () => {
    const world = regions();
    const session = await world.session({ subject: "alice" });
    await world.at({ continent: "EU" }).signIn(session);
    const down = { getByName: () => ({ home: () => Promise.reject(new Error("down")) }) };
    const response = await world.at({ country: "IN" }, { env: { HOME: down } }).signIn(session);
    expect(await regionOf(response)).toBe("eu");
  });

  it("is not guessed while its Durable Object is down", async () => {
    const world = regions();
    const down = { getByName: () => ({ home: () => Promise.reject(new Error("down")) }) };
    const response = await world.at({ country: "IN" }, { env: { HOME: down } }).signIn(await world.session());
    expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([503, "cometchat-unavailable"]);
    expect(homes(world, "alice")).toEqual([]);
  });

  it("makes the configuration wrong if it is missing there: the user is not created in another app", async () => {
    const world = regions();
    const session = await world.session({ subject: "alice" });
    await world.at({ continent: "EU" }).signIn(session);
    const { eu: _, ...others } = COMETCHAT_APPS;
    const env = { COMETCHAT_APPS: others, PLACEMENT: { default: "us", countries: { IN: "in" } } };
    const response = await world.at({ country: "IN" }, { env }).signIn(session);
    expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([500, "config-invalid"]);
    expect(homes(world, "alice")).toEqual(["eu"]);
  });

  it("is one app, although a new user signs in on two continents at once (100 users)", {
    timeout: 120_000,
  }, async () => {
    const world = regions();
    // Tokens that are recorded would cost a second object for each user.
    const env = { TOKEN_ENCRYPTION_KEY: undefined };
    const europe = world.at({ continent: "EU" }, { env });
    const india = world.at({ country: "IN" }, { env });
    const signInTwice = async (run: number) => {
      const session = await world.session({ subject: `user-${run}` });
      const both = run % 2 === 0 ? [europe, india] : [india, europe];
      const answers = await Promise.all(both.map((gateway) => gateway.signIn(session)));
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
      const [one, two] = await Promise.all(answers.map(regionOf));
      expect(one).toBe(two);
      expect(homes(world, `user-${run}`)).toEqual([one]);
    };
    // Ten users at the same time.
    for (let run = 0; run < 100; run += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, more) => signInTwice(run + more)));
    }
  });
});

describe("a user whom a claim moves to another app", () => {
  const env = {
    SESSION_ISSUERS: [
      { issuer: ISSUER, audience: ["chat"], appClaim: "region", appByClaim: { emea: "eu", apac: "in" } },
    ],
  };

  it("is created there, and its tokens in the old app end", async () => {
    const world = regions(env);
    const gateway = world.at({});
    await gateway.signIn(await world.session({ claims: { region: "emea" } }));
    expect(world.apps.eu.tokens("alice")).toHaveLength(1);
    const moved = await bodyOf(await gateway.signIn(await world.session({ claims: { region: "apac" } })));
    expect(moved).toMatchObject({ region: "in", created: true });
    expect(world.apps.eu.tokens("alice")).toEqual([]);
    expect(world.apps.in.tokens("alice")).toEqual([moved.authToken]);
    // No work is left to do.
    expect(await homeOf("alice").home()).toBeUndefined();
  });

  it("loses its tokens of the old app soon, although that app is down at the move", async () => {
    const world = regions(env);
    const gateway = world.at({});
    await gateway.signIn(await world.session({ claims: { region: "emea" } }));
    const down = world.apps.eu.faults.add({ match: "any", effect: { kind: "refuse" } });
    expect((await gateway.signIn(await world.session({ claims: { region: "apac" } }))).status).toBe(201);
    world.apps.eu.faults.remove(down);
    const { runDurableObjectAlarm } = await import("cloudflare:test");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.apps.eu.tokens("alice")).toEqual([]);
    expect(world.apps.in.tokens("alice")).toHaveLength(1);
  });

  it("is not given its token of the old app", async () => {
    const world = regions({ ...env, TOKENS: { reuse: "session" } });
    const gateway = world.at({});
    const claims = { jti: "phone" };
    await gateway.signIn(await world.session({ claims: { ...claims, region: "emea" } }));
    const response = await gateway.signIn(await world.session({ claims: { ...claims, region: "apac" } }));
    expect([response.status, await regionOf(response)]).toEqual([201, "in"]);
  });

  const backend = { headers: { Authorization: "Bearer backend-secret-of-32-characters!" } };

  /** Moves the user from eu to in. Returns the session from before the move. */
  async function moved(world: Regions, gateway: World) {
    const old = await world.session({ claims: { region: "emea" } });
    await gateway.signIn(old);
    await gateway.signIn(await world.session({ claims: { region: "apac" } }));
    return old;
  }

  it("is deactivated in every app, so that an older session cannot go back to the old one", async () => {
    const world = regions({ ...env, BACKEND_SECRET: "backend-secret-of-32-characters!" });
    const gateway = world.at({});
    const old = await moved(world, gateway);
    expect((await gateway.call("/v1/users/alice", { method: "DELETE", ...backend })).status).toBe(204);
    for (const region of ["eu", "in"] as const) {
      expect(world.apps[region].user("alice")?.deactivatedAt, region).toBeGreaterThan(0);
    }
    expect((await gateway.signIn(old)).status).toBe(403);
    expect(homes(world, "alice")).toEqual(["eu", "in"]);
  });

  it("signs out everywhere with an older session too, also of tokens that are not recorded", async () => {
    const world = regions(env);
    const gateway = world.at({});
    const old = await moved(world, gateway);
    world.apps.in.mint("alice");
    world.apps.eu.mint("alice");
    expect((await gateway.call("/v1/tokens", request("DELETE", old))).status).toBe(204);
    expect([world.apps.eu.tokens("alice"), world.apps.in.tokens("alice")]).toEqual([[], []]);
  });

  it.each([
    ["never", "its mapping names the new app at once", ["in", 0]],
    ["session", "its mapping names the old app until the ledger has recorded the move", ["eu", 0]],
  ] as const)(
    "loses its tokens of the old app while the ledger fails: with reuse = %s, %s",
    async (reuse, _, meanwhile) => {
      let failing = true;
      const LEDGER = faultyLedger((call) =>
        failing && (call === "end" || call === "record") ? Promise.reject(new Error("internal error")) : undefined,
      );
      const world = regions(env);
      const TOKENS = { reuse };
      await world.at({}, { env: { TOKENS } }).signIn(await world.session({ claims: { region: "emea" } }));
      const faulty = world.at({}, { env: { LEDGER, TOKENS } });
      const home = async () => (await bindings.USERS.get<{ app: string }>("v1:u:alice", "json"))?.app;
      expect((await faulty.signIn(await world.session({ claims: { region: "apac" } }))).status).toBe(201);
      expect([await home(), world.apps.eu.tokens("alice").length]).toEqual(meanwhile);
      failing = false;
      await faulty.signIn(await world.session({ claims: { region: "apac" } }));
      expect([await home(), world.apps.eu.tokens("alice").length]).toEqual(["in", 0]);
    },
  );

  it("loses its tokens of the old app, although KV does not answer which that was", async () => {
    const world = regions(env);
    await world.at({}).signIn(await world.session({ claims: { region: "emea" } }));
    const USERS = faultyKv((operation, key) => (operation === "get" && key === "v1:u:alice" ? never() : undefined));
    const gateway = world.at({}, { env: { USERS } });
    const { authToken } = await bodyOf(await gateway.signIn(await world.session({ claims: { region: "apac" } })));
    expect([world.apps.eu.tokens("alice"), world.apps.in.tokens("alice")]).toEqual([[], [authToken]]);
  });
});

describe("a user whom two issuers share, each with its own app", () => {
  const OTHER = "https://partner.example";

  /** A user who has signed in with both. */
  async function both() {
    const partner = createProvider({ issuer: OTHER, keyPair });
    const world = regions();
    const fetch: Deps["fetch"] = (input, init) =>
      input.startsWith(`${OTHER}/`) ? partner.fetch(new Request(input, init)) : world.fetch(input, init);
    const gateway = createRecordingWorld({
      deps: { fetch },
      env: {
        COMETCHAT_APPS,
        SESSION_ISSUERS: [
          { issuer: ISSUER, audience: ["chat"], app: "eu", uid: { shared: true } },
          { issuer: OTHER, audience: ["chat"], app: "in", uid: { shared: true } },
        ],
      },
    });
    const session = await world.session();
    const tokens = async (token: string) => (await bodyOf(await gateway.signIn(token))).authToken;
    const european = await tokens(session);
    const indian = await tokens(await partner.issue({ subject: "alice" }));
    return { world, gateway, session, european, indian, signInAgain: () => tokens(session) };
  }

  it("keeps its tokens of both apps when it signs in to one", async () => {
    const { world, european, indian, signInAgain } = await both();
    const next = await signInAgain();
    expect([...world.apps.eu.tokens("alice")].sort()).toEqual([european, next].sort());
    expect(world.apps.in.tokens("alice")).toEqual([indian]);
  });

  it.each(["in the other", "in the same"])("signs out everywhere in both, after a sign-in %s", async (where) => {
    const { world, gateway, session, signInAgain } = await both();
    if (where === "in the same") await signInAgain();
    expect((await gateway.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect([world.apps.eu.tokens("alice"), world.apps.in.tokens("alice")]).toEqual([[], []]);
  });
});

describe("one app that fails", () => {
  virtualTime();

  it.each<[string, Parameters<Simulator["faults"]["add"]>[0]["effect"], number, string]>([
    ["down", { kind: "refuse" }, 503, "cometchat-unavailable"],
    ["with a wrong key", { kind: "wrongKey" }, 502, "cometchat-rejected"],
    ["at its rate limit", { kind: "error", status: 429, code: "ERR_TOO_MANY_REQUESTS" }, 503, "cometchat-rate-limited"],
  ])("does not affect the others, and /readyz names it: %s", async (_, effect, status, code) => {
    const world = regions();
    const gateway = world.at({ continent: "EU" });
    const indian = await world.session({ subject: "indian" });
    await world.at({ country: "IN" }).signIn(indian);
    world.apps.eu.faults.add({ match: "any", effect });
    for (let time = 0; time < 8; time += 1) {
      const response = await gateway.signIn(await world.session({ subject: `european-${time}` }));
      expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([status, code]);
    }
    expect((await world.at({ country: "IN" }).signIn(indian)).status).toBe(201);
    // The same isolate serves users of other apps.
    expect(await regionOf(await gateway.signIn(indian))).toBe("in");
    // A user who is new to the gateway may already exist in the app that is down.
    const newcomer = await gateway.signIn(await world.session({ subject: "newcomer" }));
    expect(newcomer.status).toBeGreaterThanOrEqual(500);
    expect(homes(world, "newcomer")).toEqual([]);
    const ready = await gateway.call("/readyz");
    const text = await ready.text();
    expect(ready.status).toBe(503);
    expect(text.split("\n").find((line) => line.includes('"app eu"'))).toContain('"ok":false');
    expect(text.split("\n").find((line) => line.includes('"app in"'))).toContain('"ok":true');
  });
});

describe("data residency (PLACEMENT.jurisdictions)", () => {
  const PLACEMENT = { ...GEOGRAPHY, jurisdictions: { eu: "eu" } };
  // workerd alone has no jurisdictions. Here, as on the platform, the same name has another id in each.
  const inJurisdiction = (jurisdiction: string) => ({
    getByName: (name: string) => bindings.LEDGER.getByName(`${jurisdiction}/${name}`),
  });
  const LEDGER = { getByName: (name: string) => bindings.LEDGER.getByName(name), jurisdiction: inJurisdiction };

  it("keeps a user's tokens in an object of the app's jurisdiction, and only the app's name outside", async () => {
    const world = regions({ PLACEMENT, LEDGER });
    const session = await world.session({ subject: "alice" });
    const gateway = world.at({ continent: "EU" });
    expect((await gateway.signIn(session)).status).toBe(201);
    const inside = inJurisdiction("eu").getByName("alice");
    const outside = bindings.LEDGER.getByName("alice");
    expect(inside.id.toString()).not.toBe(outside.id.toString());
    const { runInDurableObject } = await import("cloudflare:test");
    const tokens = (stub: DurableObjectStub) =>
      runInDurableObject(stub, (_, { storage: { sql } }) => sql.exec("SELECT * FROM minted").toArray().length);
    expect(await tokens(inside as unknown as DurableObjectStub)).toBe(1);
    expect(await tokens(outside as unknown as DurableObjectStub)).toBe(0);
    const facts = await runInDurableObject(homeOf("alice"), (_, { storage: { kv } }) => [...kv.list()]);
    expect(facts).toEqual([["home", "eu"]]);
  });

  it("finds the tokens there at a sign-out", async () => {
    const world = regions({ PLACEMENT, LEDGER });
    const session = await world.session({ subject: "alice" });
    const gateway = world.at({ continent: "EU" });
    await gateway.signIn(session);
    expect((await gateway.call("/v1/token", request("DELETE", session))).status).toBe(204);
    expect(world.apps.eu.tokens("alice")).toEqual([]);
  });
});
