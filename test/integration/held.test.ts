import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { faultyKv, type HoldingWorld, holding } from "./holding.ts";
import { alarms, keeping, ledgerOf, request, restored } from "./keeping.ts";
import { API_KEY, bodyOf, ISSUER, type World, type WorldOptions } from "./world.ts";

restored();

const reuse = { TOKENS: { reuse: "session" } };
const reusing = (env: Record<string, unknown> = {}): World => keeping({ env: { ...reuse, ...env } });
const holdingOn = (options: WorldOptions = {}): HoldingWorld =>
  holding({ ...options, env: { ...reuse, ...options.env } });
/** Another isolate, which remembers nothing: the same stores, the same CometChat. */
const elsewhere = (world: World) => keeping({ env: reuse, deps: { fetch: world.fetch } });

const device = (jti: string) => ({ subject: "alice", claims: { jti } });
const fresh = { body: '{"fresh":true}', headers: { "Content-Type": "application/json" } };

/** The status, and the token. */
async function ask(world: World, session: object | string, init: RequestInit = {}): Promise<[number, string]> {
  const response = await world.signIn(session, init);
  return [response.status, (await bodyOf(response)).authToken];
}

const alarmAt = () => runInDurableObject(ledgerOf("alice"), (_, { storage }) => storage.getAlarm());

/** When no isolate remembers anything of what was: only what is in the stores counts. */
const minutesLater = () => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });

/** KV that refuses to write what begins so, while it is `deaf`. */
function refusingPuts(beginning: string) {
  const state = { deaf: false };
  const USERS = faultyKv((operation, key) =>
    state.deaf && operation === "put" && key.startsWith(beginning) ? Promise.reject(new Error("503")) : undefined,
  );
  return Object.assign(state, { USERS });
}

