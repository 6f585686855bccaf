import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSend } from "../../../src/cometchat/resilience.ts";
import { deadline } from "../../../src/context.ts";
import { fail } from "../../../src/errors.ts";
import { ATTEMPTS, BACKOFF_MS } from "../../../src/limits.ts";
import { app, createClientWorld, createSimulatedWorld, json, refusal, script } from "../../support/client.ts";
import { virtualTime } from "../../support/time.ts";

virtualTime();

const token = "alice_17000000000123456789abcdef0123456789abcd";
const good = json(200, { data: { uid: "alice", authToken: token } });
const refusedConnection = new TypeError("connect ECONNREFUSED");
const never = () => new Promise<Response>(() => undefined);

describe("a call to CometChat that fails", () => {
  test.each([
    ["a refused connection", refusedConnection],
    ["a 500 of CometChat", refusal(500, "ERR_EXCEPTION")],
    ["a passing fault that came with a 400", refusal(400, "ERR_OPERATION_FAILED")],
    ["a proxy's 502", new Response("<h1>Bad gateway</h1>", { status: 502 })],
    ["a 503 without a body", new Response(null, { status: 503 })],
  ])("is repeated twice if the failure may pass: %s", async (_, fault) => {
    const { chat, asked, request } = createClientWorld(script(fault, fault, good));
    expect(await chat.mint("alice", request())).toEqual({ ok: true, value: token });
    expect(asked.length).toBe(3);
  });

  test("is given up after three attempts, with the last failure", async () => {
    const { chat, asked, request } = createClientWorld(
      script(refusedConnection, refusedConnection, refusal(500, "ERR_EXCEPTION")),
    );
    expect(await chat.mint("alice", request())).toMatchObject({ error: { reason: "upstream-fault", retryAfter: 5 } });
    expect(asked.length).toBe(ATTEMPTS);
  });

  test("is given up if the second attempt is refused", async () => {
    const { chat, asked, request } = createClientWorld(
      script(refusedConnection, refusal(404, "ERR_UID_NOT_FOUND"), good),
    );
    expect(await chat.mint("alice", request())).toMatchObject({ error: { reason: "upstream-uid-unknown" } });
    expect(asked.length).toBe(2);
  });

  test("is repeated after a random pause, whose longest time doubles", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 2, maxLength: 2 }),
        async (draws) => {
          const pauses = await pausesWith(draws);
          expect(pauses.length).toBe(ATTEMPTS - 1);
          for (const [n, pause] of pauses.entries()) {
            expect(pause).toBe((draws[n] ?? 0) * BACKOFF_MS * 2 ** n);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test("is given up at once if the pause would be longer than the request's time", async () => {
    const { chat, asked, request } = createClientWorld(script(refusedConnection), { random: () => 0.999 });
    const begun = Date.now();
    expect(await chat.mint("alice", request(250))).toMatchObject({ error: { reason: "upstream-unreachable" } });
    expect(asked.length).toBe(1);
    expect(Date.now() - begun).toBe(0);
  });
});

/** The times of the pauses between attempts, without waiting for them. */
async function pausesWith(draws: readonly number[]): Promise<number[]> {
  const pauses: number[] = [];
  const real = globalThis.setTimeout;
  globalThis.setTimeout = ((done: () => void, ms: number) => {
    pauses.push(ms);
    queueMicrotask(done);
  }) as unknown as typeof setTimeout;
  try {
    let drawn = 0;
    const send = createSend(
      async () => ({ result: fail("upstream-fault"), temporary: true }),
      { permit: () => ({ report: () => undefined }), admits: () => true },
      { observe: () => undefined, wait: () => 0, hasRoom: () => true },
      { random: () => draws[drawn++] ?? 0 },
    );
    const context = { ...createClientWorld(never).request(), deadline: deadline(8_000, () => 0) };
    await send({ method: "GET", path: "/", read: () => true }, context);
    return pauses;
  } finally {
    globalThis.setTimeout = real;
  }
}

describe("a call to CometChat without an answer", () => {
  const hanging: [string, () => Promise<Response>][] = [
    ["no answer, also after it is aborted", never],
    ["headers, and then silence", async () => new Response(new ReadableStream())],
    ["a byte at a time", async () => new Response(drip())],
  ];

  test.each(hanging)("is repeated once, and ends with the request's time: %s", async (_, answer) => {
    const { chat, asked, request } = createClientWorld(answer);
    const begun = Date.now();
    expect(await chat.mint("alice", request(1_200))).toMatchObject({
      error: { reason: "upstream-timeout", retryAfter: 5 },
    });
    expect(Date.now() - begun).toBe(1_200);
    expect(asked.length).toBe(2);
    // Both calls are aborted.
    expect(asked.every(({ init }) => init.signal?.aborted)).toBe(true);
  });

  test.each(hanging)("is repeated, and the second attempt returns the token: %s", async (_, answer) => {
    const { chat, request } = createClientWorld(script(answer, good));
    expect(await chat.mint("alice", request(1_200))).toEqual({ ok: true, value: token });
  });

  test("has less than half of the request's time at first, and then all the rest", async () => {
    const slow = () => new Promise<Response>((resolve) => setTimeout(() => resolve(good.clone()), 320));
    const { chat, asked, request } = createClientWorld(script(slow));
    expect(await chat.mint("alice", request(800))).toEqual({ ok: true, value: token });
    expect(asked.length).toBe(1);
    const tight = createClientWorld(script(slow));
    expect(await tight.chat.mint("alice", tight.request(600))).toMatchObject({ error: { reason: "upstream-timeout" } });
    expect(tight.asked.length).toBe(2);
  });

  test("leaves no timer behind", async () => {
    const set = new Set<unknown>();
    const [realSet, realClear] = [globalThis.setTimeout, globalThis.clearTimeout];
    globalThis.setTimeout = ((done: () => void, ms: number) => {
      const timer = realSet(() => {
        set.delete(timer);
        done();
      }, ms);
      set.add(timer);
      return timer;
    }) as typeof setTimeout;
    globalThis.clearTimeout = ((timer: Parameters<typeof clearTimeout>[0]) => {
      set.delete(timer);
      realClear(timer);
    }) as typeof clearTimeout;
    try {
      const { chat, request } = createClientWorld(script(refusedConnection, new Response(null, { status: 503 }), good));
      await chat.mint("alice", request());
      const hung = createClientWorld(never);
      await hung.chat.mint("alice", hung.request(100));
      expect(set.size).toBe(0);
    } finally {
      globalThis.setTimeout = realSet;
      globalThis.clearTimeout = realClear;
    }
  });
});

function drip(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      controller.enqueue(new Uint8Array([0x20]));
    },
  });
}

