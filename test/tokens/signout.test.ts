import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Deps } from "../../src/context.ts";
import { sessionDigest } from "../../src/kv.ts";
import { REQUEST_MS } from "../../src/limits.ts";
import { faultyLedger, never } from "../support/faults.ts";
import { alarmOf, createRecordingWorld, ledgerOf, request, restoreAfterEach } from "../support/ledger.ts";
import { virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, ISSUER, type ProblemAnswer, type World } from "../support/world.ts";

restoreAfterEach();

const tokenOf = async (response: Response) => (await bodyOf(response)).authToken;
const codeOf = async (response: Response) => (await bodyOf<ProblemAnswer>(response)).code;
const calls = ({ simulator }: World) => simulator.journal.entries.map(({ call }) => call);

/** One user with two devices, each with a session of its own. */
async function twoDevices(world: World) {
  const phone = await world.provider.issue({ subject: "alice", claims: { jti: "phone" } });
  const laptop = await world.provider.issue({ subject: "alice", claims: { jti: "laptop" } });
  const onPhone = await tokenOf(await world.signIn(phone));
  const onLaptop = await tokenOf(await world.signIn(laptop));
  return { phone, laptop, onPhone, onLaptop };
}

describe("a sign-out (DELETE /v1/token)", () => {
  virtualTime();

  it("revokes the tokens of this session, and of no other device", async () => {
    const world = createRecordingWorld();
    const { phone, onPhone, onLaptop } = await twoDevices(world);
    const second = await tokenOf(await world.signIn(phone));
    const response = await world.call("/v1/token", request("DELETE", phone));
    expect(response.status).toBe(204);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(world.simulator.tokens("alice")).toEqual([onLaptop]);
    expect([onPhone, second]).not.toContain(onLaptop);
  });

  it("calls CometChat once for each token, since the alarm comes later than the call's end", async () => {
    const base = createRecordingWorld();
    const { phone } = await twoDevices(base);
    let alarm: number | null = null;
    const fetch: Deps["fetch"] = async (input, init) => {
      alarm = await alarmOf();
      return base.fetch(input, init);
    };
    const begun = Date.now();
    const world = createRecordingWorld({ deps: { fetch } });
    expect((await world.call("/v1/token", request("DELETE", phone))).status).toBe(204);
    expect(calls(base).filter((call) => call === "revoke")).toHaveLength(1);
    // No request waits for CometChat for so long.
    expect(alarm).toBeGreaterThan(begun + REQUEST_MS);
  });

  it("revokes the token that the body names", async () => {
    const world = createRecordingWorld();
    const { phone, onPhone, onLaptop } = await twoDevices(world);
    expect((await world.call("/v1/token", request("DELETE", phone, { authToken: onPhone }))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([onLaptop]);
  });

  it("needs the token in the body if none are recorded", async () => {
    const world = createWorld();
    const session = await world.provider.issue({ subject: "alice" });
    const token = await tokenOf(await world.signIn(session));
    const without = await world.call("/v1/token", request("DELETE", session));
    expect(without.status).toBe(400);
    expect(await bodyOf<ProblemAnswer>(without)).toMatchObject({ code: "bad-request", detail: expect.any(String) });
    expect((await world.call("/v1/token", request("DELETE", session, { authToken: token }))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("does not revoke another user's token, and answers as if the token were unknown", async () => {
    const world = createRecordingWorld();
    const mine = await world.provider.issue({ subject: "a" });
    await world.signIn(mine);
    const theirs = await tokenOf(await world.signIn({ subject: "a_b" }));
    const refused = await world.call("/v1/token", request("DELETE", mine, { authToken: theirs }));
    const unknown = await world.call("/v1/token", request("DELETE", mine, { authToken: "a_1700000000abcdef" }));
    expect([refused.status, unknown.status]).toEqual([204, 204]);
    expect([...refused.headers.keys()]).toEqual([...unknown.headers.keys()]);
    expect(world.simulator.tokens("a_b")).toEqual([theirs]);
  });

  it.each(["..", ".", "../../x", "a/b", "a?b", "", "a b", "é", "x".repeat(1025), 1, null])(
    "refuses a token that could change an address: %o",
    async (authToken) => {
      const world = createRecordingWorld();
      const session = await world.provider.issue({ subject: "alice" });
      const own = await tokenOf(await world.signIn(session));
      const response = await world.call("/v1/token", request("DELETE", session, { authToken }));
      expect(response.status).toBe(400);
      expect(await codeOf(response)).toBe("bad-request");
      expect(world.simulator.tokens("alice")).toEqual([own]);
    },
  );

  it("succeeds for a user who does not exist in CometChat", async () => {
    const world = createRecordingWorld();
    const session = await world.provider.issue({ subject: "nobody" });
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect(world.simulator.user("nobody")).toBeUndefined();
  });

  it("fails while CometChat is down, and is completed by the alarm", async () => {
    const world = createRecordingWorld();
    const { phone, onLaptop } = await twoDevices(world);
    const down = world.simulator.faults.add({
      match: "revoke",
      effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" },
    });
    const failed = await world.call("/v1/token", request("DELETE", phone));
    expect(failed.status).toBe(503);
    expect(world.simulator.tokens("alice")).toHaveLength(2);
    // The alarm revokes the token, also after the platform has evicted the object.
    world.simulator.faults.remove(down);
    await evictDurableObject(ledgerOf("alice"));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([onLaptop]);
    expect(await alarmOf()).toBeNull();
  });

  it("answers cometchat-timeout if CometChat does not answer in time", async () => {
    const world = createRecordingWorld({ env: { REQUEST_TIMEOUT_MS: 1500 } });
    const { phone } = await twoDevices(world);
    world.simulator.faults.add({ match: "revoke", effect: { kind: "hang" } });
    const response = await world.call("/v1/token", request("DELETE", phone));
    expect([response.status, await codeOf(response)]).toEqual([504, "cometchat-timeout"]);
  });

  it("is tried again at least every hour while CometChat is down", async () => {
    const world = createRecordingWorld();
    const { phone } = await twoDevices(world);
    world.simulator.faults.add({ match: "revoke", effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" } });
    await world.call("/v1/token", request("DELETE", phone));
    let now = Date.now();
    for (let night = 0; night < 10; night += 1) {
      now += 3_700_000;
      vi.useFakeTimers({ toFake: ["Date"], now });
      await runDurableObjectAlarm(ledgerOf("alice"));
      const alarm = await alarmOf();
      expect(alarm).toBeGreaterThan(now);
      expect(alarm).toBeLessThanOrEqual(now + 3_600_000 + 1000);
    }
  });

  it("revokes a token of its session that is recorded after it", async () => {
    const world = createRecordingWorld();
    const session = await world.provider.issue({ subject: "alice", claims: { jti: "phone" } });
    await world.signIn(session);
    await world.call("/v1/token", request("DELETE", session));
    // An earlier sign-in of the same session was answered before the sign-out, and is recorded now.
    const token = world.simulator.mint("alice");
    const minted = { app: "main", token, session: await sessionDigest(ISSUER, "phone"), name: null };
    await ledgerOf("alice").record("alice", { ...minted, mintedAt: Date.now() - 5000, expiresAt: null });
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("a sign-out everywhere (DELETE /v1/tokens)", () => {
  it("revokes every token of the user, also of other sessions", async () => {
    const world = createRecordingWorld();
    const { phone } = await twoDevices(world);
    world.simulator.mint("alice");
    expect((await world.call("/v1/tokens", request("DELETE", phone))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    // The session itself is still valid, so it can get a new token.
    expect((await world.signIn(phone)).status).toBe(201);
  });

  it("works if no tokens are recorded", async () => {
    const world = createWorld();
    const session = await world.provider.issue({ subject: "alice" });
    await world.signIn(session);
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("fails while CometChat is down, and is completed by the alarm", async () => {
    const world = createRecordingWorld();
    const { phone } = await twoDevices(world);
    const down = world.simulator.faults.add({
      match: "flush",
      effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" },
    });
    expect((await world.call("/v1/tokens", request("DELETE", phone))).status).toBe(503);
    world.simulator.faults.remove(down);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("refuses a body with anything in it", async () => {
    const world = createRecordingWorld();
    const session = await world.provider.issue({ subject: "alice" });
    const response = await world.call("/v1/tokens", request("DELETE", session, { uid: "bob" }));
    expect(response.status).toBe(400);
  });
});

describe("while the ledger is down,", () => {
  virtualTime();

  const unreachable = faultyLedger(() => Promise.reject(new Error("overloaded")));

  it.each(["never", "session"])("a sign-in works, and a sign-out fails (reuse = %s)", async (reuse) => {
    const world = createRecordingWorld({ env: { LEDGER: unreachable, TOKENS: { reuse } } });
    const session = await world.provider.issue({ subject: "alice" });
    expect((await world.signIn(session)).status).toBe(201);
    const response = await world.call("/v1/token", request("DELETE", session));
    expect(response.status).toBe(503);
    expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
  });

  it("a sign-out everywhere works, since CometChat does it", async () => {
    const world = createRecordingWorld({ env: { LEDGER: unreachable } });
    const session = await world.provider.issue({ subject: "alice" });
    const { authToken } = await bodyOf(await world.signIn(session));
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect((await world.call("/v1/token", request("DELETE", session, { authToken }))).status).toBe(204);
  });

  it("a sign-out everywhere fails with reuse, since the ledger could give out a revoked token", async () => {
    let down = false;
    const LEDGER = faultyLedger(() => (down ? Promise.reject(new Error("overloaded")) : undefined));
    const world = createRecordingWorld({ env: { LEDGER, TOKENS: { reuse: "session" } } });
    const session = await world.provider.issue({ subject: "alice" });
    const { authToken } = await bodyOf(await world.signIn(session));
    down = true;
    const named = request("DELETE", session, { authToken });
    expect((await world.call("/v1/token", named)).status).toBe(503);
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(503);
    // The token is revoked nevertheless.
    expect(world.simulator.tokens("alice")).toEqual([]);
    down = false;
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect((await world.signIn(session)).status).toBe(201);
  });

  it("each failure is logged, also those after the answer", async () => {
    const world = createRecordingWorld({ env: { LEDGER: unreachable } });
    const response = await world.signIn({ subject: "alice" });
    const requestId = response.headers.get("X-Request-Id");
    expect(world.lines).toContainEqual({ event: "ledger-fault", retryable: false, overloaded: false });
    const lost = { event: "after-failed", requestId, task: "record", reason: "ledger-unavailable" };
    expect(world.lines).toContainEqual(lost);
  });

  it("a sign-out everywhere still has time for its call to CometChat, and is logged", async () => {
    let hangs = true;
    const LEDGER = faultyLedger((call) => (hangs && call === "end" ? never() : undefined));
    const world = createRecordingWorld({ env: { LEDGER, REQUEST_TIMEOUT_MS: 600 } });
    const { phone } = await twoDevices(world);
    const response = await world.ask("/v1/tokens", request("DELETE", phone));
    hangs = false;
    await world.finish();
    expect(response.status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect(world.lines).toContainEqual({ event: "ledger-fault", late: true });
  });
});

describe("the end of a token (TOKENS.ttl)", () => {
  it("is in the answer to the client, and the alarm revokes the token then", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 3600 } } });
    const before = Date.now();
    const { expiresAt } = await bodyOf(await world.signIn({ subject: "alice" }));
    const end = Date.parse(String(expiresAt));
    expect(end).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(end).toBeLessThanOrEqual(Date.now() + 3_600_000);
    expect(await alarmOf()).toBe(end);
    vi.useFakeTimers({ toFake: ["Date"], now: end - 1000 });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toHaveLength(1);
    vi.useFakeTimers({ toFake: ["Date"], now: end });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("is kept late if CometChat is down at the alarm", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    const { expiresAt } = await bodyOf(await world.signIn({ subject: "alice" }));
    const down = world.simulator.faults.add({ match: "revoke", effect: { kind: "refuse" } });
    let now = Date.parse(String(expiresAt));
    vi.useFakeTimers({ toFake: ["Date"], now });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toHaveLength(1);
    world.simulator.faults.remove(down);
    now += 60_000;
    vi.useFakeTimers({ toFake: ["Date"], now });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("is kept for a token whose key was removed, by revoking all tokens of the user", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    const { expiresAt } = await bodyOf(await world.signIn({ subject: "alice" }));
    createRecordingWorld({ env: { TOKEN_ENCRYPTION_KEY: btoa("n".repeat(32)) }, deps: { fetch: world.fetch } });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(String(expiresAt)) });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("a token in storage", () => {
  it("is never in plain text, neither in KV nor in the Durable Object", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { reuse: "session", ttl: 3600 } } });
    const { onPhone, onLaptop } = await twoDevices(world);
    const rows = await runInDurableObject(ledgerOf("alice"), (_, state) =>
      state.storage.sql.exec("SELECT * FROM minted").toArray(),
    );
    expect(rows).toHaveLength(2);
    const { keys } = await bindings.USERS.list();
    const values = await Promise.all(keys.map(({ name }) => bindings.USERS.get(name)));
    const bytes = rows.flatMap((row) => Object.values(row).map((value) => textOf(value)));
    const stored = [...keys.map(({ name }) => name), ...values, ...bytes].join("\n");
    expect(keys.filter(({ name }) => name.startsWith("v1:t:"))).toEqual([]);
    for (const token of [onPhone, onLaptop]) {
      expect(stored).not.toContain(token);
      expect(stored).not.toContain(token.slice(-16));
      expect(stored).not.toContain(btoa(token).slice(0, 20));
    }
  });
});

const textOf = (value: unknown) =>
  value instanceof ArrayBuffer ? new TextDecoder("latin1").decode(value) : String(value);

describe("many reloads on one device (TOKENS.maxPerSession)", () => {
  it("never push another device's token out of CometChat's hundred", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { maxPerSession: 5 } } });
    const { laptop, onPhone } = await twoDevices(world);
    for (let reload = 0; reload < 120; reload += 1) await world.signIn(laptop);
    expect(world.simulator.tokens("alice")).toContain(onPhone);
    expect(world.simulator.tokens("alice")).toHaveLength(6);
    expect(calls(world).filter((call) => call === "revoke").length).toBe(116);
  });

  it("push the other device's token out without this setting", async () => {
    const world = createWorld();
    const { laptop, onPhone } = await twoDevices(world);
    for (let reload = 0; reload < 120; reload += 1) await world.signIn(laptop);
    expect(world.simulator.tokens("alice")).not.toContain(onPhone);
  });
});
