import fc from "fast-check";
import { describe, expect, it, test, vi } from "vitest";
import type { Deps } from "../../../src/context.ts";
import { type Known, type Newcomer, provision } from "../../../src/provision/provision.ts";
import { createClientWorld, createSimulatedWorld, refusal } from "../../support/client.ts";

type Call = "mint" | "create";
const callOf = (url: string): Call | undefined =>
  url.endsWith("/auth_tokens") ? "mint" : url.endsWith("/users") ? "create" : undefined;

const rules = { mode: "create", reactivate: false } as const;
const alice = (known: Newcomer["known"], look?: () => Promise<boolean>): Newcomer => ({
  ...{ uid: "alice", profile: { name: "Alice" }, known },
  ...(look && { look }),
});

/** What KV answers when the sign-in is under way. */
const later = async (known: Known): Promise<Known> => {
  await new Promise((resolve) => setTimeout(resolve, 0));
  return known;
};

/** CometChat whose two calls a test holds up: each is carried out when it is begun, and answered when it is let go. */
function gates() {
  const held = new Map<Call, PromiseWithResolvers<void>>();
  const gate = (call: Call) => {
    const made = held.get(call) ?? Promise.withResolvers<void>();
    held.set(call, made);
    return made;
  };
  const inner = createSimulatedWorld();
  const fetch: Deps["fetch"] = async (url, init) => {
    const call = init.method === "POST" ? callOf(url) : undefined;
    const response = await inner.simulator.fetch(url, init);
    if (call) await gate(call).promise;
    return response;
  };
  const outer = createClientWorld(fetch);
  const { simulator } = inner;
  const calls = () => simulator.journal.entries.map((entry) => entry.call).filter((call) => call !== "update");
  return { ...outer, simulator, calls, answer: (call: Call) => gate(call).resolve() };
}

/** Nothing is left to do but wait for what a test holds up. */
const quiet = async () => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
};

