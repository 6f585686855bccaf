import { env as bindings } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createRecordingWorld, request, restoreAfterEach } from "../support/ledger.ts";
import { bodyOf } from "../support/world.ts";

restoreAfterEach();

// workerd alone has no jurisdictions. Here, as on the platform, the same name has another id in each.
const LEDGER = {
  getByName: (name: string) => bindings.LEDGER.getByName(name),
  jurisdiction: (place: string) => ({ getByName: (name: string) => bindings.LEDGER.getByName(`${place}/${name}`) }),
};
const later = { LEDGER, PLACEMENT: { default: "main", jurisdictions: { main: "eu" } } };

describe("after a jurisdiction is configured (PLACEMENT.jurisdictions),", () => {
  it.each([
    ["here", "/v1/token"],
    ["everywhere", "/v1/tokens"],
  ])("a sign-out %s revokes a token that was recorded before", async (_, path) => {
    const before = createRecordingWorld();
    const session = await before.provider.issue({ subject: "alice", sid: "phone" });
    await before.signIn(session);
    const world = createRecordingWorld({ env: later, deps: { fetch: before.fetch } });
    await world.signIn(session);
    expect(before.simulator.tokens("alice")).toHaveLength(2);
    expect((await world.call(path, request("DELETE", session))).status).toBe(204);
    expect(before.simulator.tokens("alice")).toEqual([]);
  });

  it("a session gets a new token, and a sign-out revokes both (reuse = session)", async () => {
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