describe("after a call to CometChat whose answer is lost,", () => {
  const lossy = ["drop", "cut", "truncated", "partial", "silence"] as const;

  test.each(lossy)("a create ends with one user and a token that works: %s", async (kind) => {
    const { chat, simulator, request } = createSimulatedWorld();
    simulator.faults.add({ match: "create", times: 1, effect: { kind } });
    const result = await chat.create("alice", { name: "Alice" }, { withAuthToken: true }, request(600));
    if (!result.ok) throw new Error(result.error.reason);
    expect(simulator.users().length).toBe(1);
    expect(simulator.tokens("alice")).toContain(result.value.authToken);
    expect(simulator.journal.entries.map(({ call }) => call)).toEqual(["create", "create", "mint"]);
  });

  test("and only then, a create of a uid that exists mints a token", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    simulator.seed({ uid: "alice" });
    const result = await chat.create("alice", { name: "Alice" }, { withAuthToken: true }, request());
    expect(result).toMatchObject({ error: { reason: "upstream-uid-exists" } });
    expect(simulator.journal.calls()).toBe(1);
  });

  test("the uid of a deactivated user still counts as existing", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    simulator.seed({ uid: "gone", deactivatedAt: 1 });
    simulator.faults.add({ match: "create", times: 1, effect: { kind: "reset" } });
    const result = await chat.create("gone", { name: "Gone" }, { withAuthToken: true }, request());
    expect(result).toMatchObject({ error: { reason: "upstream-uid-exists" } });
  });

  test.each(lossy)("a mint returns a second token: %s", async (kind) => {
    const { chat, simulator, request } = createSimulatedWorld();
    simulator.seed({ uid: "alice" });
    simulator.faults.add({ match: "mint", times: 1, effect: { kind } });
    const result = await chat.mint("alice", request(600));
    if (!result.ok) throw new Error(result.error.reason);
    expect(simulator.tokens("alice").length).toBe(2);
    expect(simulator.tokens("alice")[0]).toBe(result.value);
  });

  test.each(["revoke", "flush", "deactivate", "reactivate", "update"] as const)(
    "a %s is repeated, with the same result",
    async (call) => {
      const { chat, simulator, request } = createSimulatedWorld();
      simulator.seed({ uid: "alice", ...(call === "reactivate" ? { deactivatedAt: 1 } : {}) });
      const existing = simulator.mint("alice");
      simulator.faults.add({ match: call, times: 1, effect: { kind: "drop" } });
      const results = {
        revoke: () => chat.revoke("alice", existing, request()),
        flush: () => chat.flush("alice", request()),
        deactivate: () => chat.deactivate("alice", request()),
        reactivate: () => chat.reactivate("alice", request()),
        update: () => chat.update("alice", { name: "Alice" }, [], request()),
      };
      expect(await results[call]()).toMatchObject({ ok: true });
      expect(simulator.journal.calls({ call })).toBe(2);
    },
  );
});

