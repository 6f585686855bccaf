import { env as bindings } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Deps } from "../../src/context.ts";
import { sessionDigest } from "../../src/kv.ts";
import { createProvider } from "../sandbox/provider/index.ts";
import { keyPair } from "../support/keys.ts";
import { createRecordingWorld, homeOf, ledgerOf, request, restoreAfterEach, runAlarms } from "../support/ledger.ts";
import { COMETCHAT_APPS, GEOGRAPHY, regionOf, regions } from "../support/regions.ts";
import { bodyOf, ISSUER, unlimited, type World } from "../support/world.ts";

restoreAfterEach();

const device = (jti: string) => ({ subject: "alice", claims: { jti } });
const tokenOf = async (response: Response) => (await bodyOf(response)).authToken;

/** A binding. Its first call of this method is done, but the answer is lost. */
const losingAnswerOf = (binding: "LEDGER" | "ONCE", lost: string) => {
  let losses = 1;
  return {
    getByName: (name: string) => {
      const stub = bindings[binding].getByName(name) as unknown as Record<string, (...v: unknown[]) => unknown>;
      const call =
        (method: string) =>
        async (...values: unknown[]) => {
          const answer = await stub[method]?.(...values);
          if (method === lost && losses-- > 0) throw new Error("Network connection lost.");
          return answer;
        };
      return new Proxy({}, { get: (_, method: string) => call(method) });
    },
  };
};

describe("a logout that was answered 503, because the answer of its Durable Object was lost,", () => {
  it("works at the second delivery", async () => {
    const SESSION_ISSUERS = [{ issuer: ISSUER, audience: ["chat"] }];
    const world = createRecordingWorld({ env: { SESSION_ISSUERS, ONCE: losingAnswerOf("ONCE", "begin") } });
    await world.signIn({ subject: "alice", sid: "phone" });
    const body = `logout_token=${await world.provider.issueLogoutToken({ sub: "alice", sid: "phone" })}`;
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const deliver = () => world.call("/v1/backchannel-logout", { method: "POST", headers, body });
    expect((await deliver()).status).toBe(503);
    expect((await deliver()).status).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("a new user, placed by geography, whom another place creates at the same time", () => {
  it("is not answered user-deactivated", async () => {
    const world = regions();
    await homeOf("alice").home("eu");
    const fetch: Deps["fetch"] = async (input, init) => {
      if (init.method === "POST" && input.endsWith("/users")) {
        // CometChat has answered "not found" here. Now the other place creates the user and writes the mapping.
        world.apps.eu.seed({ uid: "alice" });
        const mapping = { app: "eu", profile: "", createdAt: Date.now(), syncedAt: 0 };
        await bindings.USERS.put("v1:u:alice", JSON.stringify(mapping));
      }
      return world.fetch(input, init);
    };
    const env = { COMETCHAT_APPS, PLACEMENT: GEOGRAPHY };
    const response = await createRecordingWorld({ cf: { continent: "EU" }, deps: { fetch }, env }).signIn(
      await world.session(),
    );
    expect([response.status, await regionOf(response)]).toEqual([201, "eu"]);
  });
});

describe("a caller whose limit of sign-ins by address is reached", () => {
  it("can still sign out from that address", async () => {
    const counts = new Map<string, number>();
    const RATE_LIMIT_IP = {
      limit: async ({ key }: { key: string }) => {
        counts.set(key, (counts.get(key) ?? 0) + 1);
        return { success: Number(counts.get(key)) <= 3 };
      },
    };
    const world = createRecordingWorld({ env: { RATE_LIMIT_IP, RATE_LIMIT_USER: unlimited } });
    const session = await world.provider.issue(device("phone"));
    const statuses: number[] = [];
    for (let time = 0; time < 4; time += 1) statuses.push((await world.signIn(session)).status);
    expect(statuses).toEqual([201, 201, 201, 429]);
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    // The limit of sign-outs is the same as that of sign-ins.
    for (let time = 0; time < 2; time += 1) await world.call("/v1/tokens", request("DELETE", session));
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(429);
  });
});

describe("a record of a token that is repeated, because its answer was lost,", () => {
  it("does not make a revoked token live again, and does not revoke a newer one", async () => {
    const env = { TOKENS: { reuse: "session", maxPerSession: 1 } };
    const world = createRecordingWorld({ env });
    const session = await world.provider.issue(device("phone"));
    await world.signIn(session);
    const first = world.simulator.tokens("alice")[0] ?? "";
    const minted = { app: "main", token: first, session: await sessionDigest(ISSUER, "phone"), name: null };
    const mintedAt = Date.now() - 1000;
    const headers = { "Content-Type": "application/json" };
    const second = await tokenOf(await world.signIn(session, { headers, body: '{"fresh":true}' }));
    expect(world.simulator.tokens("alice")).toEqual([second]);
    await ledgerOf("alice").record("alice", { ...minted, mintedAt, expiresAt: null });
    await runAlarms();
    expect(await tokenOf(await world.signIn(session))).toBe(second);
    expect(world.simulator.tokens("alice")).toEqual([second]);
  });
});

describe("several sign-ins of a session at once", () => {
  it("revoke each older token with one call (TOKENS.maxPerSession)", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { maxPerSession: 1 } } });
    const session = await world.provider.issue(device("phone"));
    await world.signIn(session);
    world.simulator.set({ latency: 100 });
    await Promise.all([world.signIn(session), world.signIn(session), world.signIn(session)]);
    expect(world.simulator.tokens("alice")).toHaveLength(1);
    expect(world.simulator.journal.calls({ call: "revoke" })).toBe(3);
  });
});

