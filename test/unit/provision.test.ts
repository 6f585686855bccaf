import fc from "fast-check";
import { describe, expect, it, test, vi } from "vitest";
import type { Deps } from "../../src/context.ts";
import { type Known, type Newcomer, provision } from "../../src/provision/provision.ts";
import type { Timer } from "../../src/within.ts";
import { createClientWorld, createSimulatedWorld, refusal } from "../support/client.ts";
import { virtualTime } from "../support/time.ts";

type Call = "mint" | "create";
const callOf = (url: string): Call | undefined =>
  url.endsWith("/auth_tokens") ? "mint" : url.endsWith("/users") ? "create" : undefined;

const alice = (known: Newcomer["known"], look?: () => Promise<boolean>): Newcomer => ({
  ...{ uid: "alice", profile: { name: "Alice" }, known },
  ...(look && { look }),
});

/** KV's answer, which comes after the call to CometChat has begun. */
const later = async (known: Known): Promise<Known> => {
  await new Promise((resolve) => setTimeout(resolve, 0));
  return known;
};

/** A simulated CometChat. It does each call at once, and its answer to a create or mint waits until `answer(call)`. */
function gates() {
  const waiting = new Map<Call, PromiseWithResolvers<void>>();
  const gate = (call: Call) => {
    const made = waiting.get(call) ?? Promise.withResolvers<void>();
    waiting.set(call, made);
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

/** Waits until all work is done that does not wait for `answer`. */
const quiet = async () => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
};

describe("a user about whom KV has not yet answered", () => {
  it("gets a token without waiting for KV, if it exists", async () => {
    const { chat, simulator, calls, answer, request } = gates();
    simulator.seed({ uid: "alice" });
    answer("mint");
    const result = await provision(alice(new Promise(() => undefined)), chat, "create", request());
    expect(result).toMatchObject({ ok: true, value: { created: false, authToken: simulator.tokens("alice")[0] } });
    expect(calls()).toEqual(["mint"]);
  });

  it("is created at the same time as the mint if KV answers absent, and gets the first token", async () => {
    const { chat, simulator, calls, answer, request } = gates();
    answer("create");
    const result = await provision(alice(later("absent")), chat, "create", request());
    expect(result).toMatchObject({ ok: true, value: { created: true, authToken: simulator.tokens("alice")[0] } });
    expect(calls().sort()).toEqual(["create", "mint"]);
  });

  it("is created only after the mint has failed if KV does not know", async () => {
    const { chat, calls, answer, request } = gates();
    const provisioned = provision(alice(later("unsure")), chat, "create", request());
    await quiet();
    expect(calls()).toEqual(["mint"]);
    answer("mint");
    answer("create");
    expect(await provisioned).toMatchObject({ ok: true, value: { created: true } });
  });

  it("is created only after the mint has failed if CometChat's rate limit is nearly used up", async () => {
    const headers = { "X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "1" };
    const { chat, asked, request } = createClientWorld(async (url) =>
      callOf(url) === "mint"
        ? refusal(404, "ERR_UID_NOT_FOUND", undefined, headers)
        : Response.json({ data: { uid: "alice", authToken: "token" } }, { headers }),
    );
    await chat.mint("somebody", request());
    asked.splice(0);
    const { promise, resolve } = Promise.withResolvers<Known>();
    const provisioned = provision(alice(promise), chat, "create", request());
    resolve("absent");
    expect(await provisioned).toMatchObject({ ok: true, value: { created: true } });
    expect(asked.map(({ url }) => callOf(url))).toEqual(["mint", "create"]);
  });

  it("gets the first of two tokens, and the second one is reported", async () => {
    const { chat, simulator, answer, request } = gates();
    // CometChat does the create and then the mint. The answer to the create arrives first.
    simulator.seed({ uid: "alice" });
    const inner = chat.create;
    const created = {
      ...chat,
      create: (async () => ({ ok: true, value: { authToken: "from create" } })) as typeof inner,
    };
    const provisioned = provision(alice(later("absent")), created, "create", request());
    const first = await provisioned;
    answer("mint");
    expect(first).toMatchObject({ ok: true, value: { authToken: "from create", created: true } });
    expect(first.ok && (await first.value.other)).toBe(simulator.tokens("alice")[0]);
  });
});

type State = "there" | "missing" | "deactivated";

/** The state of the user in CometChat, KV's answer, the outcome, and the most calls. */
const overlaps: readonly [string, State, Known | (() => Promise<Known>), string, number][] = [
  ["exists, and KV has answered there", "there", "there", "token", 1],
  ["exists, and KV answers absent late", "there", () => later("absent"), "token", 2],
  ["exists, and KV answers unsure late", "there", () => later("unsure"), "token", 1],
  ["exists, and KV has answered absent", "there", "absent", "token", 2],
  ["is missing, and KV has answered there", "missing", "there", "created", 2],
  ["is missing, and KV answers absent late", "missing", () => later("absent"), "created", 2],
  ["is missing, and KV answers unsure late", "missing", () => later("unsure"), "created", 2],
  ["is missing, and KV has answered absent", "missing", "absent", "created", 1],
  ["is deactivated, and KV has answered there", "deactivated", "there", "user-deactivated", 2],
  ["is deactivated, and KV answers absent late", "deactivated", () => later("absent"), "user-deactivated", 2],
  ["is deactivated, and KV answers unsure late", "deactivated", () => later("unsure"), "user-deactivated", 2],
  ["is deactivated, and KV has answered absent", "deactivated", "absent", "user-deactivated", 2],
];

function seeded(state: State) {
  const made = createSimulatedWorld();
  if (state === "there") made.simulator.seed({ uid: "alice" });
  if (state === "deactivated") made.simulator.seed({ uid: "alice", deactivatedAt: 1_700_000_000 });
  return made;
}

describe("a sign-in has the right outcome, with at most two calls, if the user", () => {
  test.each(overlaps)("%s", async (_, state, known, outcome, most) => {
    const { chat, simulator, request } = seeded(state);
    const answer = typeof known === "string" ? known : known();
    const result = await provision(alice(answer), chat, "create", request());
    const actual = result.ok ? (result.value.created ? "created" : "token") : result.error.reason;
    expect(actual).toBe(outcome);
    if (result.ok) await result.value.other;
    expect(simulator.journal.calls()).toBeLessThanOrEqual(most);
    expect(simulator.users()).toHaveLength(1);
  });

  it.each<State>(["missing", "deactivated"])("is %s, and the mode is existing: with one call", async (state) => {
    const { chat, simulator, request } = seeded(state);
    const known = later("absent");
    const result = await provision(alice(known), chat, "existing", request());
    expect(result).toMatchObject({ ok: false, error: { reason: "user-unknown" } });
    expect(simulator.journal.calls()).toBe(1);
  });
});

describe("a deactivated user is always answered user-deactivated", () => {
  it.each<[string, Known]>([
    ["find the user in KV", "there"],
    ["do not find the user in KV", "absent"],
  ])("if two sign-ins at once %s, with two calls each", async (_, answer) => {
    const { chat, simulator, request } = seeded("deactivated");
    const both = await Promise.all([0, 1].map(() => provision(alice(later(answer)), chat, "create", request())));
    for (const result of both) expect(result).toMatchObject({ ok: false, error: { reason: "user-deactivated" } });
    expect(simulator.journal.calls()).toBeLessThanOrEqual(4);
  });

  it("if the isolate's memory of the user ends between the two calls", async () => {
    const { chat, answer, calls, simulator, advance, request } = gates();
    simulator.seed({ uid: "alice" });
    answer("mint");
    await provision(alice("there"), chat, "create", request());
    simulator.seed({ uid: "alice", deactivatedAt: 1_700_000_000 });
    simulator.journal.clear();
    const provisioned = provision(alice("there"), chat, "create", request());
    await quiet();
    advance(120_000);
    answer("create");
    expect(await provisioned).toMatchObject({ ok: false, error: { reason: "user-deactivated" } });
    expect(calls()).toEqual(["mint", "create"]);
  });

  it("if another sign-in got a token and a request of this isolate then deactivated the user", async () => {
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
    const result = await provision(alice("there"), meanwhile, "create", request());
    expect(result).toMatchObject({ ok: false, error: { reason: "user-deactivated" } });
    expect(simulator.journal.entries.map(({ call }) => call)).toEqual(["mint", "create"]);
  });

  it("if another sign-in got a token just before the user was deactivated elsewhere", async () => {
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
    const result = await provision(alice("there"), meanwhile, "create", request());
    expect(result).toMatchObject({ ok: false, error: { reason: "user-deactivated" } });
  });
});

describe("a user who signs in for the first time, several times at once,", () => {
  virtualTime();

  it("is created once by fifty sign-ins in one isolate, with at most two calls each", async () => {
    const { chat, simulator, request } = createSimulatedWorld({ createDelay: 20 });
    const fifty = await Promise.all(
      Array.from({ length: 50 }, () => provision(alice(later("absent")), chat, "create", request())),
    );
    expect(fifty.filter((result) => result.ok && result.value.created)).toHaveLength(1);
    expect(new Set(fifty.map((result) => result.ok && result.value.authToken)).size).toBe(50);
    expect(simulator.users()).toHaveLength(1);
    expect(simulator.journal.calls()).toBeLessThanOrEqual(100);
  });

  it("is not called deactivated by the second of two isolates, as soon as KV has the user of the first", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    const inner = chat.create;
    // Another isolate creates the user between the mint and the create of this one.
    const late = {
      ...chat,
      create: (async (...values: Parameters<typeof inner>) => {
        simulator.seed({ uid: "alice" });
        return inner(...values);
      }) as typeof inner,
    };
    const look = vi.fn(async () => look.mock.calls.length > 1);
    const result = await provision(alice(later("unsure"), look), late, "create", request());
    expect(result).toMatchObject({ ok: true, value: { created: false } });
    expect(look).toHaveBeenCalledTimes(2);
  });

  it("is not taken for deactivated by the second sign-in if the answer to the first create is lost", async () => {
    const { chat, simulator, calls, answer, request } = gates();
    // Both have asked for a token before there was a user, and only one of them may create it at a time.
    const second = provision(alice("unsure"), chat, "create", request());
    simulator.faults.add({ match: "create", effect: { kind: "drop" } });
    const first = provision(alice("absent"), chat, "create", request());
    answer("create");
    expect(await first).toMatchObject({ ok: false });
    simulator.faults.clear();
    answer("mint");
    expect(await second).toMatchObject({ ok: true, value: { created: false } });
    expect(calls().slice(-2)).toEqual(["create", "mint"]);
  });

  it("is created by the second sign-in if the create of the first fails", async () => {
    const { chat, simulator, request } = createSimulatedWorld({ createDelay: 20 });
    simulator.faults.add({ match: "create", times: 1, effect: { kind: "error", code: "ERR_BAD_REQUEST" } });
    const [first, second] = await Promise.all(
      [0, 1].map(() => provision(alice(later("unsure")), chat, "create", request())),
    );
    expect(first).toMatchObject({ ok: false, error: { reason: "upstream-rejected" } });
    expect(second).toMatchObject({ ok: true, value: { created: true } });
  });
});

describe("a sign-in, in whichever order CometChat and KV answer,", () => {
  const token = (call: Call) =>
    Response.json({ data: { uid: "alice", authToken: `token-of-${call}` } }, { status: 200 });
  const mintAnswers = { token: () => token("mint"), neutral: () => refusal(404, "ERR_UID_NOT_FOUND") };
  const createAnswers = { token: () => token("create"), neutral: () => refusal(400, "ERR_UID_ALREADY_EXISTS") };
  const fault = () => refusal(402, "ERR_PLAN_RESTRICTION");
  type Kind = "token" | "neutral" | "fault" | "late";
  const kinds = fc.constantFrom<Kind>("token", "neutral", "fault", "late");

  it("needs at most two calls, answers the right code, and reports every token", async () => {
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
          const answer = pending ? scheduler.schedule(Promise.resolve(known), "kv") : known;
          let left = 10_000;
          const waits = new Set<() => void>();
          const timer: Timer = (_, late) => {
            waits.add(late);
            return () => waits.delete(late);
          };
          const context = { ...request(), deadline: { left: () => left, timer } };
          const provisioned = provision(alice(answer), chat, mode, context);
          // A late answer comes after all others, when the request's time is over.
          for (let idle = 0; idle < 3; idle += 1) {
            for (; scheduler.count() > 0; idle = 0) await scheduler.waitOne();
            await new Promise((resolve) => setTimeout(resolve, 0));
          }
          left = 0;
          for (const late of waits) late();
          const result = await provisioned;
          const calls = asked.map(({ url }) => callOf(url) ?? "mint");
          expect(calls.length).toBe(new Set(calls).size);
          if (mode === "existing") expect(calls).toEqual(["mint"]);
          const reported = result.ok ? [result.value.authToken, await result.value.other] : [];
          expect(reported.filter((each) => each !== undefined).sort()).toEqual(tokens.sort());
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
