import { describe, expect, it } from "vitest";
import { bodyOf, createWorld, ORIGIN, type ProblemAnswer } from "./world.ts";

const calls = (world: ReturnType<typeof createWorld>) =>
  world.simulator.journal.entries.filter(({ surface }) => surface === "rest").map(({ call }) => call);

describe("POST /v1/token", () => {
  it("creates an unknown user together with its token, in one call", async () => {
    const world = createWorld();
    const response = await world.signIn({ subject: "alice", claims: { name: "Alice", picture: "https://cdn.example/a.png" } });
    expect(response.status).toBe(201);
    const body = await bodyOf(response);
    expect(body).toEqual({
      authToken: world.simulator.tokens("alice")[0],
      uid: "alice",
      appId: "275300000000000a",
      region: "us",
      created: true,
    });
    expect(calls(world)).toEqual(["create"]);
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice", avatar: "https://cdn.example/a.png" });
  });

  it("mints for a known user, in one call", async () => {
    const world = createWorld();
    await world.signIn({ subject: "alice" });
    world.simulator.journal.clear();
    const response = await world.signIn({ subject: "alice" });
    expect(response.status).toBe(201);
    expect(await bodyOf(response)).toMatchObject({ uid: "alice", created: false });
    expect(calls(world)).toEqual(["mint"]);
    expect(world.simulator.tokens("alice")).toHaveLength(2);
  });
});
