import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apiKey, createClientWorld, createSimulatedWorld, script } from "../../support/client.ts";

describe("the client of CometChat's API", () => {
  test("creates a user with its profile, and returns a token from the same call", async () => {
    const { chat, simulator, request } = createSimulatedWorld({ roles: ["moderator"] });
    const profile = {
      name: "Alice",
      avatar: "https://example.com/a.png",
      link: "https://example.com/a",
      role: "moderator",
      tags: ["staff"],
      metadata: { plan: "pro" },
    };
    const result = await chat.create("alice", profile, { withAuthToken: true }, request());
    expect(result).toMatchObject({ ok: true });
    expect(result.ok && simulator.tokens("alice")).toEqual([result.ok && result.value.authToken]);
    expect(simulator.user("alice")).toMatchObject(profile);
    expect(simulator.journal.calls()).toBe(1);
  });

  test("creates a user without a token", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    expect(await chat.create("alice", { name: "Alice" }, { withAuthToken: false }, request())).toEqual({
      ok: true,
      value: { authToken: undefined },
    });
    expect(simulator.tokens("alice")).toEqual([]);
  });

  test("mints a new token each time, since an old one belongs to another device", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    simulator.seed({ uid: "alice" });
    const first = await chat.mint("alice", request());
    const second = await chat.mint("alice", request());
    expect(first.ok && second.ok && first.value !== second.value).toBe(true);
    expect(simulator.tokens("alice").length).toBe(2);
  });

  test("tells that a uid exists already, and that a user is missing or deactivated", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    simulator.seed({ uid: "alice" });
    simulator.seed({ uid: "gone", deactivatedAt: 1 });
    const create = (uid: string) => chat.create(uid, { name: "A" }, { withAuthToken: true }, request());
    expect(await create("alice")).toMatchObject({ error: { reason: "upstream-uid-exists" } });
    expect(await create("gone")).toMatchObject({ error: { reason: "upstream-uid-exists" } });
    expect(await chat.mint("bob", request())).toMatchObject({ error: { reason: "upstream-uid-unknown" } });
    expect(await chat.mint("gone", request())).toMatchObject({ error: { reason: "upstream-uid-unknown" } });
  });

  test("reads, updates, deactivates and reactivates a user, and tells whether it is deactivated", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    simulator.seed({ uid: "alice", name: "Alice", avatar: "https://example.com/a.png" });
    expect(await chat.get("alice", request())).toMatchObject({ ok: true, value: { uid: "alice", name: "Alice" } });
    const changed = await chat.update("alice", { name: "Alice B." }, ["avatar"], request());
    expect(changed).toMatchObject({ ok: true, value: { name: "Alice B." } });
    expect(simulator.user("alice")).not.toHaveProperty("avatar");

    expect(await chat.isDeactivated("alice", request())).toEqual({ ok: true, value: false });
    expect(await chat.deactivate("alice", request())).toEqual({ ok: true, value: undefined });
    expect(simulator.user("alice")?.deactivatedAt).toBeGreaterThan(0);
    expect(await chat.isDeactivated("alice", request())).toEqual({ ok: true, value: true });
    expect(await chat.deactivate("alice", request())).toEqual({ ok: true, value: undefined });

    for (const reactivationKey of ["nonDeactivatedUids", "reactivatedUids"] as const) {
      simulator.set({ reactivationKey });
      expect(await chat.reactivate("alice", request())).toEqual({ ok: true, value: undefined });
    }
    expect(await chat.mint("alice", request())).toMatchObject({ ok: true });
  });

  test("tells that a user to deactivate is unknown, unless it is deactivated already", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    expect(await chat.deactivate("nobody", request())).toMatchObject({ error: { reason: "upstream-uid-unknown" } });
    simulator.seed({ uid: "gone", deactivatedAt: 1 });
    simulator.faults.add({ match: "deactivate", effect: { kind: "error", code: "ERR_UID_NOT_FOUND" } });
    expect(await chat.deactivate("gone", request())).toEqual({ ok: true, value: undefined });
  });

  test("does not confuse a deactivated user with others whose uids begin alike", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    for (let n = 0; n < 45; n++) simulator.seed({ uid: `al${n}`, deactivatedAt: 1 });
    expect(await chat.isDeactivated("al", request())).toEqual({ ok: true, value: false });
    simulator.seed({ uid: "al", deactivatedAt: 1 });
    expect(await chat.isDeactivated("al", request())).toEqual({ ok: true, value: true });
  });

  test("revokes one token or all, but only the user's own, and without telling about others", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    simulator.seed({ uid: "alice" });
    simulator.seed({ uid: "bob" });
    const [first, second] = [simulator.mint("alice"), simulator.mint("alice")];
    const bobs = simulator.mint("bob");
    expect(await chat.revoke("alice", first, request())).toEqual({ ok: true, value: undefined });
    expect(simulator.tokens("alice")).toEqual([second]);
    expect(await chat.revoke("alice", bobs, request())).toEqual({ ok: true, value: undefined });
    expect(await chat.revoke("alice", "alice_of_nobody", request())).toEqual({ ok: true, value: undefined });
    expect(await chat.revoke("nobody", first, request())).toMatchObject({ error: { reason: "upstream-uid-unknown" } });
    expect(simulator.tokens("bob")).toEqual([bobs]);
    expect(await chat.flush("alice", request())).toEqual({ ok: true, value: undefined });
    expect(simulator.tokens("alice")).toEqual([]);
    expect(await chat.flush("nobody", request())).toMatchObject({ error: { reason: "upstream-uid-unknown" } });
  });

  test("sends the API key and the headers of JSON, and no other header", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    await chat.create("alice", { name: "Alice" }, { withAuthToken: true }, request());
    await chat.get("alice", request());
    expect(simulator.journal.entries.map((entry) => entry.headers)).toEqual([
      ["accept", "apikey", "content-type"],
      ["accept", "apikey"],
    ]);
  });
});