describe("after a 429 of CometChat,", () => {
  const limited = (headers: Record<string, string> = {}) => refusal(429, "ERR_TOO_MANY_REQUESTS", undefined, headers);
  const date = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();

  test.each([
    ["seconds", () => "30", 30, 30],
    ["zero seconds", () => "0", 1, 1],
    ["a date", () => date(20), 19, 20],
    ["a date that has passed", () => date(-20), 1, 1],
    ["nothing", () => undefined, 15, 15],
    ["a word", () => "soon", 15, 15],
    ["a negative number", () => "-5", 15, 15],
    ["the name of a day", () => "Monday", 15, 15],
    ["a billion seconds", () => "1000000000", 60, 60],
    ["a number of another form", () => "1e9", 15, 15],
    ["a number of 400 digits", () => "9".repeat(400), 60, 60],
    ["the year 9999", () => "Fri, 31 Dec 9999 23:59:59 GMT", 60, 60],
  ])("callers wait for the time in Retry-After, of at most a minute: %s", async (_, header, least, most) => {
    const value = header();
    const { chat, asked, request } = createClientWorld(
      script(limited(value === undefined ? {} : { "retry-after": value })),
    );
    const result = await chat.mint("alice", request());
    expect(result).toMatchObject({ error: { reason: "upstream-limited", retryAfter: expect.any(Number) } });
    if (result.ok) return;
    expect(result.error.retryAfter).toBeGreaterThanOrEqual(least);
    expect(result.error.retryAfter).toBeLessThanOrEqual(most);
    // The call is not repeated within the request.
    expect(asked.length).toBe(1);
  });

  test("no call is made to that app for this time, and callers get the time that is left", async () => {
    const fetch = script(limited({ "retry-after": "10" }), good);
    const { chat, asked, advance, request } = createClientWorld(fetch);
    const other = createClientWorld(script(good), { on: { ...app, name: "other", appId: "app2" } });
    await chat.mint("alice", request());
    advance(3_500);
    expect(await chat.mint("alice", request())).toEqual({
      ok: false,
      error: { reason: "upstream-limited", retryAfter: 7 },
    });
    expect(await chat.create("bob", { name: "Bob" }, { withAuthToken: true }, request())).toMatchObject({
      error: { reason: "upstream-limited", retryAfter: 7 },
    });
    expect(asked.length).toBe(1);
    expect(await other.chat.mint("alice", other.request())).toMatchObject({ ok: true });
    advance(6_600);
    expect(await chat.mint("alice", request())).toEqual({ ok: true, value: token });
    expect(asked.length).toBe(2);
  });

  test("the circuit breaker stays closed, also if there are twenty of them", async () => {
    const { chat, advance, request } = createClientWorld(
      script(...Array(20).fill(limited({ "retry-after": "1" })), good),
    );
    for (let n = 0; n < 20; n++) {
      await chat.mint("alice", request());
      advance(1_000);
    }
    expect(await chat.mint("alice", request())).toMatchObject({ ok: true });
  });
});

