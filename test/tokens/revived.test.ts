import { env as variables } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { deactivateInDashboard } from "../support/dashboard.ts";
import { objectsAround } from "../support/faults.ts";
import { createBlockingWorld } from "../support/gates.ts";
import { createRecordingWorld, homeOf, request, restoreAfterEach, runAlarms } from "../support/ledger.ts";
import { virtualTime } from "../support/time.ts";
import { bodyOf } from "../support/world.ts";

restoreAfterEach();

const bindings = variables as unknown as { TOKEN_ENCRYPTION_KEY: string };
const env = { PROVISIONING: { reactivate: true }, TOKENS: { reuse: "session" } };
const device = (sid: string) => ({ subject: "alice", sid });
const withSession = (session: string) => ({
  ...fresh,
  headers: { ...fresh.headers, Authorization: `Bearer ${session}` },
});
const fresh = { body: '{"fresh":true}', headers: { "Content-Type": "application/json" } };

describe("a user whom a sign-in reactivates (PROVISIONING.reactivate)", () => {
  it("keeps none of its older tokens, even if CometChat fails both to delete them and to deactivate the user again", async () => {
    const world = createRecordingWorld({ env });
    const { authToken: old } = await bodyOf(await world.signIn(device("phone")));
    await deactivateInDashboard(world);
    const faults = (["flush", "deactivate"] as const).map((match) =>
      world.simulator.faults.add({ match, effect: { kind: "error", code: "ERR_EXCEPTION" } }),
    );
    expect((await world.signIn(device("laptop"))).status).toBe(503);
    for (const id of faults) world.simulator.faults.remove(id);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
    const laptop = await world.signIn({ ...device("laptop"), issuedAt: Date.now() / 1000 });
    expect(laptop.status).toBe(201);
    await runAlarms();
    expect(world.simulator.tokens("alice")).not.toContain(old);
    expect(world.simulator.tokens("alice")).toContain((await bodyOf(laptop)).authToken);
  });

  it("does not receive a token again that a concurrent sign-in has deleted during the reactivation", async () => {
    const base = createBlockingWorld({ env });
    await base.signIn(device("tablet"));
    await deactivateInDashboard(base);
    const flush = base.block("flush", "before");
    const reactivating = base.signIn(device("laptop"), fresh);
    await flush.reached;
    // The user is active again, so this sign-in does not reactivate it.
    const between = await base.signIn(device("phone"), fresh);
    const { authToken } = await bodyOf(between);
    expect(between.status).toBe(201);
    flush.open();
    const reactivated = await bodyOf(await reactivating);
    expect(base.simulator.tokens("alice")).toEqual([reactivated.authToken]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    const later = await bodyOf(await base.signIn(device("phone")));
    expect(later.authToken).not.toBe(authToken);
    expect(base.simulator.tokens("alice")).toContain(later.authToken);
    // The session that reactivated the user still receives its own token.
    const laptop = await base.signIn(device("laptop"));
    expect([laptop.status, (await bodyOf(laptop)).authToken]).toEqual([200, reactivated.authToken]);
  });
});

describe("a user whom two sign-ins reactivate at the same time (PROVISIONING.reactivate)", () => {
  virtualTime();
  // A sign-in that begins in the same millisecond as a flush counts as older, so calls have to take some time.
  const simulator = { latency: 5 };

  const KEY = bindings.TOKEN_ENCRYPTION_KEY;
  it.each([
    ["", KEY],
    [", also if no tokens are recorded", undefined],
  ] as const)("receives two tokens that work%s", async (_, TOKEN_ENCRYPTION_KEY) => {
    const both = { PROVISIONING: { reactivate: true }, TOKEN_ENCRYPTION_KEY };
    const first = createBlockingWorld({ env: both, simulator });
    const old = (await bodyOf(await first.signIn(device("tablet")))).authToken;
    await deactivateInDashboard(first);
    const reactivation = first.block("reactivate", "before");
    const slow = first.signIn(device("laptop"), fresh);
    await reactivation.reached;
    // This resolves when the Durable Object makes the second sign-in wait, or when that sign-in is answered.
    const waits = Promise.withResolvers<void>();
    const HOME = objectsAround(variables.HOME, async (call, run) => {
      const answer = await run();
      if (call === "beginRevival" && answer === undefined) waits.resolve();
      return answer;
    });
    const second = createRecordingWorld({ env: { ...both, HOME }, deps: { fetch: first.deps.fetch } });
    const session = await first.provider.issue(device("phone"));
    const other = second.ask("/v1/token", { method: "POST", ...withSession(session) });
    await Promise.race([waits.promise, other]);
    reactivation.open();
    const tokens = await Promise.all([slow, other].map(async (one) => (await bodyOf(await one)).authToken));
    await second.finish();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    if (TOKEN_ENCRYPTION_KEY) await runAlarms();
    expect([...first.simulator.tokens("alice")].sort()).toEqual([...tokens].sort());
    expect(first.simulator.tokens("alice")).not.toContain(old);
  });

  it("signs in also if the Durable Object that coordinates the two fails", async () => {
    const HOME = objectsAround(variables.HOME, () => Promise.reject(new Error("unreachable")));
    const world = createRecordingWorld({ env: { ...env, HOME }, simulator });
    await world.signIn(device("tablet"));
    await deactivateInDashboard(world);
    expect((await world.signIn(device("laptop"), fresh)).status).toBe(201);
    expect(world.simulator.tokens("alice")).toHaveLength(1);
  });

  it("signs in also if the first sign-in never ends", async () => {
    const world = createRecordingWorld({ env: { ...env, REQUEST_TIMEOUT_MS: 3000 }, simulator });
    await world.signIn(device("tablet"));
    await deactivateInDashboard(world);
    expect(await homeOf("alice").beginWork("revival", 300)).toEqual(expect.any(Number));
    expect(await homeOf("alice").beginWork("revival", 300)).toBeUndefined();
    expect((await world.signIn(device("laptop"), fresh)).status).toBe(201);
    expect(world.simulator.tokens("alice")).toHaveLength(1);
  });
});

describe("a token that another isolate has returned too", () => {
  it("is not returned by that isolate after its sign-out with 204", async () => {
    const world = createRecordingWorld({ env });
    const session = await world.provider.issue(device("phone"));
    const { authToken } = await bodyOf(await world.signIn(session));
    const elsewhere = createRecordingWorld({ env, deps: { fetch: world.fetch } });
    expect(await bodyOf(await elsewhere.signIn(session))).toMatchObject({ authToken });
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    const response = await elsewhere.signIn(session);
    expect([response.status, (await bodyOf(response)).authToken === authToken]).toEqual([201, false]);
  });
});