describe("KV failing once, at a sign-out,", () => {
  const refusing = (refuses: (operation: string, key: string) => boolean) => {
    let armed = false;
    const USERS = faultyKv((operation, key) => {
      if (!armed || !refuses(operation, key)) return undefined;
      armed = false;
      return Promise.reject(new Error("KV PUT failed: 429 Too Many Requests"));
    });
    return {
      USERS,
      arm: () => {
        armed = true;
      },
      spent: () => !armed,
    };
  };

  it("lets no other isolate hand out what was ended everywhere", async () => {
    const kv = refusing((operation, key) => operation === "put" && key.startsWith("v1:u:"));
    const world = reusing({ USERS: kv.USERS });
    const session = await world.provider.issue(device("phone"));
    await ask(world, session);
    const [held] = (await bindings.USERS.list({ prefix: "v1:t:alice:" })).keys;
    const stale = String(await bindings.USERS.get(String(held?.name)));
    kv.arm();
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect(kv.spent()).toBe(true);
    // Elsewhere KV may show for a minute what was deleted; what the mapping says must stand against it.
    await bindings.USERS.put(String(held?.name), stale);
    const [status, token] = await ask(elsewhere(world), session);
    expect(status).toBe(201);
    expect(world.simulator.tokens("alice")).toEqual([token]);
  });

  it("nor what was ended everywhere when KV had lost the mapping, and nothing says when", async () => {
    const world = reusing();
    const session = await world.provider.issue(device("phone"));
    const [, ended] = await ask(world, session);
    await bindings.USERS.delete("v1:u:alice");
    expect((await elsewhere(world).call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    const [status, token] = await ask(elsewhere(world), session);
    expect([status, token === ended]).toEqual([201, false]);
  });

  it("lets nobody hand out what the session has ended", async () => {
    const kv = refusing((operation) => operation === "delete");
    const world = reusing({ USERS: kv.USERS });
    const session = await world.provider.issue(device("phone"));
    await ask(world, session);
    kv.arm();
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    expect(kv.spent()).toBe(true);
    for (const one of [elsewhere(world), world]) {
      const [, token] = await ask(one, session);
      expect(world.simulator.tokens("alice")).toContain(token);
    }
  });

  it("nor does the isolate that ended it remember what it was reading from KV at that moment", async () => {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    let slow = false;
    const target = bindings.USERS;
    const USERS = new Proxy(target as unknown as Record<string, unknown>, {
      get(_, operation: string) {
        const value = (target as unknown as Record<string, unknown>)[operation] as (...v: unknown[]) => unknown;
        if (operation !== "get") return typeof value === "function" ? value.bind(target) : value;
        return async (...values: unknown[]) => {
          const answer = await value.apply(target, values);
          if (slow && String(values[0]).startsWith("v1:t:")) {
            slow = false;
            reach();
            await opened;
          }
          return answer;
        };
      },
    });
    const first = reusing();
    const session = await first.provider.issue(device("phone"));
    const [, old] = await ask(first, session);
    const world = keeping({ env: { ...reuse, USERS }, deps: { fetch: first.fetch } });
    slow = true;
    const under = world.ask("/v1/token", { method: "POST", headers: { Authorization: `Bearer ${session}` } });
    await reached;
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    open();
    await under;
    await world.settle();
    const [status, token] = await ask(world, session);
    expect([status, token === old]).toEqual([201, false]);
  });
});

describe("KV refusing to forget, for good,", () => {
  const refused = () => Promise.reject(new Error("KV DELETE failed: 503 Service Unavailable"));
  const deaf = () => faultyKv((operation) => (operation === "delete" ? refused() : undefined));
  /** The ledger's look, when it is due. */
  const look = async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Number(await alarmAt()) });
    await runDurableObjectAlarm(ledgerOf("alice"));
  };

  it.each<[string, (world: World, session: string, token: string) => Promise<Response>]>([
    ["this session", (world, session) => world.call("/v1/token", request("DELETE", session))],
    [
      "the token by its name",
      (world, session, authToken) => world.call("/v1/token", request("DELETE", session, { authToken })),
    ],
    ["every session", (world, session) => world.call("/v1/tokens", request("DELETE", session))],
  ])("at the end of %s: the ledger forgets it later, and what lives is left alone", async (what, end) => {
    const world = reusing({ USERS: deaf() });
    const session = await world.provider.issue(device("phone"));
    const [, ended] = await ask(world, session);
    const laptop = await world.provider.issue(device("laptop"));
    const [, onLaptop] = await ask(world, laptop);
    expect((await end(world, session, ended)).status).toBe(204);
    await evictDurableObject(ledgerOf("alice"));
    await look();
    const [status, token] = await ask(elsewhere(world), session);
    expect([status, token === ended]).toEqual([201, false]);
    expect((await ask(elsewhere(world), laptop))[0]).toBe(what === "every session" ? 201 : 200);
    expect(world.simulator.tokens("alice")).toContain(token);
    expect(world.simulator.tokens("alice").includes(onLaptop)).toBe(what !== "every session");
  });

  it("not even when the ledger is to forget it: it says so, and looks again until KV agrees", async () => {
    const world = reusing({ USERS: deaf() });
    const session = await world.provider.issue(device("phone"));
    await ask(world, session);
    await world.call("/v1/token", request("DELETE", session));
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const kv = vi.spyOn(Object.getPrototypeOf(bindings.USERS), "delete").mockImplementation(refused);
    for (const minutes of [2, 4]) {
      await look();
      expect(log.mock.calls.map(([line]) => JSON.parse(String(line)).event)).toEqual(["held-look-failed"]);
      log.mockClear();
      const pause = Number(await alarmAt()) - Date.now();
      expect(pause).toBeGreaterThanOrEqual(minutes * 60_000);
    }
    kv.mockRestore();
    await look();
    expect((await ask(elsewhere(world), session))[0]).toBe(201);
    expect(await runDurableObjectAlarm(ledgerOf("alice"))).toBe(false);
  });

  it("is not asked again and again where the user has signed out just before", async () => {
    const world = reusing({ USERS: deaf() });
    const [phone, laptop] = await Promise.all(["phone", "laptop"].map((jti) => world.provider.issue(device(jti))));
    for (const session of [phone, laptop]) await ask(world, String(session));
    await world.call("/v1/token", request("DELETE", String(phone)));
    const due = Number(await alarmAt());
    vi.useFakeTimers({ toFake: ["Date"], now: due - 1 });
    await world.call("/v1/token", request("DELETE", String(laptop)));
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    vi.spyOn(Object.getPrototypeOf(bindings.USERS), "delete").mockImplementation(refused);
    await look();
    expect(Number(await alarmAt()) - due).toBeGreaterThanOrEqual(30_000);
  });

  it("is looked after for the second of two sign-outs, though it came while the ledger was looking", async () => {
    const world = reusing({ USERS: deaf() });
    const [first, second] = await Promise.all(["phone", "laptop"].map((jti) => world.provider.issue(device(jti))));
    await ask(world, String(first));
    await ask(world, String(second));
    await world.call("/v1/token", request("DELETE", String(first)));
    const kv = Object.getPrototypeOf(bindings.USERS);
    const { list } = kv;
    vi.spyOn(kv, "list").mockImplementationOnce(async function (this: KVNamespace, ...values) {
      const listed = await list.apply(this, values);
      await world.call("/v1/token", request("DELETE", String(second)));
      return listed;
    });
    await look();
    expect(await alarmAt()).toBeGreaterThan(Date.now());
    await look();
    for (const session of [first, second]) expect((await ask(elsewhere(world), String(session)))[0]).toBe(201);
  });

  it("is not put off for ever by the user's further sign-outs", async () => {
    const world = reusing({ USERS: deaf() });
    const phone = await world.provider.issue({ ...device("phone"), expiresIn: 100_000 });
    const [, ended] = await ask(world, phone);
    expect((await world.call("/v1/token", request("DELETE", phone))).status).toBe(204);
    const start = Date.now();
    for (let n = 1; n <= 4; n += 1) {
      vi.useFakeTimers({ toFake: ["Date"], now: start + n * 110_000 });
      const at = await alarmAt();
      if (at !== null && at <= Date.now()) await runDurableObjectAlarm(ledgerOf("alice"));
      const tab = await world.provider.issue(device(`tab${n}`));
      const there = elsewhere(world);
      expect((await there.signIn(tab)).status).toBe(201);
      expect((await there.call("/v1/token", request("DELETE", tab))).status).toBe(204);
    }
    const [status, token] = await ask(elsewhere(world), phone);
    expect([status, token === ended]).toEqual([201, false]);
  });

  it("is made good too for a token that is held only when its session has signed out", async () => {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const held = (operation: string, key: string) => operation === "put" && key.startsWith("v1:t:");
    const world = reusing({
      USERS: faultyKv((operation, key) => {
        if (!held(operation, key)) return undefined;
        reach();
        return opened;
      }),
    });
    const session = await world.provider.issue(device("phone"));
    const headers = { Authorization: `Bearer ${session}` };
    expect((await world.ask("/v1/token", { method: "POST", headers })).status).toBe(201);
    await reached;
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    open();
    await world.settle();
    expect(world.simulator.tokens("alice")).toEqual([]);
    await look();
    const [status, token] = await ask(elsewhere(world), session);
    expect(status).toBe(201);
    expect(world.simulator.tokens("alice")).toEqual([token]);
  });
});

