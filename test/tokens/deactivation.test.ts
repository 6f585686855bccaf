import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { deactivateInDashboard, reactivateInDashboard } from "../support/dashboard.ts";
import { ledgerAround } from "../support/faults.ts";
import { type BlockingWorld, createBlockingWorld } from "../support/gates.ts";
import { createRecordingWorld, ledgerOf, request, restoreAfterEach, runAlarms } from "../support/ledger.ts";
import { virtualTime } from "../support/time.ts";
import { eventHeaders, WEBHOOK_KEY } from "../support/webhook.ts";
import { bodyOf, ISSUER, type World } from "../support/world.ts";

restoreAfterEach();

const device = (jti: string) => ({ subject: "alice", claims: { jti } });
const backend = { headers: { Authorization: "Bearer backend-secret-of-32-characters!" } };
const done = (world: World) => world.lines.filter(({ event }) => event === "webhook").map((line) => line.done);

/** A gateway with a provider's webhooks and a backend, on a clock that a test may move. */
function webhookWorld(): BlockingWorld & { pass: (ms: number) => void; now: () => number } {
  let moved = 0;
  const now = () => Date.now() + moved;
  const world = createBlockingWorld({
    deps: { now },
    env: {
      SESSION_ISSUERS: [{ issuer: ISSUER, name: "idp", audience: ["chat"], webhookSecret: "WEBHOOK" }],
      WEBHOOK: `whsec_${WEBHOOK_KEY}`,
      BACKEND_SECRET: "backend-secret-of-32-characters!",
    },
  });
  return {
    ...world,
    now,
    pass: (ms) => {
      moved += ms;
    },
  };
}

/** Delivers a webhook with the present time in its signature, as a provider does for older events too. */
async function deliver(world: ReturnType<typeof webhookWorld>, payload: unknown): Promise<Response> {
  const body = JSON.stringify(payload);
  const headers = await eventHeaders(body, { sentAt: world.now() });
  return world.call("/v1/webhooks/idp", { method: "POST", body, headers });
}

/** A row of Supabase's auth.users that was last changed at this time. */
const row = (changed: number) => ({
  id: "alice",
  aud: "authenticated",
  raw_user_meta_data: {},
  raw_app_meta_data: {},
  updated_at: new Date(changed).toISOString(),
});
const change = (type: string, record: unknown, old: unknown) => ({
  ...{ type, table: "users", schema: "auth" },
  ...{ record, old_record: old },
});

