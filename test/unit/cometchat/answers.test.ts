import { describe, expect, test } from "vitest";
import { ATTEMPTS } from "../../../src/limits.ts";
import { createClientWorld, createSimulatedWorld, json, script } from "../../support/client.ts";

const token = "alice_17000000000123456789abcdef0123456789abcd";
const minted = (data: unknown) => json(200, { data });
const latin1 = (chars: string) => Uint8Array.from(chars, (char) => char.charCodeAt(0));
const text =
  (body: BodyInit | null, status = 200) =>
  () =>
    new Response(body, { status });

describe("a wrong answer of CometChat", () => {
  const wrongAnswers: [string, () => Response][] = [
    ["a page", text("<!doctype html><title>Welcome to the hotel Wi-Fi</title>")],
    ["nothing", text("")],
    ["no content", text(null, 204)],
    ["half of its JSON", text(`{"data":{"uid":"alice","authToken":"${token.slice(0, 9)}`)],
    [
      "a byte that is no UTF-8, in an unused member",
      text(latin1(`{"data":{"uid":"alice","authToken":"${token}"},"more":"\xff"}`)),
    ],
    ["an empty object", () => json(200, {})],
    ["null", () => json(200, null)],
    ["a list", () => json(200, [])],
    ["empty data", () => minted({})],
    ["no token", () => minted({ uid: "alice" })],
    ["an empty token", () => minted({ uid: "alice", authToken: "" })],
    ["null as token", () => minted({ uid: "alice", authToken: null })],
    ["a number as token", () => minted({ uid: "alice", authToken: 42 })],
    ["a token with a line break", () => minted({ uid: "alice", authToken: "a\r\nb" })],
    ["a token of 2,000 characters", () => minted({ uid: "alice", authToken: "a".repeat(2000) })],
    ["another user's token", () => minted({ uid: "bob", authToken: token })],
    ["a token without a uid", () => minted({ authToken: token })],
    ["300 KB, valid", () => json(200, { data: { uid: "alice", authToken: token }, padding: "x".repeat(300 * 1024) })],
    ["a redirect", () => new Response(null, { status: 302, headers: { location: "https://elsewhere.example/" } })],
    ["not modified", text(null, 304)],
  ];

  test.each(wrongAnswers)("is never used, at a mint or a create: %s", async (_, answer) => {
    const { chat, asked, request } = createClientWorld(script(answer));
    expect(await chat.mint("alice", request())).toEqual({
      ok: false,
      error: { reason: "upstream-answer", retryAfter: expect.any(Number) },
    });
    expect(asked.length).toBe(ATTEMPTS);
    const created = await chat.create("alice", { name: "Alice" }, { withAuthToken: true }, request());
    expect(created).toMatchObject({ ok: false, error: { reason: "upstream-answer" } });
  });

  test.each(wrongAnswers)("is followed by another attempt, whose answer is used: %s", async (_, answer) => {
    const { chat, asked, request } = createClientWorld(script(answer, minted({ uid: "alice", authToken: token })));
    expect(await chat.mint("alice", request())).toEqual({ ok: true, value: token });
    expect(asked.length).toBe(2);
  });

  test("that is a redirect is not followed, since the request has the API key", async () => {
    const { chat, asked, request } = createClientWorld(
      script(() => Response.redirect("https://elsewhere.example/", 307)),
    );
    await chat.mint("alice", request());
    expect(asked.every(({ init }) => init.redirect === "manual")).toBe(true);
    expect(asked.every(({ url }) => url.startsWith("https://app1.api-us.cometchat.io/v3/"))).toBe(true);
  });

  test("of 10 MB is not read to its end", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    simulator.seed({ uid: "alice" });
    simulator.faults.add({ match: "mint", effect: { kind: "huge", bytes: 10_000_000 } });
    let pulled = 0;
    const counting = createClientWorld(async (url, init) => {
      const response = await simulator.fetch(url, init);
      const count = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          pulled += chunk.byteLength;
          controller.enqueue(chunk);
        },
      });
      return new Response(response.body?.pipeThrough(count) ?? null, response);
    });
    expect(await counting.chat.mint("alice", request())).toMatchObject({ error: { reason: "upstream-answer" } });
    // There are three attempts, each of which reads one or two chunks of 256 KB.
    expect(pulled).toBeLessThan(3 * 512 * 1024);
    expect(await chat.get("alice", request())).toMatchObject({ ok: true });
  });

  test("with a 2xx and an error is that error", async () => {
    const { chat, request } = createClientWorld(script(json(200, { error: { code: "ERR_UID_NOT_FOUND" } })));
    expect(await chat.mint("alice", request())).toMatchObject({ error: { reason: "upstream-uid-unknown" } });
  });

  test("to a revocation or flush never counts as done", async () => {
    for (const [answer, done] of [
      [json(200, { data: { success: true, message: "…" } }), true],
      [json(200, { data: {} }), true],
      [new Response(null, { status: 204 }), true],
      [json(200, { data: { success: false } }), false],
      [new Response("<h1>Welcome</h1>"), false],
      [new Response(""), false],
      [json(200, []), false],
    ] as const) {
      const { chat, request } = createClientWorld(script(answer));
      expect((await chat.revoke("alice", token, request())).ok).toBe(done);
      expect((await chat.flush("alice", request())).ok).toBe(done);
    }
  });
});

test("a user of CometChat is read with its documented fields, except those of a wrong type", async () => {
  const data = {
    uid: "alice",
    name: "Alice",
    avatar: 7,
    link: null,
    role: "default",
    tags: ["a"],
    metadata: [],
    status: "offline",
    createdAt: 1638354015,
    authToken: token,
    secretOfTomorrow: "x",
  };
  const { chat, request } = createClientWorld(script(json(200, { data })));
  const result = await chat.get("alice", request());
  if (!result.ok) throw new Error(result.error.reason);
  expect(JSON.parse(JSON.stringify(result.value))).toEqual({
    uid: "alice",
    name: "Alice",
    role: "default",
    tags: ["a"],
    status: "offline",
    createdAt: 1638354015,
  });
});

test("a user of CometChat with another uid than the requested one is a wrong answer", async () => {
  const { chat, request } = createClientWorld(script(json(200, { data: { uid: "bob", name: "Bob" } })));
  expect(await chat.get("alice", request())).toMatchObject({ error: { reason: "upstream-answer" } });
  expect(await chat.update("alice", { name: "Alice" }, [], request())).toMatchObject({
    error: { reason: "upstream-answer" },
  });
});