describe("a user whom KV is still asked about", () => {
  it("is minted for at once: a known one waits for CometChat alone", async () => {
    const { chat, simulator, calls, answer, request } = gates();
    simulator.seed({ uid: "alice" });
    answer("mint");
    const result = await provision(alice(new Promise(() => undefined)), chat, rules, request());
    expect(result).toMatchObject({ ok: true, value: { created: false, authToken: simulator.tokens("alice")[0] } });
    expect(calls()).toEqual(["mint"]);
  });

  it("is created beside the mint when KV says that there is nobody: whichever token is first is answered", async () => {
    const { chat, simulator, calls, answer, request } = gates();
    answer("create");
    const result = await provision(alice(later("absent")), chat, rules, request());
    expect(result).toMatchObject({ ok: true, value: { created: true, authToken: simulator.tokens("alice")[0] } });
    expect(calls().sort()).toEqual(["create", "mint"]);
  });

  it("is not created while KV cannot tell, before the mint says that there is nobody", async () => {
    const { chat, calls, answer, request } = gates();
    const provisioned = provision(alice(later("unsure")), chat, rules, request());
    await quiet();
    expect(calls()).toEqual(["mint"]);
    answer("mint");
    answer("create");
    expect(await provisioned).toMatchObject({ ok: true, value: { created: true } });
  });

  it("is not created beside the mint where CometChat's rate limit is nearly used up", async () => {
    const headers = { "X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "1" };
    const { chat, asked, request } = createClientWorld(async (url) =>
      callOf(url) === "mint"
        ? refusal(404, "ERR_UID_NOT_FOUND", undefined, headers)
        : Response.json({ data: { uid: "alice", authToken: "token" } }, { headers }),
    );
    await chat.mint("somebody", request());
    asked.splice(0);
    const { promise, resolve } = Promise.withResolvers<Known>();
    const provisioned = provision(alice(promise), chat, rules, request());
    resolve("absent");
    expect(await provisioned).toMatchObject({ ok: true, value: { created: true } });
    expect(asked.map(({ url }) => callOf(url))).toEqual(["mint", "create"]);
  });

  it("gets the first of two tokens, and the second one is told of", async () => {
    const { chat, simulator, answer, request } = gates();
    // CometChat carries the create out, and then the mint; the mint's answer is the first to arrive.
    simulator.seed({ uid: "alice" });
    const inner = chat.create;
    const created = {
      ...chat,
      create: (async () => ({ ok: true, value: { authToken: "from create" } })) as typeof inner,
    };
    const provisioned = provision(alice(later("absent")), created, rules, request());
    const first = await provisioned;
    answer("mint");
    expect(first).toMatchObject({ ok: true, value: { authToken: "from create", created: true } });
    expect(first.ok && (await first.value.other)).toBe(simulator.tokens("alice")[0]);
  });
});

type State = "there" | "missing" | "deactivated";

/** What two overlapping requests of one isolate may be told, and what has to come of it. */
const overlaps: readonly [string, State, Known | (() => Promise<Known>), string, number][] = [
  ["there, and KV knows", "there", "there", "token", 1],
  ["there, and KV does not know yet", "there", () => later("absent"), "token", 2],
  ["there, and KV cannot tell", "there", () => later("unsure"), "token", 1],
  ["there, and surely absent from what we know", "there", "absent", "token", 2],
  ["missing, and KV knows it from before", "missing", "there", "created", 2],
  ["missing, and KV says so", "missing", () => later("absent"), "created", 2],
  ["missing, and KV cannot tell", "missing", () => later("unsure"), "created", 2],
  ["missing, and surely absent", "missing", "absent", "created", 1],
  ["deactivated, and KV knows it", "deactivated", "there", "user-deactivated", 2],
  ["deactivated, and KV does not know it", "deactivated", () => later("absent"), "user-deactivated", 2],
  ["deactivated, and KV cannot tell", "deactivated", () => later("unsure"), "user-deactivated", 2],
  ["deactivated, and surely unknown to us", "deactivated", "absent", "user-deactivated", 2],
];

function seeded(state: State) {
  const made = createSimulatedWorld();
  if (state === "there") made.simulator.seed({ uid: "alice" });
  if (state === "deactivated") made.simulator.seed({ uid: "alice", deactivatedAt: 1_700_000_000 });
  return made;
}

describe("the user is", () => {
  test.each(overlaps)("%s", async (_, state, known, outcome, most) => {
    const { chat, simulator, request } = seeded(state);
    const told = typeof known === "string" ? known : known();
    const result = await provision(alice(told), chat, rules, request());
    const got = result.ok ? (result.value.created ? "created" : "token") : result.error.reason;
    expect(got).toBe(outcome);
    if (result.ok) await result.value.other;
    expect(simulator.journal.calls()).toBeLessThanOrEqual(most);
    expect(simulator.users()).toHaveLength(1);
  });

  it.each<State>(["missing", "deactivated"])("%s, and users are not made here: one call", async (state) => {
    const { chat, simulator, request } = seeded(state);
    const known = later("absent");
    const result = await provision(alice(known), chat, { ...rules, mode: "existing" }, request());
    expect(result).toMatchObject({ ok: false, error: { reason: "user-unknown" } });
    expect(simulator.journal.calls()).toBe(1);
  });
});

describe("a deactivated user is told so in every overlap", () => {
  it.each<[string, Known]>([
    ["two sign-ins read KV at the same time", "there"],
    ["two sign-ins find nothing in KV at the same time", "absent"],
  ])("%s: two calls each", async (_, answer) => {
    const { chat, simulator, request } = seeded("deactivated");
    const both = await Promise.all([0, 1].map(() => provision(alice(later(answer)), chat, rules, request())));
    for (const result of both) expect(result).toMatchObject({ ok: false, error: { reason: "user-deactivated" } });
    expect(simulator.journal.calls()).toBeLessThanOrEqual(4);
  });

  it("what the isolate remembers runs out between the two calls", async () => {
    const { chat, answer, calls, simulator, advance, request } = gates();
    simulator.seed({ uid: "alice" });
    answer("mint");
    await provision(alice("there"), chat, rules, request());
    simulator.seed({ uid: "alice", deactivatedAt: 1_700_000_000 });
    simulator.journal.clear();
    const provisioned = provision(alice("there"), chat, rules, request());
    await quiet();
    advance(120_000);
    answer("create");
    expect(await provisioned).toMatchObject({ ok: false, error: { reason: "user-deactivated" } });
    expect(calls()).toEqual(["mint", "create"]);
  });

  it("since this sign-in began another one was given a token, and then a request of this isolate deactivated it", async () => {
    const { chat, simulator, request } = seeded("there");
    const inner = chat.mint;
    const meanwhile = {
      ...chat,
      mint: (async (...values: Parameters<typeof inner>) => {
        await inner(...values);
        await chat.deactivate("alice", request());
        simulator.journal.clear();
        return inner(...values);
      }) as typeof inner,
    };
    const result = await provision(alice("there"), meanwhile, rules, request());
    expect(result).toMatchObject({ ok: false, error: { reason: "user-deactivated" } });
    expect(simulator.journal.entries.map(({ call }) => call)).toEqual(["mint", "create"]);
  });

  it("a token was given just before somebody deactivated it elsewhere: 403, though it had been seen", async () => {
    const { chat, simulator, request } = seeded("there");
    const inner = chat.create;
    const meanwhile = {
      ...chat,
      create: (async (...values: Parameters<typeof inner>) => {
        simulator.seed({ uid: "alice" });
        await chat.mint("alice", request());
        simulator.seed({ uid: "alice", deactivatedAt: 1_700_000_000 });
        return inner(...values);
      }) as typeof inner,
    };
    simulator.seed({ uid: "alice", deactivatedAt: 1_700_000_000 });
    const result = await provision(alice("there"), meanwhile, rules, request());
    expect(result).toMatchObject({ ok: false, error: { reason: "user-deactivated" } });
  });
});

describe("a user who signs in for the first time, twice at once", () => {
  it("in one isolate: fifty sign-ins make one user, with at most two calls each", async () => {
    const { chat, simulator, request } = createSimulatedWorld({ createDelay: 20 });
    const fifty = await Promise.all(
      Array.from({ length: 50 }, () => provision(alice(later("absent")), chat, rules, request())),
    );
    expect(fifty.filter((result) => result.ok && result.value.created)).toHaveLength(1);
    expect(new Set(fifty.map((result) => result.ok && result.value.authToken)).size).toBe(50);
    expect(simulator.users()).toHaveLength(1);
    expect(simulator.journal.calls()).toBeLessThanOrEqual(100);
  });

  it("in two isolates: who comes second is not taken for deactivated, once KV shows the first one's user", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    const inner = chat.create;
    // Between this isolate's mint and its create another one creates the user.
    const late = {
      ...chat,
      create: (async (...values: Parameters<typeof inner>) => {
        simulator.seed({ uid: "alice" });
        return inner(...values);
      }) as typeof inner,
    };
    const look = vi.fn(async () => look.mock.calls.length > 1);
    const result = await provision(alice(later("unsure"), look), late, rules, request());
    expect(result).toMatchObject({ ok: true, value: { created: false } });
    expect(look).toHaveBeenCalledTimes(2);
  });

  it("in this isolate, where the first create fails: the next one creates", async () => {
    const { chat, simulator, request } = createSimulatedWorld({ createDelay: 20 });
    simulator.faults.add({ match: "create", times: 1, effect: { kind: "error", code: "ERR_BAD_REQUEST" } });
    const [first, second] = await Promise.all(
      [0, 1].map(() => provision(alice(later("unsure")), chat, rules, request())),
    );
    expect(first).toMatchObject({ ok: false, error: { reason: "upstream-rejected" } });
    expect(second).toMatchObject({ ok: true, value: { created: true } });
  });
});

