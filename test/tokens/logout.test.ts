import { describe, expect, it } from "vitest";
import type { LogoutTokenOptions } from "../sandbox/provider/index.ts";
import { faultyKv, ledgerAround, never } from "../support/faults.ts";
import { createRecordingWorld, restoreAfterEach } from "../support/ledger.ts";
import { sleep, virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, ISSUER, type ProblemAnswer, type World } from "../support/world.ts";

restoreAfterEach();

const env = { SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], sessionIdClaim: "sid" }] };

const post = (world: World, token: string, type = "application/x-www-form-urlencoded") =>
  world.call("/v1/backchannel-logout", {
    method: "POST",
    headers: { "Content-Type": type },
    body: type === "application/json" ? JSON.stringify({ logout_token: token }) : `logout_token=${token}`,
  });

const logout = async (world: World, options: LogoutTokenOptions) =>
  post(world, await world.provider.issueLogoutToken(options));

async function twoDevices(world: World) {
  const onPhone = (await bodyOf(await world.signIn({ subject: "alice", sid: "phone" }))).authToken;
  const onLaptop = (await bodyOf(await world.signIn({ subject: "alice", sid: "laptop" }))).authToken;
  return { onPhone, onLaptop };
}

describe("POST /v1/backchannel-logout", () => {
  it.each<[string, LogoutTokenOptions]>([
    ["by sid", { sid: "phone" }],
    ["by sub and sid", { sub: "alice", sid: "phone" }],
  ])("revokes the tokens of that session, and of no other: %s", async (_, options) => {
    const world = createRecordingWorld({ env });
    const { onLaptop } = await twoDevices(world);
    const response = await logout(world, options);
    expect(response.status).toBe(200);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(world.simulator.tokens("alice")).toEqual([onLaptop]);
  });

  it("revokes all tokens of a user by sub", async () => {
    const world = createRecordingWorld({ env });
    await twoDevices(world);
    await world.signIn({ subject: "bob", sid: "tablet" });
    expect((await logout(world, { sub: "alice" })).status).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect(world.simulator.tokens("bob")).toHaveLength(1);
  });

  it("revokes all tokens of a user by sid if none are recorded", async () => {
    const world = createWorld({ env });
    await twoDevices(world);
    expect((await logout(world, { sid: "phone" })).status).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("answers 200 for an unknown session and an unknown user", async () => {
    const world = createRecordingWorld({ env });
    expect((await logout(world, { sid: "unknown" })).status).toBe(200);
    expect((await logout(world, { sub: "nobody" })).status).toBe(200);
    expect((await logout(world, { sub: "app_system" })).status).toBe(200);
  });

  it("accepts a logout token once", async () => {
    const world = createRecordingWorld({ env });
    await twoDevices(world);
    const token = await world.provider.issueLogoutToken({ sub: "alice" });
    expect((await post(world, token)).status).toBe(200);
    await twoDevices(world);
    const replayed = await post(world, token);
    expect(replayed.status).toBe(400);
    expect((await bodyOf<ProblemAnswer>(replayed)).code).toBe("bad-request");
    expect(world.simulator.tokens("alice")).toHaveLength(2);
  });

  it("accepts a logout token once if it comes ten times at the same time", async () => {
    const world = createRecordingWorld({ env });
    await twoDevices(world);
    const token = await world.provider.issueLogoutToken({ sub: "alice" });
    const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await post(world, token)).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 400)).toHaveLength(9);
  });

  it("accepts a logout token again if CometChat was down", async () => {
    const world = createRecordingWorld({ env });
    await twoDevices(world);
    const token = await world.provider.issueLogoutToken({ sub: "alice" });
    const down = world.simulator.faults.add({ match: "flush", effect: { kind: "refuse" } });
    expect((await post(world, token)).status).toBe(503);
    world.simulator.faults.remove(down);
    expect((await post(world, token)).status).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("refuses a session", async () => {
    const world = createRecordingWorld({ env });
    const response = await post(world, await world.provider.issue({ subject: "alice", sid: "phone" }));
    expect(response.status).toBe(400);
  });

  it.each([
    ["JSON", "application/json"],
    ["plain text", "text/plain"],
  ])("refuses a logout token as %s", async (_, type) => {
    const world = createRecordingWorld({ env });
    const response = await post(world, await world.provider.issueLogoutToken({ sub: "alice" }), type);
    expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([400, "bad-request"]);
  });

  it.each([
    ["nothing", ""],
    ["an empty token", "logout_token="],
    ["two tokens", "logout_token=a.b.c&logout_token=a.b.c"],
  ])("refuses a form with %s", async (_, body) => {
    const world = createRecordingWorld({ env });
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const response = await world.call("/v1/backchannel-logout", { method: "POST", headers, body });
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([400, "no-store"]);
  });
});

describe("POST /v1/backchannel-logout while the work after a sign-in's answer takes long", () => {
  virtualTime();

  it.each(["late", "lost"])("revokes a token by sid, although the answer to its record is %s", async (how) => {
    const recorded = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const LEDGER = ledgerAround(async (call, run) => {
      const answer = await run();
      if (call !== "record") return answer;
      recorded.resolve();
      if (how === "lost") throw new Error("Network connection lost.");
      await opened.promise;
      return answer;
    });
    const world = createRecordingWorld({ env: { ...env, LEDGER, TOKENS: { reuse: "session" } } });
    const session = await world.provider.issue({ subject: "alice", sid: "phone" });
    await world.ask("/v1/token", { method: "POST", headers: { Authorization: `Bearer ${session}` } });
    await recorded.promise;
    if (how === "lost") await world.finish();
    const answer = await logout(world, { sid: "phone" });
    opened.resolve();
    await world.finish();
    expect(answer.status).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("needs one write to KV at the sign-in for a sid, also with reuse", async () => {
    let written = 0;
    const USERS = faultyKv((operation, key) => {
      if (operation !== "put" || !key.startsWith("v1:s:")) return undefined;
      written += 1;
      return sleep(50);
    });
    await createRecordingWorld({ env: { ...env, USERS, TOKENS: { reuse: "session" } } }).signIn({
      subject: "alice",
      sid: "phone",
    });
    expect(written).toBe(1);
  });
});

describe("a logout while KV fails", () => {
  virtualTime();

  it.each<[string, () => Promise<never>]>([
    ["throws", () => Promise.reject(new Error("KV failed"))],
    ["does not answer", never],
  ])("is answered 503 in time, and works at the next delivery: KV %s", async (_, fault) => {
    let failing = true;
    const USERS = faultyKv((operation, key) =>
      failing && operation === "get" && key.startsWith("v1:s:") ? fault() : undefined,
    );
    const world = createRecordingWorld({ env: { ...env, USERS, REQUEST_TIMEOUT_MS: 500 } });
    const { onLaptop } = await twoDevices(world);
    const token = await world.provider.issueLogoutToken({ sid: "phone" });
    const begun = Date.now();
    const failed = await post(world, token);
    expect(Date.now() - begun).toBeLessThanOrEqual(500);
    expect(failed.status).toBe(503);
    expect(world.simulator.tokens("alice")).toHaveLength(2);
    failing = false;
    expect((await post(world, token)).status).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([onLaptop]);
  });
});

describe("many logouts from one address", () => {
  const limited = () => {
    let left = 3;
    return createWorld({ env: { ...env, RATE_LIMIT_IP: { limit: async () => ({ success: left-- > 0 }) } } });
  };

  it("are not limited if they are valid, since a provider sends those of all users", async () => {
    const world = limited();
    for (let user = 0; user < 8; user += 1) expect((await logout(world, { sub: `user-${user}` })).status).toBe(200);
  });

  it("are limited if they are invalid", async () => {
    const world = limited();
    const statuses: number[] = [];
    for (let time = 0; time < 5; time += 1) statuses.push((await post(world, "a.b.c")).status);
    expect(statuses).toEqual([400, 400, 400, 429, 429]);
    // The limit is checked before the token, so a valid one from this address is refused too.
    expect((await logout(world, { sub: "alice" })).status).toBe(429);
  });
});
