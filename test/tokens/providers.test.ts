import { env as bindings, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Deps } from "../../src/context.ts";
import gateway from "../../src/index.ts";
import { createSimulator } from "../sandbox/cometchat/index.ts";
import { createProvider, type LogoutTokenOptions } from "../sandbox/provider/index.ts";
import { faultyKv, objectsAround } from "../support/faults.ts";
import { until } from "../support/gates.ts";
import { keyPair } from "../support/keys.ts";
import { createRecordingWorld, restoreAfterEach } from "../support/ledger.ts";
import { virtualTime } from "../support/time.ts";
import { API_KEY, bodyOf, createWorld, ISSUER, type World, type WorldOptions } from "../support/world.ts";

restoreAfterEach();

const post = (world: Pick<World, "call">, token: string, init: RequestInit = {}) =>
  world.call("/v1/backchannel-logout", {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: `logout_token=${token}`,
    ...init,
  });
const logout = async (world: World, options: LogoutTokenOptions) =>
  (await post(world, await world.provider.issueLogoutToken(options))).status;
const issuing = (sessionIdClaim: string | undefined, more: object = {}) => ({
  SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], ...(sessionIdClaim && { sessionIdClaim }), ...more }],
});
const tokenOf = async (response: Response) => (await bodyOf(response)).authToken;

describe.each([{ sid: "phone" }, { sub: "alice", sid: "phone" }])(
  "a logout with %o revokes the tokens of that session",
  (options) => {
    it.each<[string, string | undefined, Record<string, unknown>]>([
      ["no sessionIdClaim is configured", undefined, {}],
      ["another claim is configured, which sessions do not have", "session_id", {}],
      ["another claim is configured, which sessions have too", "session_id", { session_id: "another name" }],
      ["sid is configured", "sid", {}],
    ])("if %s", async (_, claim, claims) => {
      const world = createRecordingWorld({ env: issuing(claim) });
      await world.signIn({ subject: "alice", sid: "phone", claims });
      const onLaptop = await tokenOf(
        await world.signIn({ subject: "alice", sid: "laptop", claims: { ...claims, session_id: "of the laptop" } }),
      );
      expect(await logout(world, options)).toBe(200);
      expect(world.simulator.tokens("alice")).toEqual([onLaptop]);
    });
  },
);

