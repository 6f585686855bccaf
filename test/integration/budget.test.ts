import { env as bindings } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { restoreAfterEach, shareWithObjects } from "../support/ledger.ts";
import { countOperations } from "../support/operations.ts";
import { bodyOf, createWorld, unlimited, type World } from "../support/world.ts";

restoreAfterEach();

/** The most operations that a request may need, with the work after its answer. Keys and configuration are in memory. */
interface Budget {
  readonly cometchat: number;
  readonly kvReads: number;
  readonly kvWrites: number;
  /** Calls of Durable Objects. */
  readonly objects: number;
  readonly limits: number;
}

const nothing: Budget = { cometchat: 0, kvReads: 0, kvWrites: 0, objects: 0, limits: 0 };
const ENCRYPTED = { TOKEN_ENCRYPTION_KEY: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=" };
const REUSING = { ...ENCRYPTED, TOKENS: { reuse: "session" } };

/** A gateway with keys in memory. `spent` returns the operations since its last call. */
async function countingWorld(vars: Record<string, unknown> = {}) {
  const { USERS, LEDGER, HOME, ONCE } = bindings;
  const stores = { USERS, LEDGER, HOME, ONCE, RATE_LIMIT_IP: unlimited, RATE_LIMIT_USER: unlimited };
  const { env, operations } = countOperations(stores);
  const world = createWorld({ env: { ...env, BACKEND_SECRET: undefined, ...vars } });
  shareWithObjects(world);
  const spent = (): Budget => {
    const { kvReads, kvWrites, objects, limits } = operations;
    const calls = Object.values(objects).reduce((sum, count) => sum + count, 0);
    const cometchat = world.fetched.filter((address) => address.includes(".cometchat.io/")).length;
    Object.assign(operations, { kvReads: 0, kvWrites: 0, objects: {}, limits: 0 });
    world.fetched.length = 0;
    return { cometchat, kvReads, kvWrites, objects: calls, limits };
  };
  expect((await world.signIn({ subject: "first" })).status).toBe(201);
  spent();
  return { world, spent };
}

const bearer = (session: string) => ({ Authorization: `Bearer ${session}` });

/** Each sign-in has a session of its own. */
async function secondSignIn(world: World) {
  await world.signIn({ subject: "alice" });
  return () => world.signIn({ subject: "alice" });
}

/** The requests: each with its configuration, what happens before it, its status, and its budget. */
const paths: readonly [
  name: string,
  vars: Record<string, unknown>,
  request: (world: World) => Promise<() => Promise<Response>>,
  status: number,
  budget: Budget,
][] = [
  ["a health check", {}, async (world) => () => world.call("/healthz"), 200, nothing],
  [
    "a preflight",
    {},
    async (world) => () =>
      world.call("/v1/token", {
        method: "OPTIONS",
        headers: { Origin: "https://app.example.com", "Access-Control-Request-Method": "POST" },
      }),
    204,
    nothing,
  ],
  [
    "no session",
    {},
    async (world) => () => world.call("/v1/token", { method: "POST" }),
    401,
    { ...nothing, limits: 1 },
  ],
  [
    "a forged session",
    {},
    async (world) => {
      const session = await world.provider.issue({ subject: "alice", forged: true });
      return () => world.signIn(session);
    },
    401,
    { ...nothing, limits: 1 },
  ],
  [
    "a new user",
    {},
    async (world) => () => world.signIn({ subject: "alice" }),
    201,
    { ...nothing, cometchat: 2, kvReads: 1, kvWrites: 1, limits: 2 },
  ],
  ["a known user, in the isolate's memory", {}, secondSignIn, 201, { ...nothing, cometchat: 1, limits: 2 }],
  [
    "a known user, whose token is recorded",
    ENCRYPTED,
    secondSignIn,
    201,
    { ...nothing, cometchat: 1, objects: 1, limits: 2 },
  ],
  [
    "a session that gets its own token again",
    REUSING,
    async (world) => {
      const session = await world.provider.issue({ subject: "alice" });
      await world.signIn(session);
      return () => world.signIn(session);
    },
    200,
    { ...nothing, objects: 1, limits: 2 },
  ],
  [
    "a new session of a known user, with TOKENS.reuse",
    REUSING,
    secondSignIn,
    201,
    { ...nothing, cometchat: 1, objects: 2, limits: 2 },
  ],
  [
    "a sign-out by session",
    ENCRYPTED,
    async (world) => {
      const session = await world.provider.issue({ subject: "alice", sid: "one" });
      await world.signIn(session);
      return () => world.call("/v1/token", { method: "DELETE", headers: bearer(session) });
    },
    204,
    { ...nothing, cometchat: 1, objects: 1, limits: 2 },
  ],
  [
    "a sign-out by token",
    ENCRYPTED,
    async (world) => {
      const session = await world.provider.issue({ subject: "alice" });
      const { authToken } = await bodyOf(await world.signIn(session));
      const headers = { ...bearer(session), "Content-Type": "application/json" };
      const body = JSON.stringify({ authToken });
      return () => world.call("/v1/token", { method: "DELETE", headers, body });
    },
    204,
    { ...nothing, cometchat: 1, objects: 1, limits: 2 },
  ],
  [
    "a sign-out everywhere",
    ENCRYPTED,
    async (world) => {
      const session = await world.provider.issue({ subject: "alice" });
      await world.signIn(session);
      return () => world.call("/v1/tokens", { method: "DELETE", headers: bearer(session) });
    },
    204,
    { ...nothing, cometchat: 1, objects: 1, limits: 2 },
  ],
];

describe("a request needs no more calls, reads and writes than its budget", () => {
  test.each(paths)("%s", async (_, vars, request, status, budget) => {
    const { world, spent } = await countingWorld(vars);
    const ask = await request(world);
    await world.finish();
    spent();
    expect((await ask()).status).toBe(status);
    const cost = spent();
    for (const [name, most] of Object.entries(budget)) {
      expect.soft(cost[name as keyof Budget], name).toBeLessThanOrEqual(most);
    }
    // This shows that the count works: a token comes from CometChat or from a Durable Object.
    if (status < 300 && budget.limits > 0) expect(cost.cometchat + cost.objects).toBeGreaterThan(0);
    expect(cost.limits).toBe(budget.limits);
  });
});