describe("a role that CometChat does not have", () => {
  const admin = { name: "Alice", role: "admin" };

  test.each([
    ["an error code of its own", { kind: "error", code: "ERR_ROLE_NOT_FOUND" } as const],
    ["a failed validation", undefined],
  ])("does not prevent that a user is created: CometChat answers with %s", async (_, effect) => {
    const { chat, simulator, lines, request } = createSimulatedWorld();
    if (effect) simulator.faults.add({ match: "create", times: 1, effect });
    const result = await chat.create("alice", admin, { withAuthToken: true }, request());
    expect(result).toMatchObject({ ok: true, value: { authToken: expect.any(String) } });
    expect(simulator.user("alice")).toMatchObject({ role: "default" });
    expect(simulator.journal.calls()).toBe(2);
    expect(lines).toEqual([
      { event: "cometchat-role-unknown", app: "main", role: "admin", remedy: expect.stringContaining("role") },
    ]);
  });

  test("is left out for a while, so that the next users need one call and no log line, and is then tried again", async () => {
    const { chat, simulator, lines, advance, request } = createSimulatedWorld();
    const create = (uid: string) => chat.create(uid, admin, { withAuthToken: true }, request());
    await create("alice");
    expect(await create("bob")).toMatchObject({ ok: true });
    expect(chat.hasRole("admin")).toBe(false);
    expect(simulator.journal.calls()).toBe(3);
    expect(lines.length).toBe(1);

    simulator.set({ roles: ["admin"] });
    advance(300_000);
    expect(chat.hasRole("admin")).toBe(true);
    expect(await create("carol")).toMatchObject({ ok: true });
    expect(simulator.user("carol")).toMatchObject({ role: "admin" });
  });

  test("is logged once, however many users have it at the same time", async () => {
    const { chat, lines, request } = createSimulatedWorld();
    const create = (uid: string) => chat.create(uid, admin, { withAuthToken: true }, request());
    const results = await Promise.all([create("alice"), create("bob"), create("carol")]);
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect(lines.length).toBe(1);
  });

  test("is an error for a caller who changes a user's role", async () => {
    const { chat, simulator, request } = createSimulatedWorld();
    simulator.seed({ uid: "alice" });
    expect(await chat.update("alice", admin, [], request())).toMatchObject({ error: { reason: "upstream-role" } });
  });
});

