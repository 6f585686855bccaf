import { describe, expect, it, vi } from "vitest";
import { createBlockingWorld } from "../support/gates.ts";
import { createRecordingWorld, request, restoreAfterEach, runAlarms } from "../support/ledger.ts";
import { API_KEY, bodyOf, type World } from "../support/world.ts";

restoreAfterEach();

const env = { PROVISIONING: { reactivate: true }, TOKENS: { reuse: "session" } };
const device = (sid: string) => ({ subject: "alice", sid });
const deactivate = (world: World) =>
  world.simulator.fetch("https://275300000000000a.api-us.cometchat.io/v3/users/alice", {
    method: "DELETE",
    headers: { apikey: API_KEY, "content-type": "application/json" },
    body: '{"permanent":false}',
  });
const fresh = { body: '{"fresh":true}', headers: { "Content-Type": "application/json" } };

describe("a user whom a sign-in brings back (PROVISIONING.reactivate)", () => {
  it("keeps none of its older tokens, though neither their end nor its deactivation anew could be told to CometChat", async () => {
    const world = createRecordingWorld({ env });
    const { authToken: old } = await bodyOf(await world.signIn(device("phone")));
    await deactivate(world);
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

  it("is handed out no token that another sign-in, which brought it back, has ended at the same time", async () => {
    const base = createBlockingWorld({ env });
    await base.signIn(device("tablet"));
    await deactivate(base);
    const flush = base.block("flush", "before");
    const bringing = base.signIn(device("laptop"), fresh);
    await flush.reached;
    // The user is back, and this one need not bring it back.
    const between = await base.signIn(device("phone"), fresh);
    const { authToken } = await bodyOf(between);
    expect(between.status).toBe(201);
    flush.open();
    const brought = await bodyOf(await bringing);
    expect(base.simulator.tokens("alice")).toEqual([brought.authToken]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    const again = await bodyOf(await base.signIn(device("phone")));
    expect(again.authToken).not.toBe(authToken);
    expect(base.simulator.tokens("alice")).toContain(again.authToken);
    // Who brought it back has what it was given.
    const laptop = await base.signIn(device("laptop"));
    expect([laptop.status, (await bodyOf(laptop)).authToken]).toEqual([200, brought.authToken]);
  });
});

describe("a token that was given out in another isolate", () => {
  it("is not handed out again there after the 204 of its sign-out", async () => {
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
