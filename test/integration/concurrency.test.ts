import { env as bindings } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { inDashboard } from "../support/dashboard.ts";
import { faultyKv, never } from "../support/faults.ts";
import { createRecordingWorld, restoreAfterEach } from "../support/ledger.ts";
import { sleep, virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, type ProblemAnswer, type World, type WorldOptions } from "../support/world.ts";

restoreAfterEach();
virtualTime();

/** The milliseconds of a read of KV, and of a call to CometChat. */
const SLOW = 150;

const ofUser = (operation: string, key: string) => operation === "get" && key.startsWith("v1:u:");
const slowKv = () => faultyKv((...read) => (ofUser(...read) ? sleep(SLOW) : undefined));
const hungKv = () => faultyKv((...read) => (ofUser(...read) ? never() : undefined));

/** An isolate whose memory has the provider's keys and nothing else. */
async function isolate(make: (options: WorldOptions) => World, world: World, USERS: unknown): Promise<World> {
  const fresh = make({
    env: { ...world.env, USERS },
    deps: { fetch: world.fetch },
  });
  await fresh.call("/v1/token", bearer(await world.provider.issue({ subject: "somebody" })));
  return fresh;
}

const bearer = (session: string): RequestInit => ({ method: "POST", headers: { Authorization: `Bearer ${session}` } });

/** How long the work takes, in milliseconds. */
async function duration(work: () => Promise<unknown>): Promise<number> {
  const begun = Date.now();
  await work();
  return Date.now() - begun;
}

const mintOf = (world: World) => inDashboard(world, "POST", "/users/alice/auth_tokens", { force: true });

describe("a known user", () => {
  it("waits for one call to CometChat, and not for KV too (at most 1.25 times the call)", async () => {
    const world = createWorld({ simulator: { latency: SLOW } });
    await world.signIn({ subject: "alice" });
    const session = await world.provider.issue({ subject: "alice" });
    const fresh = await isolate(createWorld, world, slowKv());
    const call = await duration(() => mintOf(world));
    expect(call).toBe(SLOW);
    const token = await duration(async () => {
      expect((await fresh.ask("/v1/token", bearer(session))).status).toBe(201);
    });
    expect(token / call).toBeLessThan(1.25);
  });

  it("gets a token with one call, although KV never answers", async () => {
    const world = createWorld();
    await world.signIn({ subject: "alice" });
    const fresh = await isolate(createWorld, world, hungKv());
    world.simulator.journal.clear();
    const response = await fresh.ask("/v1/token", bearer(await world.provider.issue({ subject: "alice" })));
    expect(response.status).toBe(201);
    expect(world.simulator.journal.entries.map(({ call }) => call)).toEqual(["mint"]);
  });
});

describe("a session with a recorded token", () => {
  const TOKENS = { reuse: "session" };
  const session = (world: World) => world.provider.issue({ subject: "alice", claims: { jti: "phone" } });

  it("waits for its user's Durable Object, and not for KV (at most half the read)", async () => {
    const world = createRecordingWorld({ env: { TOKENS } });
    const { authToken } = await bodyOf(await world.signIn(await session(world)));
    const fresh = await isolate(createRecordingWorld, world, slowKv());
    const presented = await session(world);
    const took = await duration(async () => {
      const response = await fresh.ask("/v1/token", bearer(presented));
      expect([response.status, (await bodyOf(response)).authToken]).toEqual([200, authToken]);
    });
    expect(took / SLOW).toBeLessThan(0.5);
  });

  it("gets its token, although KV never answers", async () => {
    const world = createRecordingWorld({ env: { TOKENS } });
    const { authToken } = await bodyOf(await world.signIn(await session(world)));
    const fresh = await isolate(createRecordingWorld, world, hungKv());
    const response = await fresh.ask("/v1/token", bearer(await session(world)));
    expect([response.status, (await bodyOf(response)).authToken]).toEqual([200, authToken]);
  });
});

describe("a user who signs in for the first time in two isolates at once", () => {
  it("becomes one user with two tokens, and is never answered user-deactivated", async () => {
    const world = createWorld({ simulator: { createDelay: 20 } });
    const other = createWorld({ deps: { fetch: world.fetch } });
    for (let run = 0; run < 10; run += 1) {
      const subject = `user-${run}`;
      const answers = await Promise.all(
        [world, other].map(async (each) => each.call("/v1/token", bearer(await world.provider.issue({ subject })))),
      );
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
      const bodies = await Promise.all(answers.map((answer) => bodyOf(answer)));
      expect(bodies.filter(({ created }) => created)).toHaveLength(1);
      expect(world.simulator.tokens(subject).sort()).toEqual(bodies.map(({ authToken }) => authToken).sort());
    }
  });
});

describe("a sign-in whose create and mint both return a token", () => {
  it.each([
    ["by the ledger", (bindings as unknown as { TOKEN_ENCRYPTION_KEY: string }).TOKEN_ENCRYPTION_KEY],
    ["by a call to CometChat", undefined],
  ])("leaves the user only the token of the answer: the other is revoked %s", async (_, TOKEN_ENCRYPTION_KEY) => {
    // The mint waits until CometChat has created the user.
    const { promise: created, resolve } = Promise.withResolvers<void>();
    const base = createWorld();
    const world = createRecordingWorld({
      env: { TOKEN_ENCRYPTION_KEY },
      deps: {
        fetch: async (input, init) => {
          if (init.method === "POST" && input.endsWith("/auth_tokens")) await created;
          const response = await base.fetch(input, init);
          if (init.method === "POST" && input.endsWith("/users")) resolve();
          return response;
        },
      },
    });
    const response = await world.call("/v1/token", bearer(await base.provider.issue({ subject: "alice" })));
    const { authToken } = await bodyOf(response);
    expect(base.simulator.journal.calls({ call: "mint" })).toBe(1);
    expect(base.simulator.tokens("alice")).toEqual([authToken]);
  });
});

describe("a deactivated user who signs in twice at once", () => {
  it.each([
    ["KV knows the user, and answers both late", true, slowKv],
    ["KV knows the user, and never answers", true, hungKv],
    ["KV does not know the user, and answers both late", false, slowKv],
    ["KV does not know the user, and never answers", false, hungKv],
  ])("is answered user-deactivated, with two calls each: %s", async (_, known, USERS) => {
    const world = createWorld();
    if (known) await world.signIn({ subject: "alice" });
    world.simulator.seed({ uid: "alice", deactivatedAt: 1_700_000_000 });
    const fresh = await isolate(createWorld, world, USERS());
    world.simulator.journal.clear();
    const session = await world.provider.issue({ subject: "alice" });
    const answers = await Promise.all([0, 1].map(() => fresh.ask("/v1/token", bearer(session))));
    const codes = await Promise.all(answers.map(async (answer) => (await bodyOf<ProblemAnswer>(answer)).code));
    expect(codes).toEqual(["user-deactivated", "user-deactivated"]);
    expect(world.simulator.journal.calls()).toBeLessThanOrEqual(4);
  });
});