describe("the address of a call to CometChat", () => {
  const shown = (text: string): [string, string] => [JSON.stringify(text).slice(0, 30), text];
  const hostile = ["", ".", "..", "a/b", "a b", "A", "ä", "a%2fb", "a?x=1", "a#b", "\ud800", "a\r\nb", "x".repeat(101)];

  test.each(hostile.map(shown))("never contains anything but a uid: for %s nothing is called", async (_, uid) => {
    const { chat, asked, request } = createClientWorld(script(new Error("called")));
    const refused = { ok: false, error: { reason: "uid-form" } };
    expect(await chat.create(uid, { name: "A" }, { withAuthToken: true }, request())).toEqual(refused);
    expect(await chat.mint(uid, request())).toEqual(refused);
    expect(await chat.get(uid, request())).toEqual(refused);
    expect(await chat.update(uid, {}, [], request())).toEqual(refused);
    expect(await chat.deactivate(uid, request())).toEqual(refused);
    expect(await chat.reactivate(uid, request())).toEqual(refused);
    expect(await chat.isDeactivated(uid, request())).toEqual(refused);
    expect(await chat.revoke(uid, "t", request())).toEqual(refused);
    expect(await chat.flush(uid, request())).toEqual(refused);
    expect(asked).toEqual([]);
  });

  test.each(
    ["", ".", "..", "...", "a/..", "a/../../users", "%2e%2e", "a b", "a?b", "a#b", "\ud800", "t".repeat(1025)].map(
      shown,
    ),
  )("never contains anything but a token: for %s nothing is called", async (_, token) => {
    const { chat, asked, request } = createClientWorld(script(new Error("called")));
    expect(await chat.revoke("alice", token, request())).toEqual({ ok: true, value: undefined });
    expect(asked).toEqual([]);
  });

  test("is always one of that user's tokens, whatever a caller sends as a token", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."./%2eaA~_-+=\\") })),
        async (token) => {
          const { chat, asked, request } = createClientWorld(script(new Response(null, { status: 204 })));
          await chat.revoke("alice", token, request());
          for (const { url } of asked) {
            const { pathname, search } = new URL(url);
            expect(pathname).toMatch(/^\/v3\/users\/alice\/auth_tokens\/[^/]+$/);
            expect(search).toBe("");
          }
        },
      ),
    );
  });
});

test("no error and no log line has the API key, a token, or a text of CometChat's in it", async () => {
  const secret = "alice_17000000000123456789abcdef0123456789abcd";
  const text = "a text of CometChat's";
  const answers = [
    ...[400, 401, 402, 403, 404, 417, 429, 500].map(
      (status) => () =>
        Response.json(
          { error: { code: `ERR_${text}`, message: `${text} ${apiKey} ${secret}`, details: { [text]: [secret] } } },
          { status },
        ),
    ),
    () => new Response(`${text} ${apiKey} ${secret}`),
    () => Promise.reject(new TypeError(`fetch failed: https://x/users/alice/auth_tokens/${secret} ${apiKey}`)),
    () => Response.json({ data: { uid: text, authToken: secret } }),
  ];
  for (const answer of answers) {
    const { chat, lines, request } = createClientWorld(script(answer));
    const results = [
      await chat.create("alice", { name: "Alice", role: "admin" }, { withAuthToken: true }, request()),
      await chat.mint("alice", request()),
      await chat.revoke("alice", secret, request()),
      await chat.get("alice", request()),
    ];
    expect(results.filter((result) => result.ok).length).toBeLessThan(2);
    const kept = JSON.stringify([results, lines]);
    for (const word of [apiKey, secret, text]) expect(kept).not.toContain(word);
  }
});