describe("an older token that CometChat revokes slowly", () => {
  it("does not delay an answer, which waits only for the record of its own token (TOKENS.maxPerSession)", async () => {
    const recorded: string[] = [];
    const LEDGER = {
      getByName: (name: string) => {
        const stub = bindings.LEDGER.getByName(name) as unknown as Record<string, (...v: unknown[]) => unknown>;
        const call =
          (method: string) =>
          async (...values: unknown[]) => {
            const answer = await stub[method]?.(...values);
            recorded.push(method);
            return answer;
          };
        return new Proxy({}, { get: (_, method: string) => call(method) });
      },
    };
    const world = createRecordingWorld({ env: { LEDGER, TOKENS: { reuse: "session", maxPerSession: 1 } } });
    const session = await world.provider.issue(device("phone"));
    await world.signIn(session);
    world.simulator.faults.add({ match: "revoke", effect: { kind: "delay", ms: 1000 } });
    recorded.splice(0);
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${session}` };
    const response = await world.ask("/v1/token", { method: "POST", headers, body: '{"fresh":true}' });
    expect(response.status).toBe(201);
    // The ledger has recorded the new token. It also has begun to revoke the older one, which is not done yet.
    expect(recorded).toEqual(["record"]);
  });
});

describe("two issuers that share users and give their sessions the same ids", () => {
  it("have separate sessions: a sign-out of one does not revoke the other's token", async () => {
    const OTHER = "https://other.example";
    const other = createProvider({ issuer: OTHER, keyPair });
    const world = createRecordingWorld();
    const shared = { audience: ["chat"], uid: { shared: true } };
    const SESSION_ISSUERS = [
      { ...shared, issuer: ISSUER },
      { ...shared, issuer: OTHER },
    ];
    const fetch: Deps["fetch"] = (input, init) =>
      input.startsWith(OTHER) ? other.fetch(new Request(input, init)) : world.fetch(input, init);
    const both = createRecordingWorld({ env: { SESSION_ISSUERS }, deps: { fetch } });
    const ofFirst = await world.provider.issue({ subject: "alice", sid: "1" });
    const ofOther = await other.issue({ subject: "alice", sid: "1" });
    await both.signIn(ofFirst);
    const otherToken = await tokenOf(await both.signIn(ofOther));
    expect((await both.call("/v1/token", request("DELETE", ofFirst))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([otherToken]);
  });
});

describe("a session without an id that survives a refresh", () => {
  it.each<[string, (world: World, session: string, authToken: string) => Promise<Response>]>([
    ["everywhere", (world, session) => world.call("/v1/tokens", request("DELETE", session))],
    ["by its token", (world, session, authToken) => world.call("/v1/token", request("DELETE", session, { authToken }))],
  ])("may sign out again after a sign-out %s", async (_, signOut) => {
    const world = createRecordingWorld();
    const session = await world.provider.issue(device("phone"));
    const authToken = await tokenOf(await world.signIn(session));
    expect((await signOut(world, session, authToken)).status).toBe(204);
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
  });
});
