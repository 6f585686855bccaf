import { afterEach, describe, expect, it, vi } from "vitest";
import { type ChatUser, GatewayError, type GatewayErrorCode } from "../../../src/client/index.ts";
import type { Region } from "../../../src/cometchat/fields.ts";
import type { Code } from "../../../src/errors.ts";
import { app, failure, gate, NOW, problem, rest, session, well } from "./app.ts";

const OFFLINE = new TypeError("Failed to fetch");
const unavailable = (headers?: Record<string, string>) => problem(503, "cometchat-unavailable", headers);
const five = <T>(make: () => T): T[] => Array.from({ length: 5 }, make);

describe("a request of the client is repeated", () => {
  it.each([
    ["a 429", () => problem(429, "rate-limited")],
    ["a 503", () => problem(503, "keys-unavailable")],
    ["a 504", () => problem(504, "cometchat-timeout")],
    ["a 503 of a proxy", () => new Response("<h1>Unavailable</h1>", { status: 503 })],
    ["a failed connection", () => OFFLINE],
    ["an answer that is cut off", () => new Response('{"authToken":"t', { status: 201 })],
    ["a page of the network", () => new Response("<title>Welcome to our Wi-Fi</title>", { status: 200 })],
    ["an answer without a token", () => Response.json({}, { status: 201 })],
  ])("after %s", async (_, answer) => {
    const { chat, answers, journal } = app();
    answers.push(answer(), answer());
    await chat.signIn();
    expect(journal).toEqual([
      ...["POST /v1/token", "pause", "POST /v1/token", "pause", "POST /v1/token"],
      expect.stringMatching(/^login/),
    ]);
    expect(chat.state.status).toBe("signed-in");
  });

  it("with the session that the app has by then", async () => {
    const own = app();
    own.answers.push(
      () => {
        own.session = session("bob");
        return unavailable();
      },
      (call) => well(call),
    );
    expect(await own.chat.signIn()).toMatchObject({ uid: "bob" });
    expect(own.sent.map((call) => call.session)).toEqual([session("alice"), session("bob")]);
  });

  it("until there were five attempts, and then fails with the last error", async () => {
    const { chat, answers, journal, pauses } = app();
    answers.push(...five(() => unavailable()));
    const error = await failure(chat.signIn());
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({
      name: "GatewayError",
      code: "cometchat-unavailable",
      status: 503,
      requestId: "id-of-cometchat-unavailable",
    });
    expect(chat.state).toEqual({ status: "failed", error });
    expect(journal.filter((entry) => entry !== "pause")).toHaveLength(5);
    expect(pauses).toHaveLength(4);
  });

  it("until there were five attempts, and then fails with the code network if nothing has answered", async () => {
    const { chat, answers } = app();
    answers.push(...five(() => OFFLINE));
    expect(await failure(chat.signIn())).toMatchObject({ code: "network", status: 0, requestId: "" });
  });

  it("after half a second, twice as long each time, of which up to a half is random", async () => {
    const waited = Array.from({ length: 4 }, () => [] as number[]);
    for (let run = 0; run < 200; run += 1) {
      const { chat, answers, pauses } = app();
      answers.push(...five(() => unavailable()));
      await failure(chat.signIn());
      pauses.forEach((ms, index) => {
        waited[index]?.push(ms);
      });
    }
    waited.forEach((some, index) => {
      const most = 500 * 2 ** index;
      expect(Math.max(...some)).toBeLessThanOrEqual(most);
      expect(Math.min(...some)).toBeGreaterThanOrEqual(most / 2);
      expect(Math.max(...some) - Math.min(...some)).toBeGreaterThan(most / 4);
    });
  });

  it.each([
    ["3", 3_000, 3],
    ["30", 30_000, 30],
    ["3600", 30_000, 3600],
    ["Tue, 24 Nov 2026 12:00:07 GMT", 7_000, 7],
    ["Tue, 24 Nov 2026 13:00:00 GMT", 30_000, 3600],
  ])("after the time in Retry-After: %s", async (header, ms, seconds) => {
    const own = app();
    own.answers.push(...five(() => unavailable({ "Retry-After": header })));
    expect(await failure(own.chat.signIn())).toMatchObject({ retryAfter: seconds });
    expect(own.pauses).toEqual([ms, ms, ms, ms]);
  });

  it.each([
    "",
    "soon",
    "0",
    "-1",
    "1.5",
    "7 May 2027",
    "Tue, 24 Nov 2026 11:00:00 GMT",
    "Tue, 99 Nov 2026 12:00:00 GMT",
  ])("after the usual time if Retry-After is not usable: %j", async (header) => {
    const { chat, answers, pauses } = app();
    answers.push(unavailable({ "Retry-After": header }));
    await chat.signIn();
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeGreaterThanOrEqual(250);
    expect(pauses[0]).toBeLessThanOrEqual(500);
  });

  it("after a timer, if the app gives no sleep function", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { chat, answers, journal } = app({ sleep: undefined as never });
    answers.push(unavailable({ "Retry-After": "7" }));
    const signingIn = chat.signIn();
    await vi.advanceTimersByTimeAsync(6_999);
    expect(journal).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await signingIn;
    expect(journal).toHaveLength(3);
  });

  it("after 20 seconds without an answer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { chat, answers, sent } = app();
    answers.push(({ init }) => new Promise((_, reject) => init.signal?.addEventListener("abort", reject)));
    const signingIn = chat.signIn();
    await vi.advanceTimersByTimeAsync(19_999);
    expect(sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await signingIn;
    expect(sent).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });
});

