import { env as bindings } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createRecordingWorld, request, restoreAfterEach } from "../support/ledger.ts";
import { bodyOf } from "../support/world.ts";

restoreAfterEach();

// workerd refuses jurisdictions where it runs alone. As on the platform, one gives other ids for the same names.
const LEDGER = {
  getByName: (name: string) => bindings.LEDGER.getByName(name),
  jurisdiction: (place: string) => ({ getByName: (name: string) => bindings.LEDGER.getByName(`${place}/${name}`) }),
};
const later = { LEDGER, PLACEMENT: { default: "main", jurisdictions: { main: "eu" } } };

describe("a jurisdiction that is switched on later (PLACEMENT.jurisdictions)", () => {
  it.each([
    ["here", "/v1/token"],
    ["everywhere", "/v1/tokens"],
  ])("leaves no token behind that was recorded before: a sign-out %s ends it", async (_, path) => {
    const before = createRecordingWorld();
    const session = await before.provider.issue({ subject: "alice", sid: "phone" });
    await before.signIn(session);
    const world = createRecordingWorld({ env: later, deps: { fetch: before.fetch } });
    await world.signIn(session);
    expect(before.simulator.tokens("alice")).toHaveLength(2);
    expect((await world.call(path, request("DELETE", session))).status).toBe(204);
    expect(before.simulator.tokens("alice")).toEqual([]);
  });

  it("nor one that a session had: it is given a new one, and signs out of both (reuse = session)", async () => {
    const TOKENS = { reuse: "session" };
    const before = createRecordingWorld({ env: { TOKENS } });
    const session = await before.provider.issue({ subject: "alice", sid: "phone" });
    const { authToken } = await bodyOf(await before.signIn(session));
    const world = createRecordingWorld({ env: { ...later, TOKENS }, deps: { fetch: before.fetch } });
    const response = await world.signIn(session);
    expect([response.status, (await bodyOf(response)).authToken === authToken]).toEqual([201, false]);
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    expect(before.simulator.tokens("alice")).toEqual([]);
    expect((await world.signIn(session)).status).toBe(201);
  });
});