describe("a session is never held a token that is dead:", () => {
  it("one minted while the session signed out", async () => {
    const world = holdingOn();
    const session = await world.provider.issue(device("phone"));
    await ask(world, session);
    const answer = world.hold("mint", "after");
    const slow = world.signIn(session, fresh);
    await answer.reached;
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    answer.open();
    await slow;
    minutesLater();
    const [status, token] = await ask(world, session);
    expect(status).toBe(201);
    expect(world.simulator.tokens("alice")).toEqual([token]);
  });

  it("one of too many of its session (TOKENS.maxPerSession)", async () => {
    // The Durable Object's own configuration has maxPerSession = 5; see vitest.config.ts.
    const world = holdingOn();
    const session = await world.provider.issue(device("phone"));
    for (let time = 0; time < 7; time += 1) await world.signIn(session, fresh);
    minutesLater();
    const [status, token] = await ask(world, session);
    expect(status).toBe(200);
    expect(world.simulator.tokens("alice")).toContain(token);
  });

  it("one of two minted at the same time, of which the earlier was recorded last", async () => {
    const world = holdingOn();
    const session = await world.provider.issue(device("phone"));
    const answer = world.hold("mint", "after");
    await ask(world, session);
    const slow = world.signIn(session, fresh);
    await answer.reached;
    for (let time = 0; time < 5; time += 1) await world.signIn(session, fresh);
    answer.open();
    await slow;
    minutesLater();
    const [, token] = await ask(world, session);
    expect(world.simulator.tokens("alice")).toContain(token);
  });

  it("one that ended when another device brought the deactivated user back", async () => {
    const world = reusing({ PROVISIONING: { reactivate: true } });
    await ask(world, device("phone"));
    const [, onLaptop] = await ask(world, device("laptop"));
    await world.simulator.fetch("https://275300000000000a.api-us.cometchat.io/v3/users/alice", {
      method: "DELETE",
      headers: { apikey: API_KEY, "content-type": "application/json" },
      body: '{"permanent":false}',
    });
    expect((await world.signIn(device("phone"), fresh)).status).toBe(201);
    minutesLater();
    const [status, token] = await ask(world, device("laptop"));
    expect([status, token === onLaptop]).toEqual([201, false]);
    expect(world.simulator.tokens("alice")).toContain(token);
  });

  it("one whose holding KV refused at first, and which newer ones have pushed out since", async () => {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    let first = true;
    const USERS = faultyKv((operation, key) => {
      if (!first || operation !== "put" || !key.startsWith("v1:t:")) return undefined;
      first = false;
      reach();
      return opened.then(() => Promise.reject(new Error("KV PUT failed: 429 Too Many Requests")));
    });
    const world = reusing({ USERS });
    const session = await world.provider.issue(device("phone"));
    await world.ask("/v1/token", { method: "POST", headers: { Authorization: `Bearer ${session}` } });
    await reached;
    const newest: string[] = [];
    for (let n = 0; n < 5; n += 1) newest.push((await ask(world, session, fresh))[1]);
    expect(world.simulator.tokens("alice").toSorted()).toEqual(newest.toSorted());
    open();
    await world.settle();
    await alarms();
    expect.soft(world.simulator.tokens("alice").toSorted()).toEqual(newest.toSorted());
    minutesLater();
    const [, token] = await ask(elsewhere(world), session);
    expect(world.simulator.tokens("alice")).toContain(token);
  });

  it("one that was pushed out by newer ones, which KV refused to hold", async () => {
    const kv = refusingPuts("v1:t:");
    const world = reusing({ USERS: kv.USERS });
    const session = await world.provider.issue(device("phone"));
    await ask(world, session);
    kv.deaf = true;
    for (let n = 0; n < 5; n += 1) await ask(world, session, fresh);
    kv.deaf = false;
    await alarms();
    minutesLater();
    const [, token] = await ask(elsewhere(world), session);
    expect(world.simulator.tokens("alice")).toContain(token);
  });

  it("one that a hundred newer ones of other sessions have pushed out of CometChat's window", async () => {
    const world = reusing();
    const session = await world.provider.issue(device("phone"));
    await ask(world, session);
    for (let number = 0; number < 100; number += 1) {
      await ledgerOf("alice").record({
        ...{ uid: "alice", app: "main", token: world.simulator.mint("alice"), session: `s${number}` },
        ...{ mintedAt: Date.now(), expiresAt: null, moves: false },
      });
    }
    await alarms();
    minutesLater();
    const [, token] = await ask(elsewhere(world), session);
    expect(world.simulator.tokens("alice")).toContain(token);
  });

  it("one that ended with all others, since one of them no longer opened", async () => {
    const world = reusing();
    const laptop = await world.provider.issue(device("laptop"));
    await ask(world, device("phone"));
    const [, onLaptop] = await ask(world, laptop);
    await runInDurableObject(ledgerOf("alice"), async (_, { storage }) => {
      // As sealed under a key that is no longer configured; it has reached its end (TOKENS.ttl).
      storage.sql.exec("UPDATE tokens SET sealed = x'0100', due = ? WHERE id = 1", Date.now());
      await storage.setAlarm(Date.now() + 1);
    });
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(world.simulator.tokens("alice")).toEqual([]);
    await alarms();
    minutesLater();
    const [status, token] = await ask(elsewhere(world), laptop);
    expect([status, token === onLaptop]).toEqual([201, false]);
  });

  it("one minted while everything ended, by an isolate whose writes to KV came last", async () => {
    const world = holding({ env: reuse });
    const phone = await world.provider.issue(device("phone"));
    await ask(world, phone);
    const laptop = await world.provider.issue({
      subject: "alice",
      claims: { jti: "laptop", name: "Alicia" },
    });
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    let puts = 0;
    const USERS = faultyKv((operation) => {
      if (operation !== "put") return undefined;
      puts += 1;
      if (puts === 2) reach();
      return opened;
    });
    const other = keeping({ env: { ...reuse, USERS }, deps: { fetch: world.fetch } });
    const flush = world.hold("flush", "before");
    const signingOut = world.call("/v1/tokens", request("DELETE", phone));
    await flush.reached;
    await new Promise((resolve) => setTimeout(resolve, 5));
    const response = await other.ask("/v1/token", { method: "POST", headers: { Authorization: `Bearer ${laptop}` } });
    expect(response.status).toBe(201);
    await reached;
    flush.open();
    expect((await signingOut).status).toBe(204);
    open();
    await other.settle();
    expect(world.simulator.tokens("alice")).toEqual([]);
    await alarms();
    minutesLater();
    const [, token] = await ask(elsewhere(world), laptop);
    expect(world.simulator.tokens("alice")).toContain(token);
  });

  it("one that ended when another device brought the user back, while KV refused the mapping", async () => {
    const kv = refusingPuts("v1:u:");
    const world = reusing({ USERS: kv.USERS, PROVISIONING: { reactivate: true } });
    const laptop = await world.provider.issue(device("laptop"));
    const [, onLaptop] = await ask(world, laptop);
    await ask(world, device("phone"));
    await world.simulator.fetch("https://275300000000000a.api-us.cometchat.io/v3/users/alice", {
      method: "DELETE",
      headers: { apikey: API_KEY, "content-type": "application/json" },
      body: '{"permanent":false}',
    });
    kv.deaf = true;
    expect((await world.signIn(device("phone"), fresh)).status).toBe(201);
    kv.deaf = false;
    expect(world.simulator.tokens("alice")).not.toContain(onLaptop);
    await alarms();
    minutesLater();
    const [status, token] = await ask(elsewhere(world), laptop);
    expect([status, token === onLaptop]).toEqual([201, false]);
  });

  it("one by which its session could not be found: KV refused to write down its name", async () => {
    const kv = refusingPuts("v1:s:");
    kv.deaf = true;
    const world = reusing({
      USERS: kv.USERS,
      SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], sessionIdClaim: "sid" }],
    });
    const session = { subject: "alice", sid: "s-1" };
    await ask(world, session);
    kv.deaf = false;
    await ask(world, session);
    await ask(world, session);
    const logout = await world.provider.issueLogoutToken({ sid: "s-1" });
    const response = await world.call("/v1/backchannel-logout", {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: `logout_token=${logout}`,
    });
    expect(response.status).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("one that is being ended everywhere at this moment", async () => {
    const world = holdingOn();
    const session = await world.provider.issue(device("phone"));
    const [, old] = await ask(world, session);
    const flush = world.hold("flush", "before");
    const signingOut = world.call("/v1/tokens", request("DELETE", session));
    await flush.reached;
    const [status, token] = await ask(world, session);
    flush.open();
    expect((await signingOut).status).toBe(204);
    expect([status, token === old]).toEqual([201, false]);
  });

  it("one minted between the end of the user's tokens and its deactivation", async () => {
    const backend = { headers: { Authorization: "Bearer backend-secret-of-32-characters!" } };
    const world = holdingOn({ env: { BACKEND_SECRET: "backend-secret-of-32-characters!" } });
    const session = await world.provider.issue(device("phone"));
    await ask(world, session);
    const deactivation = world.hold("deactivate", "before");
    const deleting = world.call("/v1/users/alice", { method: "DELETE", ...backend });
    await deactivation.reached;
    const [status, between] = await ask(world, session);
    expect(status).toBe(201);
    deactivation.open();
    expect((await deleting).status).toBe(204);
    minutesLater();
    expect((await world.signIn(session)).status).toBe(403);
    // Back again, it is given a new one, and that is all there is.
    expect((await world.call("/v1/users/alice/reactivate", { method: "POST", ...backend })).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1000 });
    const [again, token] = await ask(world, session);
    expect([again, token === between]).toEqual([201, false]);
    expect(world.simulator.tokens("alice")).toEqual([token]);
  });
});

describe("a held token", () => {
  it.each([
    ["its session, which ends before it", { expiresIn: 900 }, { reuse: "session", ttl: 3600 }, 900],
    ["itself, where it ends before the session", { expiresIn: 7200 }, { reuse: "session", ttl: 3600 }, 3600],
    ["its session, where it never ends itself", { expiresIn: 900 }, { reuse: "session" }, 900],
  ])("stays in KV no longer than %s", async (_, session, TOKENS, seconds) => {
    const world = keeping({ env: { TOKENS } });
    const now = Date.now() / 1000;
    await world.signIn({ ...device("phone"), ...session });
    const [held] = (await bindings.USERS.list({ prefix: "v1:t:alice:" })).keys;
    expect(Number(held?.expiration) - now).toBeGreaterThan(seconds - 60);
    expect(Number(held?.expiration) - now).toBeLessThan(seconds + 10);
  });
});
