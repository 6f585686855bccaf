import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Deps } from "../../src/context.ts";
import { sessionDigest } from "../../src/kv.ts";
import { REQUEST_MS } from "../../src/limits.ts";
import { faultyLedger, never } from "../support/faults.ts";
import { createRecordingWorld, ledgerOf, request, restoreAfterEach } from "../support/ledger.ts";
import { virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, ISSUER, type ProblemAnswer, type World } from "../support/world.ts";

restoreAfterEach();

const tokenOf = async (response: Response) => (await bodyOf(response)).authToken;
const codeOf = async (response: Response) => (await bodyOf<ProblemAnswer>(response)).code;
const calls = ({ simulator }: World) => simulator.journal.entries.map(({ call }) => call);

/** Two devices of one user: two sessions of the identity provider's. */
async function twoDevices(world: World) {
  const phone = await world.provider.issue({ subject: "alice", claims: { jti: "phone" } });
  const laptop = await world.provider.issue({ subject: "alice", claims: { jti: "laptop" } });
  const onPhone = await tokenOf(await world.signIn(phone));
  const onLaptop = await tokenOf(await world.signIn(laptop));
  return { phone, laptop, onPhone, onLaptop };
}

describe("signing out here", () => {
  it("ends the tokens of this session, and no other device's", async () => {
    const world = createRecordingWorld();
    const { phone, onPhone, onLaptop } = await twoDevices(world);
    const second = await tokenOf(await world.signIn(phone));
    const response = await world.call("/v1/token", request("DELETE", phone));
    expect(response.status).toBe(204);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(world.simulator.tokens("alice")).toEqual([onLaptop]);
    expect([onPhone, second]).not.toContain(onLaptop);
  });

  it("asks CometChat once for each token: the alarm that stands behind it does not come in between", async () => {
    const base = createRecordingWorld();
    const { phone } = await twoDevices(base);
    let alarm: number | null = null;
    const fetch: Deps["fetch"] = async (input, init) => {
      alarm = await runInDurableObject(ledgerOf("alice"), (_, { storage }) => storage.getAlarm());
      return base.fetch(input, init);
    };
    const begun = Date.now();
    const world = createRecordingWorld({ deps: { fetch } });
    expect((await world.call("/v1/token", request("DELETE", phone))).status).toBe(204);
    expect(calls(base).filter((call) => call === "revoke")).toHaveLength(1);
    // Later than any request waits for CometChat.
    expect(alarm).toBeGreaterThan(begun + REQUEST_MS);
  });

  it("ends the token that is named", async () => {
    const world = createRecordingWorld();
    const { phone, onPhone, onLaptop } = await twoDevices(world);
    expect((await world.call("/v1/token", request("DELETE", phone, { authToken: onPhone }))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([onLaptop]);
  });

  it("asks for the token where none are recorded", async () => {
    const world = createWorld();
    const session = await world.provider.issue({ subject: "alice" });
    const token = await tokenOf(await world.signIn(session));
    const without = await world.call("/v1/token", request("DELETE", session));
    expect(without.status).toBe(400);
    expect(await bodyOf<ProblemAnswer>(without)).toMatchObject({ code: "bad-request", detail: expect.any(String) });
    expect((await world.call("/v1/token", request("DELETE", session, { authToken: token }))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("leaves somebody else's token alone, and does not tell", async () => {
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
    "refuses %o, which would be another address",
    async (authToken) => {
      const world = createRecordingWorld();
      const session = await world.provider.issue({ subject: "alice" });
      const kept = await tokenOf(await world.signIn(session));
      const response = await world.call("/v1/token", request("DELETE", session, { authToken }));
      expect(response.status).toBe(400);
      expect(await codeOf(response)).toBe("bad-request");
      expect(world.simulator.tokens("alice")).toEqual([kept]);
    },
  );

  it("is done for a user that CometChat does not know", async () => {
    const world = createRecordingWorld();
    const session = await world.provider.issue({ subject: "nobody" });
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect(world.simulator.user("nobody")).toBeUndefined();
  });

  it("says that it failed while CometChat is down, and catches up by itself", async () => {
    const world = createRecordingWorld();
    const { phone, onLaptop } = await twoDevices(world);
    const down = world.simulator.faults.add({
      match: "revoke",
      effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" },
    });
    const failed = await world.call("/v1/token", request("DELETE", phone));
    expect(failed.status).toBe(503);
    expect(world.simulator.tokens("alice")).toHaveLength(2);
    // Nobody asks again. The alarm does, also after the platform has evicted the object.
    world.simulator.faults.remove(down);
    await evictDurableObject(ledgerOf("alice"));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([onLaptop]);
    expect(await runInDurableObject(ledgerOf("alice"), (_, state) => state.storage.getAlarm())).toBeNull();
  });

  it("says that CometChat did not answer in time, rather than that the ledger did not", async () => {
    const world = createRecordingWorld({ env: { REQUEST_TIMEOUT_MS: 1500 } });
    const { phone } = await twoDevices(world);
    world.simulator.faults.add({ match: "revoke", effect: { kind: "hang" } });
    const response = await world.call("/v1/token", request("DELETE", phone));
    expect([response.status, await codeOf(response)]).toEqual([504, "cometchat-timeout"]);
  });

  it("keeps trying however long CometChat is down", async () => {
    const world = createRecordingWorld();
    const { phone } = await twoDevices(world);
    world.simulator.faults.add({ match: "revoke", effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" } });
    await world.call("/v1/token", request("DELETE", phone));
    let now = Date.now();
    for (let night = 0; night < 10; night += 1) {
      now += 3_700_000;
      vi.useFakeTimers({ toFake: ["Date"], now });
      await runDurableObjectAlarm(ledgerOf("alice"));
      const alarm = await runInDurableObject(ledgerOf("alice"), (_, state) => state.storage.getAlarm());
      expect(alarm).toBeGreaterThan(now);
      expect(alarm).toBeLessThanOrEqual(now + 3_600_000 + 1000);
    }
  });

  it("ends a token that was recorded only after its session had signed out", async () => {
    const world = createRecordingWorld();
    const session = await world.provider.issue({ subject: "alice", claims: { jti: "phone" } });
    await world.signIn(session);
    await world.call("/v1/token", request("DELETE", session));
    // The answer of a slower sign-in of the same session has gone out before; its record comes now.
    const token = world.simulator.mint("alice");
    const minted = { app: "main", token, session: await sessionDigest(ISSUER, "phone"), name: null };
    await ledgerOf("alice").record("alice", { ...minted, mintedAt: Date.now() - 5000, expiresAt: null });
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("signing out everywhere", () => {
  it("ends every token of the user, of other sessions too", async () => {
    const world = createRecordingWorld();
    const { phone } = await twoDevices(world);
    world.simulator.mint("alice");
    expect((await world.call("/v1/tokens", request("DELETE", phone))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    // The session itself is still valid: it may have a new one.
    expect((await world.signIn(phone)).status).toBe(201);
  });

  it("works where no token is recorded", async () => {
    const world = createWorld();
    const session = await world.provider.issue({ subject: "alice" });
    await world.signIn(session);
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("says that it failed while CometChat is down, and the ledger goes on", async () => {
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

describe("a ledger that cannot be reached", () => {
  virtualTime();

  const unreachable = faultyLedger(() => Promise.reject(new Error("overloaded")));

  it.each(["never", "session"])("costs no sign-in, and a sign-out here says so (reuse = %s)", async (reuse) => {
    const world = createRecordingWorld({ env: { LEDGER: unreachable, TOKENS: { reuse } } });
    const session = await world.provider.issue({ subject: "alice" });
    expect((await world.signIn(session)).status).toBe(201);
    const response = await world.call("/v1/token", request("DELETE", session));
    expect(response.status).toBe(503);
    expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
  });

  it("does not keep a user from signing out everywhere: CometChat has done it", async () => {
    const world = createRecordingWorld({ env: { LEDGER: unreachable } });
    const session = await world.provider.issue({ subject: "alice" });
    const { authToken } = await bodyOf(await world.signIn(session));
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect((await world.call("/v1/token", request("DELETE", session, { authToken }))).status).toBe(204);
  });

  it("does where it would hand out again what has ended", async () => {
    let down = false;
    const LEDGER = faultyLedger(() => (down ? Promise.reject(new Error("overloaded")) : undefined));
    const world = createRecordingWorld({ env: { LEDGER, TOKENS: { reuse: "session" } } });
    const session = await world.provider.issue({ subject: "alice" });
    const { authToken } = await bodyOf(await world.signIn(session));
    down = true;
    const named = request("DELETE", session, { authToken });
    expect((await world.call("/v1/token", named)).status).toBe(503);
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(503);
    // The token is dead all the same.
    expect(world.simulator.tokens("alice")).toEqual([]);
    down = false;
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect((await world.signIn(session)).status).toBe(201);
  });

  it("is told to the log, also after the answer", async () => {
    const world = createRecordingWorld({ env: { LEDGER: unreachable } });
    const response = await world.signIn({ subject: "alice" });
    const requestId = response.headers.get("X-Request-Id");
    expect(world.lines).toContainEqual({ event: "ledger-fault", retryable: false, overloaded: false });
    const lost = { event: "after-failed", requestId, task: "record", reason: "ledger-unavailable" };
    expect(world.lines).toContainEqual(lost);
  });

  it("leaves time to end at CometChat what it does not answer for, and the log tells", async () => {
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

describe("the life of a token (TOKENS.ttl)", () => {
  it("is told to the client, and ends by the alarm", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 3600 } } });
    const before = Date.now();
    const { expiresAt } = await bodyOf(await world.signIn({ subject: "alice" }));
    const end = Date.parse(String(expiresAt));
    expect(end).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(end).toBeLessThanOrEqual(Date.now() + 3_600_000);
    expect(await runInDurableObject(ledgerOf("alice"), (_, state) => state.storage.getAlarm())).toBe(end);
    vi.useFakeTimers({ toFake: ["Date"], now: end - 1000 });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toHaveLength(1);
    vi.useFakeTimers({ toFake: ["Date"], now: end });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("ends late rather than never when CometChat is down at the alarm", async () => {
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

  it("also for a token whose key was rotated out: all of the user's end rather than none", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    const { expiresAt } = await bodyOf(await world.signIn({ subject: "alice" }));
    createRecordingWorld({ env: { TOKEN_ENCRYPTION_KEY: btoa("n".repeat(32)) }, deps: { fetch: world.fetch } });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(String(expiresAt)) });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("at rest", () => {
  it("no token is in the clear, in KV or in the Durable Object", async () => {
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
  it("never sign another device out of CometChat's hundred tokens", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { maxPerSession: 5 } } });
    const { laptop, onPhone } = await twoDevices(world);
    for (let reload = 0; reload < 120; reload += 1) await world.signIn(laptop);
    expect(world.simulator.tokens("alice")).toContain(onPhone);
    expect(world.simulator.tokens("alice")).toHaveLength(6);
    expect(calls(world).filter((call) => call === "revoke").length).toBe(116);
  });

  it("without it, they do: the window is real", async () => {
    const world = createWorld();
    const { laptop, onPhone } = await twoDevices(world);
    for (let reload = 0; reload < 120; reload += 1) await world.signIn(laptop);
    expect(world.simulator.tokens("alice")).not.toContain(onPhone);
  });
});
