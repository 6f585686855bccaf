import { expect, test } from "vitest";
import { createSimulator } from "../sandbox/cometchat/index.ts";

const key = "fedcba9876543210fedcba9876543210fedcba98";

test("a first sign-in is one call: the create answers the user and a token", async () => {
  const simulator = createSimulator({ appId: "app1", region: "us", keys: { [key]: "fullAccess" } });
  const response = await simulator.fetch("https://app1.api-us.cometchat.io/v3/users", {
    method: "POST",
    headers: { apikey: key, "content-type": "application/json" },
    body: JSON.stringify({ uid: "Alice", name: "Alice", withAuthToken: true }),
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    data: { uid: "alice", authToken: expect.stringMatching(/^alice_\d{10}[0-9a-f]{30}$/) },
  });
  expect(simulator.journal.calls({ call: "create", uid: "alice" })).toBe(1);
});

test("hang aborted", async () => {
  const simulator = createSimulator({ appId: "app1", region: "us", keys: { [key]: "fullAccess" } });
  simulator.faults.add({ match: "any", effect: { kind: "hang" } });
  await expect(
    simulator.fetch("https://app1.api-us.cometchat.io/v3/users", {
      signal: AbortSignal.timeout(20),
      headers: { apikey: key },
    }),
  ).rejects.toMatchObject({ name: "TimeoutError" });
  await expect(
    simulator.fetch(
      new Request("https://app1.api-us.cometchat.io/v3/users", {
        signal: AbortSignal.timeout(20),
        headers: { apikey: key },
      }),
    ),
  ).rejects.toMatchObject({ name: "TimeoutError" });
  expect(simulator.journal.entries[1]).toMatchObject({ outcome: "aborted" });
});
