import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { createRecordingWorld, request, restoreAfterEach } from "../support/ledger.ts";
import { bodyOf, type World, type WorldOptions } from "../support/world.ts";

restoreAfterEach();

const reusing = (options: WorldOptions = {}): World =>
  createRecordingWorld({ ...options, env: { TOKENS: { reuse: "session" }, ...options.env } });

const rest = ({ simulator }: World) =>
  simulator.journal.entries.filter(({ surface }) => surface === "rest").map(({ call }) => call);

const phone = { subject: "alice", claims: { jti: "phone" } };
const laptop = { subject: "alice", claims: { jti: "laptop" } };

/** The status, and the token. */
async function ask(world: World, session: object | string, body?: string): Promise<[number, string]> {
  const init = body === undefined ? {} : { body, headers: { "Content-Type": "application/json" } };
  const response = await world.signIn(session, init);
  return [response.status, (await bodyOf(response)).authToken];
}

/** A gateway in another isolate: its memory is empty, the stores and CometChat are the same. */
const anotherIsolate = (world: World) => {
  const other = reusing({ deps: { fetch: (input, init) => world.fetch(input, init) } });
  return { ...other, signIn: async (session: object) => other.signIn(await world.provider.issue(session)) };
};

describe("with reuse = session", () => {
  it("a session gets its own token again, without a call to CometChat", async () => {
    const world = reusing();
    const [first, token] = await ask(world, phone);
    const [second, sameToken] = await ask(world, phone);
    expect([first, second]).toEqual([201, 200]);
    expect(sameToken).toBe(token);
    expect(rest(world)).toEqual(["create"]);
  });

  it("a session gets its own token again in another isolate", async () => {
    const world = reusing();
    const [, token] = await ask(world, phone);
    const response = await anotherIsolate(world).signIn(phone);
    expect([response.status, (await bodyOf(response)).authToken]).toEqual([200, token]);
  });

  it("two sessions never share a token", async () => {
    const world = reusing();
    const [, onPhone] = await ask(world, phone);
    const [status, onLaptop] = await ask(world, laptop);
    expect(status).toBe(201);
    expect(onLaptop).not.toBe(onPhone);
  });

  it("a session gets a new token with fresh, and that one from then on", async () => {
    const world = reusing();
    const [, token] = await ask(world, phone);
    const [status, fresh] = await ask(world, phone, '{"fresh":true}');
    expect(status).toBe(201);
    expect(fresh).not.toBe(token);
    expect(await ask(world, phone)).toEqual([200, fresh]);
  });

  it("the profile is updated when the claims change", async () => {
    const world = reusing();
    await ask(world, { ...phone, claims: { jti: "phone", name: "Alice" } });
    const [status] = await ask(world, { ...phone, claims: { jti: "phone", name: "Alicia" } });
    expect(status).toBe(200);
    expect(rest(world)).toEqual(["create", "update"]);
    expect(world.simulator.user("alice")?.name).toBe("Alicia");
  });
});

describe("a token is not given out again", () => {
  it.each(["in this isolate", "in another one"])("after its session has signed out, %s", async (where) => {
    const world = reusing();
    const session = await world.provider.issue(phone);
    const [, token] = await ask(world, session);
    const [, other] = await ask(world, laptop);
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    const asked = where === "in this isolate" ? world : anotherIsolate(world);
    const response = await asked.signIn(phone);
    expect(response.status).toBe(201);
    expect((await bodyOf(response)).authToken).not.toBe(token);
    // The other device keeps its token.
    const onLaptop = await asked.signIn(laptop);
    expect([onLaptop.status, (await bodyOf(onLaptop)).authToken]).toEqual([200, other]);
  });

  it.each(["in this isolate", "in another one"])("after the user has signed out everywhere, %s", async (where) => {
    const world = reusing();
    const session = await world.provider.issue(phone);
    const [, onPhone] = await ask(world, session);
    const [, onLaptop] = await ask(world, laptop);
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    const asked = where === "in this isolate" ? world : anotherIsolate(world);
    for (const [device, dead] of [
      [phone, onPhone],
      [laptop, onLaptop],
    ] as const) {
      const response = await asked.signIn(device);
      expect(response.status).toBe(201);
      expect((await bodyOf(response)).authToken).not.toBe(dead);
    }
  });

  it("after it was named and revoked", async () => {
    const world = reusing();
    const session = await world.provider.issue(phone);
    const [, token] = await ask(world, session);
    await world.call("/v1/token", request("DELETE", session, { authToken: token }));
    expect((await anotherIsolate(world).signIn(phone)).status).toBe(201);
    expect((await world.signIn(phone)).status).toBe(200);
  });

  it("after its end", async () => {
    const world = reusing({ env: { TOKENS: { reuse: "session", ttl: 3600 } } });
    const session = await world.provider.issue({ ...phone, expiresIn: 100_000 });
    const [, token] = await ask(world, session);
    const start = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: start + 3_598_000 });
    expect(await ask(world, session)).toEqual([200, token]);
    vi.useFakeTimers({ toFake: ["Date"], now: start + 3_600_000 });
    const [status, next] = await ask(world, session);
    expect(status).toBe(201);
    expect(next).not.toBe(token);
  });
});

describe("a token that is recorded with an older TOKEN_ENCRYPTION_KEY", () => {
  it("is given out again while that key is listed, and not afterwards", async () => {
    const world = reusing();
    const [, token] = await ask(world, phone);
    const old = String((bindings as unknown as Record<string, unknown>).TOKEN_ENCRYPTION_KEY);
    const next = btoa("n".repeat(32));
    const session = await world.provider.issue(phone);
    const deps = { fetch: world.fetch };
    const rotating = reusing({ env: { TOKEN_ENCRYPTION_KEY: `${next},${old}` }, deps });
    expect(await ask(rotating, session)).toEqual([200, token]);
    const rotated = reusing({ env: { TOKEN_ENCRYPTION_KEY: next }, deps });
    expect((await rotated.signIn(session)).status).toBe(201);
  });
});