describe("calls that can wait, do so near CometChat's rate limit:", () => {
  const answer = (headers: Record<string, string>) => json(200, { data: { uid: "alice", authToken: token } }, headers);
  const soon = () => String(Math.ceil(Date.now() / 1000) + 30);

  test.each([
    ["plenty", { "x-ratelimit-limit": "10000", "x-ratelimit-remaining": "1001" }, true],
    ["a tenth", { "x-ratelimit-limit": "10000", "x-ratelimit-remaining": "1000" }, false],
    ["a tenth, in the other spelling", { "x-rate-limit": "500", "x-rate-limit-remaining": "50" }, false],
    ["nothing", { "x-ratelimit-limit": "500", "x-ratelimit-remaining": "0" }, false],
    ["50 of an unknown number", { "x-rate-limit-remaining": "50" }, false],
    ["51 of an unknown number", { "x-rate-limit-remaining": "51" }, true],
    ["no headers", {}, true],
    ["wrong values", { "x-ratelimit-remaining": "few", "x-ratelimit-limit": "-1" }, true],
  ])("%s left", async (_, headers, hasRoom) => {
    const { chat, request } = createClientWorld(script(answer(headers as unknown as Record<string, string>)));
    expect(chat.hasRoom()).toBe(true);
    expect(await chat.mint("alice", request())).toMatchObject({ ok: true });
    expect(chat.hasRoom()).toBe(hasRoom);
  });

  test("until the limit is reset, and never longer than a minute", async () => {
    const low = { "x-ratelimit-limit": "500", "x-ratelimit-remaining": "3" };
    const usual = createClientWorld(script(answer({ ...low, "x-ratelimit-reset": soon() })));
    await usual.chat.mint("alice", usual.request());
    usual.advance(29_000);
    expect(usual.chat.hasRoom()).toBe(false);
    usual.advance(2_100);
    expect(usual.chat.hasRoom()).toBe(true);

    const absurd = createClientWorld(script(answer({ ...low, "x-ratelimit-reset": "99999999999" })));
    await absurd.chat.mint("alice", absurd.request());
    expect(absurd.chat.hasRoom()).toBe(false);
    absurd.advance(10_100);
    expect(absurd.chat.hasRoom()).toBe(true);
  });

  test("although other kinds of calls are far from their limit", async () => {
    const low = answer({ "x-ratelimit-limit": "10000", "x-ratelimit-remaining": "3" });
    const { chat, request } = createClientWorld(
      script(low, answer({ "x-ratelimit-limit": "20000", "x-ratelimit-remaining": "19999" })),
    );
    await chat.mint("alice", request());
    await chat.mint("alice", request());
    expect(chat.hasRoom()).toBe(false);
  });

  test("with the simulator's limit, in each spelling of the headers", async () => {
    for (const rateHeaders of ["X-RateLimit-*", "X-Rate-Limit-*", "both"] as const) {
      const { chat, simulator, request } = createSimulatedWorld({
        rateHeaders,
        rateLimits: { core: 10, standard: 100, import: 1 },
      });
      simulator.seed({ uid: "alice" });
      for (let n = 0; n < 9; n++) {
        expect(chat.hasRoom()).toBe(true);
        await chat.mint("alice", request());
      }
      expect(chat.hasRoom()).toBe(false);
      await chat.mint("alice", request());
      expect(await chat.mint("alice", request())).toMatchObject({ error: { reason: "upstream-limited" } });
    }
  });
});