describe("whatever is answered first", () => {
  const token = (call: Call) =>
    Response.json({ data: { uid: "alice", authToken: `token-of-${call}` } }, { status: 200 });
  const mintAnswers = { token: () => token("mint"), neutral: () => refusal(404, "ERR_UID_NOT_FOUND") };
  const createAnswers = { token: () => token("create"), neutral: () => refusal(400, "ERR_UID_ALREADY_EXISTS") };
  const fault = () => refusal(402, "ERR_PLAN_RESTRICTION");
  type Kind = "token" | "neutral" | "fault" | "late";
  const kinds = fc.constantFrom<Kind>("token", "neutral", "fault", "late");

  it("at most two calls, the right code, and no token is lost sight of", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        kinds,
        kinds,
        fc.constantFrom<Known>("there", "absent", "unsure"),
        fc.boolean(),
        fc.constantFrom<"create" | "existing">("create", "existing"),
        async (scheduler, mint, create, known, pending, mode) => {
          const tokens: string[] = [];
          const arrived: Record<Call, Kind | undefined> = { mint: undefined, create: undefined };
          const { chat, asked, request } = createClientWorld(async (url, init) => {
            const call = callOf(url) ?? "mint";
            const kind = call === "mint" ? mint : create;
            if (kind === "late") {
              await new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(new Error())));
            }
            await scheduler.schedule(Promise.resolve(), call);
            arrived[call] = kind;
            if (kind === "token") tokens.push(`token-of-${call}`);
            return kind === "fault" ? fault() : (call === "mint" ? mintAnswers : createAnswers)[kind as "token"]();
          });
          const told = pending ? scheduler.schedule(Promise.resolve(known), "kv") : known;
          const caller = new AbortController();
          const provisioned = provision(alice(told), chat, { mode, reactivate: false }, request(10_000, caller.signal));
          // What comes late comes when nothing else is left, after the caller has gone.
          for (let idle = 0; idle < 3; idle += 1) {
            for (; scheduler.count() > 0; idle = 0) await scheduler.waitOne();
            await new Promise((resolve) => setTimeout(resolve, 0));
          }
          caller.abort();
          const result = await provisioned;
          const calls = asked.map(({ url }) => callOf(url) ?? "mint");
          expect(calls.length).toBe(new Set(calls).size);
          if (mode === "existing") expect(calls).toEqual(["mint"]);
          const seen = result.ok ? [result.value.authToken, await result.value.other] : [];
          expect(seen.filter((each) => each !== undefined).sort()).toEqual(tokens.sort());
          if (result.ok) return;
          const { reason } = result.error;
          const refused = calls.map((call) => arrived[call] ?? "late");
          if (mode === "existing" && mint === "neutral") expect(reason).toBe("user-unknown");
          else if (refused.every((kind) => kind === "neutral")) expect(reason).toBe("user-deactivated");
          else expect(["upstream-plan", "upstream-timeout"]).toContain(reason);
        },
      ),
      { numRuns: 300 },
    );
  });
});