afterEach(() => vi.useRealTimers());

describe("a request of the client is not repeated", () => {
  it.each([
    [400, "bad-request"],
    [403, "user-deactivated"],
    [403, "origin-not-allowed"],
    [404, "not-found"],
    [500, "config-invalid"],
    [502, "cometchat-rejected"],
  ])("after a failure that a repetition would not change: %i %s", async (status, code) => {
    const { chat, answers, sent, pauses } = app();
    answers.push(problem(status, code));
    expect(await failure(chat.signIn())).toMatchObject({ code, status, requestId: `id-of-${code}` });
    expect([sent.length, pauses.length]).toEqual([1, 0]);
  });

  it.each([
    [401, "session-invalid"],
    [500, "internal"],
  ])("after an answer of a proxy, whose code is found by its status: %i is %s", async (status, code) => {
    const { chat, answers, sent } = app({ cookie: true });
    answers.push(new Response("<h1>No</h1>", { status, headers: { "X-Request-Id": "of-the-header" } }));
    expect(await failure(chat.signIn())).toMatchObject({ code, status, requestId: "of-the-header" });
    expect(sent).toHaveLength(1);
  });
});

describe("a request that is answered 401", () => {
  const expired = () => problem(401, "session-expired");
  const inTurn = (...sessions: (string | undefined)[]) => {
    const asked = { times: 0 };
    return { asked, session: () => sessions[Math.min(asked.times++, sessions.length - 1)] };
  };

  it("fails if the app still has the same session", async () => {
    const { asked, session: ask } = inTurn("one");
    const { chat, answers, sent, pauses } = app({ session: ask });
    answers.push(expired());
    expect(await failure(chat.signIn())).toMatchObject({ code: "session-expired", status: 401 });
    expect([sent.length, asked.times, pauses.length]).toEqual([1, 2, 0]);
    expect(chat.state.status).toBe("failed");
  });

  it("is repeated at once if the app has another session", async () => {
    const { session: ask } = inTurn("one", "two");
    const { chat, answers, sent, pauses } = app({ session: ask });
    answers.push(expired());
    await chat.signIn();
    expect(sent.map((call) => call.session)).toEqual(["one", "two"]);
    expect(pauses).toEqual([]);
  });

  it("fails after the second 401, with any session", async () => {
    const { session: ask } = inTurn("one", "two", "three");
    const { chat, answers, sent } = app({ session: ask });
    answers.push(expired(), problem(401, "session-invalid"));
    expect(await failure(chat.signIn())).toMatchObject({ code: "session-invalid" });
    expect(sent).toHaveLength(2);
  });

  it("fails if the app no longer has a session", async () => {
    const { session: ask } = inTurn("one", undefined);
    const { chat, answers, sent } = app({ session: ask });
    answers.push(expired());
    expect(await failure(chat.signIn())).toMatchObject({ code: "session-missing" });
    expect(sent).toHaveLength(1);
  });

  it("fails at once if the session is in a cookie", async () => {
    const { chat, answers, sent } = app({ cookie: true });
    answers.push(expired());
    expect(await failure(chat.signIn())).toMatchObject({ code: "session-expired" });
    expect(sent).toHaveLength(1);
  });

  it("is repeated as before if other failures come before and after", async () => {
    const { session: ask } = inTurn("one", "one", "two");
    const { chat, answers, sent } = app({ session: ask });
    answers.push(unavailable(), expired(), unavailable());
    await chat.signIn();
    expect(sent).toHaveLength(4);
  });

  it("is not expected in a repetition, since a cookie may have come by then", async () => {
    const { chat, answers } = app({ cookie: true });
    answers.push(unavailable());
    expect(await chat.signIn()).toMatchObject({ uid: "cookie" });
  });
});

describe("an app without a session", () => {
  it.each([undefined, null, ""])("sends no request: %j", async (none) => {
    const { chat, sent, pauses } = app({ session: () => none });
    expect(await failure(chat.signIn())).toMatchObject({ code: "session-missing", status: 401 });
    expect([sent.length, pauses.length]).toEqual([0, 0]);
  });

  it.each([
    ["rejects", async () => Promise.reject(new Error("offline"))],
    [
      "throws",
      () => {
        throw new Error("offline");
      },
    ],
  ])("is asked again while its function %s", async (_, ask) => {
    const { chat, sent, pauses } = app({ session: ask });
    expect(await failure(chat.signIn())).toMatchObject({ code: "network" });
    expect([sent.length, pauses.length]).toEqual([0, 4]);
  });

  it("is waited for", async () => {
    const slow = gate<string>();
    const { chat, sent } = app({ session: () => slow.promise });
    const signingIn = chat.signIn();
    await rest();
    expect(sent).toHaveLength(0);
    slow.open(session("alice"));
    expect(await signingIn).toMatchObject({ uid: "alice" });
  });
});

/** The compiler checks these two: `npm run check`. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;

it("the client's type of error codes has every code of the gateway, and two more", () => {
  type Own = "network" | "aborted";
  const same: Same<GatewayErrorCode, Code | Own> = true;
  expect(same).toBe(true);
});

it("the client's type of regions has every region of CometChat", () => {
  const same: Same<ChatUser["region"], Region> = true;
  expect(same).toBe(true);
});

it("the dates in this file's Retry-After are compared with the clock of the test", () => {
  expect(new Date(NOW).toUTCString()).toBe("Tue, 24 Nov 2026 12:00:00 GMT");
});