describe("a logout with sid", () => {
  it("and sub revokes the tokens of the user's sessions without sid too, since it may mean them", async () => {
    const world = createRecordingWorld({ env: issuing("sid") });
    await world.signIn({ subject: "alice", claims: { jti: "an access token" } });
    const onLaptop = await tokenOf(await world.signIn({ subject: "alice", sid: "laptop" }));
    expect(await logout(world, { sub: "alice", sid: "phone" })).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([onLaptop]);
  });

  it("and sub revokes all of the user's tokens if sessions have another claim and none has this value", async () => {
    const world = createRecordingWorld({ env: issuing("session_id") });
    await world.signIn({ subject: "alice", claims: { session_id: "phone" } });
    expect(await logout(world, { sub: "alice", sid: "another name for it" })).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("and no sub is refused from a provider whose preset says that it sends no logouts", async () => {
    const env = issuing("session_id", { preset: "supabase", jwksUrl: `${ISSUER}/jwks` });
    const world = createRecordingWorld({ env });
    await world.signIn({ subject: "alice", sid: "phone" });
    expect(await logout(world, { sid: "phone" })).toBe(400);
    expect(await logout(world, { sub: "alice", sid: "phone" })).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("a user whose app is named by a claim", () => {
  const REGIONS = ["eu", "in"] as const;
  function placed(options: WorldOptions = {}) {
    const provider = createProvider({ issuer: ISSUER, keyPair });
    const simulated = (region: (typeof REGIONS)[number]) =>
      createSimulator({ appId: `2753000000000${region}`, region, keys: { [API_KEY]: "fullAccess" } });
    const apps = { eu: simulated("eu"), in: simulated("in") };
    const fetch: Deps["fetch"] = async (input, init) => {
      const region = REGIONS.find((each) => new URL(input).hostname.endsWith(`.api-${each}.cometchat.io`));
      return region ? apps[region].fetch(input, init) : provider.fetch(new Request(input, init));
    };
    const world = createRecordingWorld({
      deps: { fetch },
      env: {
        COMETCHAT_APPS: Object.fromEntries(
          REGIONS.map((region) => [region, { appId: `2753000000000${region}`, region }]),
        ),
        PLACEMENT: { default: "eu" },
        ...issuing(undefined, { appClaim: "region", appByClaim: { emea: "eu", apac: "in" } }),
        ...options.env,
      },
    });
    return { apps, provider, world };
  }

  const LEDGER = {
    getByName: (name: string) => bindings.LEDGER.getByName(name),
    jurisdiction: (place: string) => ({ getByName: (name: string) => bindings.LEDGER.getByName(`${place}/${name}`) }),
  };
  const cases = [
    { name: "with records", env: {} },
    { name: "with none", env: { TOKEN_ENCRYPTION_KEY: undefined } },
    { name: "with a jurisdiction", env: { LEDGER, PLACEMENT: { default: "eu", jurisdictions: { in: "eu" } } } },
  ].flatMap((one) => [
    { ...one, options: { sub: "alice" } },
    { ...one, options: { sub: "alice", sid: "phone" } },
  ]);

  it.each(cases)("is signed out by $options, although KV has lost its app, $name", async ({ env, options }) => {
    const { apps, provider, world } = placed({ env });
    const session = await provider.issue({ subject: "alice", sid: "phone", claims: { region: "apac" } });
    expect((await world.signIn(session)).status).toBe(201);
    for (const { name } of (await bindings.USERS.list({ prefix: "v1:u:" })).keys) await bindings.USERS.delete(name);
    const elsewhere = createWorld({ env: world.env, deps: { fetch: world.fetch } });
    const token = await provider.issueLogoutToken(options);
    expect((await post(elsewhere, token)).status).toBe(200);
    expect(apps.in.tokens("alice")).toEqual([]);
  });
});

describe("a logout token that is delivered twice", () => {
  virtualTime();

  const env = issuing("sid");

  it("works the second time if the first delivery timed out", async () => {
    const world = createRecordingWorld({ env: { ...env, REQUEST_TIMEOUT_MS: 1500 } });
    await world.signIn({ subject: "alice", sid: "phone" });
    const token = await world.provider.issueLogoutToken({ sub: "alice" });
    const id = world.simulator.faults.add({ match: "any", effect: { kind: "hang" } });
    expect((await post(world, token)).status).toBe(504);
    world.simulator.faults.remove(id);
    expect((await post(world, token)).status).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect((await post(world, token)).status).toBe(400);
  });

  it("works the second time if its Durable Object does not know that the first delivery failed", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    let failing = false;
    const ONCE = objectsAround(bindings.ONCE, async (call, run) => {
      if (failing && call !== "begin" && call !== "once") throw new Error("internal error");
      return run();
    });
    const world = createRecordingWorld({ env: { ...env, ONCE } });
    await world.signIn({ subject: "alice", sid: "phone" });
    const token = await world.provider.issueLogoutToken({ sub: "alice" });
    const id = world.simulator.faults.add({ match: "any", effect: { kind: "refuse" } });
    failing = true;
    expect((await post(world, token)).status).toBe(503);
    world.simulator.faults.remove(id);
    failing = false;
    vi.setSystemTime(Date.now() + 30_000);
    expect((await post(world, token)).status).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("works the first time, although an answer of its Durable Object was lost", async () => {
    let lost = false;
    const ONCE = objectsAround(bindings.ONCE, async (_, run) => {
      const answer = await run();
      if (lost) return answer;
      lost = true;
      throw Object.assign(new Error("Network connection lost."), { retryable: true });
    });
    const world = createRecordingWorld({ env: { ...env, ONCE } });
    await world.signIn({ subject: "alice", sid: "phone" });
    expect(await logout(world, { sub: "alice" })).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("is answered 200 again if the provider closed the first connection before the answer", async () => {
    const connection = new AbortController();
    const base = createWorld();
    // The provider closes the connection during the call to CometChat.
    const fetch: Deps["fetch"] = async (input, init) => {
      const response = await base.fetch(input, init);
      if (init.method === "DELETE") connection.abort();
      return response;
    };
    const world = createRecordingWorld({ env, deps: { fetch } });
    await world.signIn(await base.provider.issue({ subject: "alice", sid: "phone" }));
    const token = await base.provider.issueLogoutToken({ sub: "alice" });
    await post(world, token, { signal: connection.signal });
    expect(base.simulator.tokens("alice")).toEqual([]);
    expect((await post(world, token)).status).toBe(200);
  });
});

describe("a logout whose provider disconnects while CometChat is being called", () => {
  it("is still carried out, and is answered 200 if it is delivered again at once", async () => {
    const gone = new AbortController();
    let disconnected = false;
    const base = createWorld();
    const fetch: Deps["fetch"] = async (input, init) => {
      if (init.method === "DELETE" && !disconnected) {
        gone.abort();
        await until(() => disconnected);
      }
      return base.fetch(input, init);
    };
    const world = createRecordingWorld({ env: issuing("sid"), deps: { fetch } });
    await world.signIn(await base.provider.issue({ subject: "alice", sid: "phone" }));
    const token = await base.provider.issueLogoutToken({ sub: "alice" });
    const app = createApp(world.deps);
    vi.spyOn(gateway, "fetch").mockImplementationOnce(async (request, _, context) => {
      request.signal.addEventListener("abort", () => {
        disconnected = true;
      });
      return app.fetch(request, world.env, context);
    });
    // Unlike a call of the app itself, this request is ended by the platform when its caller disconnects.
    const delivery = exports.default.fetch("https://gateway.example/v1/backchannel-logout", {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: `logout_token=${token}`,
      signal: gone.signal,
    });
    await expect(delivery).rejects.toThrow();
    await expect.poll(async () => (await post(world, token)).status).toBe(200);
    expect(base.simulator.tokens("alice")).toEqual([]);
  });
});

describe("the platform", () => {
  // Without the compatibility flag in wrangler.toml the signal of a request never aborts.
  it("tells the gateway that the provider has closed the connection", async () => {
    const gone = new AbortController();
    const told = new Promise<boolean>((resolve) => {
      vi.spyOn(gateway, "fetch").mockImplementationOnce(async (request) => {
        request.signal.addEventListener("abort", () => resolve(request.signal.aborted));
        gone.abort();
        return new Promise<never>(() => undefined);
      });
    });
    const delivery = exports.default.fetch("https://gateway.example/v1/backchannel-logout", { signal: gone.signal });
    await expect(delivery).rejects.toThrow();
    expect(await told).toBe(true);
  });
});

describe("the record of a session in KV, which logouts need,", () => {
  const writes = async (more: object, session: object, env: object = {}) => {
    const written: string[] = [];
    const USERS = faultyKv((operation, key) => {
      if (operation === "put") written.push(key.slice(0, 5));
      return undefined;
    });
    const world = createRecordingWorld({ env: { ...issuing(undefined, more), USERS, ...env } });
    await world.signIn(session);
    return written.filter((key) => key !== "v1:k:").sort();
  };
  const session = { subject: "alice", sid: "phone", claims: { session_id: "phone", origin_jti: "phone" } };

  it.each(["clerk", "supabase", "cognito", "workos", "okta", "entra"])(
    "is not written with the preset %s, whose provider sends no logouts",
    async (preset) => {
      const more = { preset, jwksUrl: `${ISSUER}/jwks`, audience: ["chat"], uid: { claim: "sub" } };
      expect(await writes(more, session)).toEqual(["v1:u:"]);
    },
  );

  it("is written once for each session in one data centre, not for each sign-in", async () => {
    let written = 0;
    let refuses = true;
    const USERS = faultyKv((operation, key) => {
      if (operation !== "put" || !key.startsWith("v1:s:")) return undefined;
      if (refuses) return Promise.reject(new Error("KV PUT failed: 503"));
      written += 1;
      return undefined;
    });
    const stored = new Map<string, string>();
    const cache = {
      match: async (address: string) => (stored.has(address) ? new Response(stored.get(address)) : undefined),
      put: async (address: string, response: Response) => void stored.set(address, await response.text()),
    } as unknown as Cache;
    const world = createRecordingWorld({ env: { ...issuing("sid"), USERS }, deps: { cache: () => cache } });
    await world.signIn(session);
    // KV has refused every attempt, so the next sign-in of the session writes it.
    refuses = false;
    for (let time = 0; time < 3; time += 1) await world.signIn(session);
    expect(written).toBe(1);
    await world.signIn({ ...session, sid: "laptop" });
    expect(written).toBe(2);
  });

  it.each([{ preset: "auth0" }, { preset: "keycloak" }, {}])(
    "is written with %o, which may send logouts",
    async (preset) => {
      expect(await writes({ jwksUrl: `${ISSUER}/jwks`, ...preset }, session)).toEqual(["v1:s:", "v1:u:"]);
    },
  );

  it.each([
    ["sessions have no id", {}, { subject: "alice" }],
    ["no logout token could be accepted", { audience: undefined, audienceRequired: false }, session],
  ])("is not written if %s", async (_, more, one) => {
    expect(await writes(more, one)).toEqual(["v1:u:"]);
  });
});