describe("a user whom the provider has deleted", () => {
  it("loses a token that it got between the flush and the deactivation, when it is reactivated", async () => {
    const world = webhookWorld();
    await world.signIn({ subject: "alice" });
    const deactivation = world.block("deactivate", "before");
    const deletion = deliver(world, { type: "user.deleted", data: { sub: "alice" } });
    await deactivation.reached;
    const between = await bodyOf(await world.signIn({ subject: "alice" }));
    expect(world.simulator.tokens("alice")).toEqual([between.authToken]);
    deactivation.open();
    expect((await deletion).status).toBe(204);
    expect((await world.signIn({ subject: "alice" })).status).toBe(403);
    expect((await world.call("/v1/users/alice/reactivate", { method: "POST", ...backend })).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("loses such a token by the alarm, when it is reactivated in CometChat's dashboard", async () => {
    const world = webhookWorld();
    await world.signIn({ subject: "alice" });
    const deactivation = world.block("deactivate", "before");
    const deletion = deliver(world, { type: "user.deleted", data: { sub: "alice" } });
    await deactivation.reached;
    await world.signIn({ subject: "alice" });
    deactivation.open();
    expect((await deletion).status).toBe(204);
    await reactivateInDashboard(world);
    expect(world.simulator.tokens("alice")).toHaveLength(1);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("a user whom Supabase has deleted", () => {
  it("is deactivated, although its row was last changed long before it was reactivated", async () => {
    const world = webhookWorld();
    const lastWeek = Date.now() - 7 * 86_400_000;
    await deliver(world, change("INSERT", row(lastWeek), null));
    expect((await world.call("/v1/users/alice", { method: "DELETE", ...backend })).status).toBe(204);
    expect((await world.call("/v1/users/alice/reactivate", { method: "POST", ...backend })).status).toBe(204);
    expect(world.simulator.user("alice")?.deactivatedAt).toBeUndefined();
    world.pass(5000);
    expect((await deliver(world, change("DELETE", null, row(lastWeek)))).status).toBe(204);
    expect(done(world)).toEqual(["created", "deactivated"]);
    expect(world.simulator.user("alice")?.deactivatedAt).toBeGreaterThan(0);
  });

  it("is not created if the event of its creation comes after that of its deletion", async () => {
    const world = webhookWorld();
    const changed = Date.now() - 60_000;
    await deliver(world, change("DELETE", null, row(changed)));
    await deliver(world, change("INSERT", row(changed), null));
    expect(done(world)).toEqual(["unknown", "outdated"]);
    expect(world.simulator.user("alice")).toBeUndefined();
  });
});

describe("a user whom a backend reactivates", () => {
  it("loses the tokens from before it was deactivated in CometChat's dashboard", async () => {
    const world = webhookWorld();
    await world.signIn({ subject: "alice" });
    await deactivateInDashboard(world);
    expect((await world.call("/v1/users/alice/reactivate", { method: "POST", ...backend })).status).toBe(204);
    expect(world.simulator.user("alice")?.deactivatedAt).toBeUndefined();
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("keeps the token of a later sign-in, although the last step of its deactivation comes after that", async () => {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    let ends = 0;
    const LEDGER = ledgerAround(async (call, run) => {
      if (call === "end") ends += 1;
      if (call === "end" && ends === 2) {
        reach();
        await opened;
      }
      return run();
    });
    const world = createRecordingWorld({ env: { BACKEND_SECRET: "backend-secret-of-32-characters!", LEDGER } });
    const phone = await world.provider.issue(device("phone"));
    await world.signIn(phone);
    expect((await world.ask("/v1/users/alice", { method: "DELETE", ...backend })).status).toBe(204);
    await reached;
    const otherIsolate = createRecordingWorld({
      env: { BACKEND_SECRET: "backend-secret-of-32-characters!" },
      deps: { fetch: world.fetch },
    });
    expect((await otherIsolate.call("/v1/users/alice/reactivate", { method: "POST", ...backend })).status).toBe(204);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 20 });
    const { authToken } = await bodyOf(await otherIsolate.signIn(phone));
    open();
    await world.finish();
    await runAlarms();
    expect(world.simulator.tokens("alice")).toEqual([authToken]);
  });
});

describe("a user whom a sign-in reactivates (PROVISIONING.reactivate)", () => {
  virtualTime();

  it("loses its older tokens at the second attempt if the flush of the first failed", async () => {
    const env = { PROVISIONING: { reactivate: true }, TOKEN_ENCRYPTION_KEY: undefined };
    const world = createRecordingWorld({ env });
    const phone = await world.provider.issue(device("phone"));
    const { authToken: old } = await bodyOf(await world.signIn(phone));
    await deactivateInDashboard(world);
    expect((await world.call("/v1/tokens", request("DELETE", phone))).status).toBe(204);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1000 });
    const id = world.simulator.faults.add({
      match: "flush",
      effect: { kind: "error", code: "ERR_AUTH_TOKENS_DELETE_FAILED" },
    });
    const laptop = await world.provider.issue(device("laptop"));
    expect((await world.signIn(laptop)).status).toBe(503);
    world.simulator.faults.remove(id);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
    expect((await world.signIn(laptop)).status).toBe(201);
    await runAlarms();
    expect(world.simulator.tokens("alice")).not.toContain(old);
  });

  it("loses its older tokens at the second attempt if the flush of the first hung", async () => {
    const env = { PROVISIONING: { reactivate: true }, TOKEN_ENCRYPTION_KEY: undefined, REQUEST_TIMEOUT_MS: 1500 };
    const world = createRecordingWorld({ env });
    const { authToken: old } = await bodyOf(await world.signIn(device("phone")));
    await deactivateInDashboard(world);
    const laptop = await world.provider.issue(device("laptop"));
    const id = world.simulator.faults.add({ match: "flush", effect: { kind: "hang" } });
    expect((await world.signIn(laptop)).status).toBe(504);
    world.simulator.faults.remove(id);
    expect((await world.signIn(laptop)).status).toBe(201);
    expect(world.simulator.tokens("alice")).not.toContain(old);
  });
});
