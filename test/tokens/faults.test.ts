import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Deps } from "../../src/context.ts";
import { sessionDigest } from "../../src/kv.ts";
import type { Once } from "../../src/session/once.ts";
import { deactivateInDashboard, reactivateInDashboard } from "../support/dashboard.ts";
import { faultyLedger } from "../support/faults.ts";
import { until } from "../support/gates.ts";
import {
  alarmOf,
  createRecordingWorld,
  homeOf,
  ledgerOf,
  request,
  restoreAfterEach,
  runAlarms,
  shareWithObjects,
} from "../support/ledger.ts";
import { sleep, virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, ISSUER, type World } from "../support/world.ts";

restoreAfterEach();

const HOUR = 3_600_000;
const device = (jti: string) => ({ subject: "alice", claims: { jti } });
const rows = () =>
  runInDurableObject(ledgerOf("alice"), (_, { storage: { sql } }) =>
    sql.exec("SELECT app, state, at, tries FROM minted WHERE state != 'ended' ORDER BY id").toArray(),
  );
const clock = (now: number) => vi.useFakeTimers({ toFake: ["Date"], now });
async function runAlarmAt(now: number) {
  clock(now);
  await runDurableObjectAlarm(ledgerOf("alice"));
}

/** Signs in on so many devices. Returns the end of the last token. */
async function expiring(world: World, devices = 1): Promise<number> {
  let end = 0;
  for (let number = 0; number < devices; number += 1) {
    end = Date.parse(String((await bodyOf(await world.signIn(device(`device ${number}`)))).expiresAt));
  }
  return end;
}

/** The same answer of CometChat, with headers that say that one call in a hundred is left, and not until when. */
function nearTheLimit(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("x-ratelimit-limit", "500");
  headers.set("x-ratelimit-remaining", "5");
  headers.delete("x-ratelimit-reset");
  headers.delete("x-rate-limit-reset");
  return new Response(response.body, { status: response.status, headers });
}

describe("the alarm that revokes expired tokens", () => {
  it.each([1, 3])("revokes them after an outage of CometChat (%i devices)", async (devices) => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    let now = await expiring(world, devices);
    const down = world.simulator.faults.add({ match: "revoke", effect: { kind: "refuse" } });
    // After so many failures, the circuit breaker prevents calls.
    for (let time = 0; time < 4; time += 1) {
      await runAlarmAt(now);
      now += HOUR;
    }
    world.simulator.faults.remove(down);
    for (let time = 0; time < devices; time += 1) {
      await runAlarmAt(now);
      now += HOUR;
    }
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect(await alarmOf()).toBeNull();
  });

  it("is repeated after pauses that double, up to an hour, while CometChat is down", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    let now = await expiring(world);
    world.simulator.faults.add({ match: "revoke", effect: { kind: "wrongKey" } });
    const pauses: number[] = [];
    for (let time = 0; time < 9; time += 1) {
      await runAlarmAt(now);
      const next = Number(await alarmOf());
      pauses.push(Math.round((next - now) / 1000));
      now = next;
    }
    expect(pauses).toEqual([30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
  });

  it("waits while CometChat's rate limit is nearly used up, so that sign-ins have the rest", async () => {
    const base = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    await base.signIn(device("phone"));
    clock(Date.now() + 5000);
    const now = await expiring(base);
    const fetch: Deps["fetch"] = async (input, init) => nearTheLimit(await base.fetch(input, init));
    createRecordingWorld({ env: { TOKENS: { ttl: 60 } }, deps: { fetch } });
    const world = base;
    const revoked = () => world.simulator.journal.calls({ call: "revoke" });
    await runAlarmAt(now - 5000);
    expect(revoked()).toBe(1);
    await runAlarmAt(now);
    expect(revoked()).toBe(1);
    await runAlarmAt(now + 30_000);
    expect(revoked()).toBe(2);
  });

  it("logs a failure, with what an operator has to do", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    const now = await expiring(world);
    world.simulator.faults.add({ match: "any", effect: { kind: "wrongKey" } });
    world.lines.splice(0);
    await runAlarmAt(now);
    const remedy = expect.stringContaining("REST API key");
    expect(world.lines).toEqual([{ event: "ledger-revoke-failed", reason: "upstream-key", remedy }]);
  });

  it("logs any exception, and is repeated", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    const now = await expiring(world);
    world.lines.splice(0);
    // The deployment has lost its variables.
    shareWithObjects({ deps: world.deps, env: {} });
    await runAlarmAt(now);
    expect(world.lines).toEqual([{ event: "ledger-alarm-failed" }]);
    expect(await alarmOf()).toBe(now + HOUR);
    shareWithObjects(world);
    await runAlarmAt(now + HOUR);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("the alarm that revokes expired tokens, while CometChat never answers,", () => {
  virtualTime();

  it("takes at most twenty seconds", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    const end = await expiring(world);
    world.simulator.faults.add({ match: "revoke", effect: { kind: "hang" } });
    await sleep(end - Date.now());
    const begun = Date.now();
    await runDurableObjectAlarm(ledgerOf("alice"));
    expect(Date.now() - begun).toBeGreaterThan(1000);
    expect(Date.now() - begun).toBeLessThanOrEqual(20_000);
    expect(await alarmOf()).toBeGreaterThan(begun);
  });
});

describe("a Durable Object that the platform evicts while it revokes tokens", () => {
  it("revokes the rest by its alarm", async () => {
    const world = createRecordingWorld();
    const session = await world.provider.issue(device("phone"));
    await world.signIn(session);
    const silent = world.simulator.faults.add({ match: "revoke", effect: { kind: "hang" } });
    // The test calls the object itself, because a gateway would repeat the call, and that would set an alarm too.
    const ended = `session ${await sessionDigest(ISSUER, "phone")}` as const;
    const asked = ledgerOf("alice").end("alice", ended, { at: Date.now(), budget: 60_000 });
    const outcome = Promise.resolve(asked).then(
      () => "answered",
      () => "lost",
    );
    await until(() => world.simulator.journal.calls({ call: "revoke" }) > 0);
    // `evictDurableObject` would wait until the call has ended.
    await runInDurableObject(ledgerOf("alice"), (_, state) => state.abort("evicted")).catch(() => undefined);
    expect(await outcome).toBe("lost");
    world.simulator.faults.remove(silent);
    expect(await alarmOf()).toBeGreaterThan(Date.now());
    await runAlarmAt(Date.now() + 60_000);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("a token of an app that is no longer configured", () => {
  it("makes a sign-out fail, and is revoked as soon as the app is configured again", async () => {
    const before = createRecordingWorld();
    const session = await before.provider.issue(device("phone"));
    await before.signIn(session);
    const COMETCHAT_APPS = { other: { appId: "275300000000000b", region: "us" } };
    const world = createRecordingWorld({
      env: { COMETCHAT_APPS, PLACEMENT: { default: "other" } },
      deps: { fetch: before.fetch },
    });
    const response = await world.call("/v1/token", request("DELETE", session));
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(world.lines).toContainEqual(expect.objectContaining({ event: "request", reason: "home-app-gone" }));
    expect(await rows()).toMatchObject([{ app: "main", state: "ending", tries: 1 }]);
    expect(before.simulator.tokens("alice")).toHaveLength(1);
    shareWithObjects(before);
    await runAlarmAt(Date.now() + HOUR);
    expect(before.simulator.tokens("alice")).toEqual([]);
    expect(await rows()).toEqual([]);
  });
});

describe("the tokens of a user who was deactivated in CometChat's dashboard", () => {
  it.each(["/v1/token", "/v1/tokens"])(
    "are revoked by the alarm after the user is reactivated (DELETE %s)",
    async (path) => {
      const world = createRecordingWorld();
      const session = await world.provider.issue(device("phone"));
      await world.signIn(session);
      await deactivateInDashboard(world);
      // For CometChat this user does not exist, so nobody can use the token.
      expect((await world.call(path, request("DELETE", session))).status).toBe(204);
      await reactivateInDashboard(world);
      expect(world.simulator.tokens("alice")).toHaveLength(1);
      await runAlarmAt(Date.now() + HOUR);
      expect(world.simulator.tokens("alice")).toEqual([]);
    },
  );

  it("need only a few calls to CometChat, since they all fail alike", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    const end = await expiring(world, 12);
    await deactivateInDashboard(world);
    await runAlarmAt(end);
    // So many calls are made at the same time.
    expect(world.simulator.journal.calls({ call: "revoke" })).toBeLessThanOrEqual(4);
  });

  it.each(["after an hour", "after a week"])("are revoked at the user's next sign-in, %s", async (when) => {
    const world = createRecordingWorld({ env: { TOKENS: { ttl: 60 } } });
    let now = await expiring(world);
    const [old] = world.simulator.tokens("alice");
    await deactivateInDashboard(world);
    await runAlarmAt(now);
    for (let tries = 0; when === "after a week" && tries < 168; tries += 1) {
      now += HOUR;
      await runAlarmAt(now);
    }
    // The alarm gives up after a week.
    if (when === "after a week") {
      expect(await rows()).toMatchObject([{ state: "ending", at: null }]);
      expect(await alarmOf()).toBeNull();
      expect(world.simulator.journal.calls({ call: "revoke" })).toBeLessThanOrEqual(32);
    }
    await reactivateInDashboard(world);
    expect(world.simulator.tokens("alice")).toEqual([old]);
    clock(now + HOUR);
    const next = await bodyOf(await world.signIn({ ...device("laptop"), issuedAt: Date.now() / 1000 }));
    expect(world.simulator.tokens("alice")).toEqual([next.authToken]);
  });
});

describe("a token that is revoked when another one is recorded", () => {
  it("has an alarm set before CometChat is called", async () => {
    let alarm: number | null | undefined;
    let look = false;
    const base = createRecordingWorld({ env: { TOKENS: { maxPerSession: 1 } } });
    const fetch: Deps["fetch"] = async (input, init) => {
      if (look && init.method === "DELETE") alarm = await alarmOf();
      return base.fetch(input, init);
    };
    const world = createRecordingWorld({ env: { TOKENS: { maxPerSession: 1 } }, deps: { fetch } });
    const session = await base.provider.issue(device("phone"));
    await world.signIn(session);
    look = true;
    await world.signIn(session);
    expect(alarm).toEqual(expect.any(Number));
  });
});

describe("a call to the ledger that fails", () => {
  const failing = (times: number, error: object) => {
    let asked = 0;
    const LEDGER = faultyLedger((call) => {
      if (call !== "end") return undefined;
      asked += 1;
      return asked > times ? undefined : Promise.reject(Object.assign(new Error("internal error"), error));
    });
    return { LEDGER, asked: () => asked };
  };

  it.each<[string, number, object, number, number]>([
    ["is repeated at once if the error is retryable", 1, { retryable: true }, 204, 2],
    ["is made three times at most", 9, { retryable: true }, 503, 3],
    ["is not repeated if the ledger is overloaded", 9, { retryable: true, overloaded: true }, 503, 1],
    ["is not repeated if the error is not retryable", 9, {}, 503, 1],
  ])("%s", async (_, times, error, status, tries) => {
    const { LEDGER, asked } = failing(times, error);
    const world = createRecordingWorld({ env: { LEDGER } });
    const session = await world.provider.issue(device("phone"));
    await world.signIn(session);
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(status);
    expect(asked()).toBe(tries);
  });

  it("is repeated after a sign-in, so that the token is recorded and revoked at the sign-out", async () => {
    let failed = false;
    const LEDGER = faultyLedger((call) => {
      if (call !== "record" || failed) return undefined;
      failed = true;
      return Promise.reject(new Error("internal error"));
    });
    const world = createRecordingWorld({ env: { LEDGER } });
    const session = await world.provider.issue(device("phone"));
    await world.signIn(session);
    expect(failed).toBe(true);
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect(world.lines.filter(({ event }) => event === "after-failed")).toEqual([]);
  });
});

describe("the ledger of a user", () => {
  /** Whether the ledger still knows that these sessions have ended: then it revokes a token that is recorded late. */
  const known = async (sessions: readonly string[]) => {
    const late = { app: "main", name: null, mintedAt: 0, expiresAt: null };
    for (const session of sessions) await ledgerOf("alice").record("alice", { ...late, token: session, session });
    const states = await rows();
    return sessions.map((_, index) => states[index]?.state !== "live");
  };

  it("does not keep a token that was named and revoked", async () => {
    const world = createRecordingWorld();
    const session = await world.provider.issue(device("phone"));
    const { authToken } = await bodyOf(await world.signIn(session));
    expect(await rows()).toHaveLength(1);
    await world.call("/v1/token", request("DELETE", session, { authToken }));
    expect(await rows()).toEqual([]);
  });

  it("keeps a sign-out for a day, which is longer than a record can be late", async () => {
    const world = createRecordingWorld();
    const ledger = ledgerOf("alice");
    const now = Date.now();
    for (const [session, at] of [
      ["of yesterday", now - 24 * HOUR - 1],
      ["of today", now - 24 * HOUR],
      ["of this moment", now],
    ] as const) {
      await ledger.end("alice", `session ${session}`, { at, budget: 1000 });
    }
    expect(world.simulator.journal.entries).toEqual([]);
    expect(await known(["of yesterday", "of today", "of this moment"])).toEqual([false, true, true]);
  });

  it("keeps at most 500 sign-outs, however many there are", async () => {
    const ledger = ledgerOf("alice");
    const now = Date.now();
    createRecordingWorld();
    for (let n = 0; n < 510; n += 1) {
      await ledger.end("alice", `session ${n}`, { at: now + n, budget: 1000 });
    }
    expect(await known(["0", "9", "10", "509"])).toEqual([false, false, true, true]);
  });

  it("keeps the same hundred tokens as CometChat, in whichever order they are recorded", async () => {
    const world = createRecordingWorld();
    await world.signIn(device("phone"));
    const record = (token: string, session: string, mintedAt: number) =>
      ledgerOf("alice").record("alice", { app: "main", token, session, name: null, mintedAt, expiresAt: null });
    const start = Date.now();
    const oldest = world.simulator.mint("alice");
    const second = world.simulator.mint("alice");
    await record(second, await sessionDigest(ISSUER, "second"), start + 2);
    // The oldest token is recorded last.
    await record(oldest, await sessionDigest(ISSUER, "oldest"), start + 1);
    for (let n = 0; n < 99; n += 1)
      await record(world.simulator.mint("alice"), await sessionDigest(ISSUER, `s${n}`), start + 3 + n);
    expect(world.simulator.tokens("alice")).not.toContain(oldest);
    expect(world.simulator.tokens("alice")).toContain(second);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1000 });
    const session = await world.provider.issue(device("second"));
    expect((await world.call("/v1/token", request("DELETE", session))).status).toBe(204);
    expect(world.simulator.tokens("alice")).not.toContain(second);
  });

  it("keeps the later of two sign-outs, although the earlier one arrives last", async () => {
    const world = createRecordingWorld();
    await world.signIn(device("phone"));
    const now = Date.now();
    const ledger = ledgerOf("alice");
    for (const at of [now, now - 2000]) {
      await ledger.end("alice", `session both`, { at, budget: 1000 });
    }
    const token = world.simulator.mint("alice");
    const minted = { app: "main", token, session: "both", name: null, mintedAt: now - 1000, expiresAt: null };
    await ledger.record("alice", minted);
    await runAlarms();
    expect(world.simulator.tokens("alice")).not.toContain(token);
  });
});

describe("the Durable Object of a user's home", () => {
  it("prefers a deletion to another event of the same time, in either order", async () => {
    const newer = (kind: string, at: number) => homeOf("alice").recordEvent(at, kind);
    expect([await newer("deleted", 1), await newer("updated", 1)]).toEqual([undefined, "deleted"]);
    expect([await newer("updated", 2), await newer("deleted", 2)]).toEqual([undefined, undefined]);
    // A repeated event is not outdated, since its first delivery may have failed.
    expect(await newer("deleted", 2)).toBeUndefined();
  });

  it("lets one isolate update the profile, and another one if the first does not end", async () => {
    const begin = async () => (await homeOf("alice").beginWork("profile", 25_000)) !== undefined;
    const now = Date.now();
    clock(now);
    expect([await begin(), await begin()]).toEqual([true, false]);
    clock(now + 24_999);
    expect(await begin()).toBe(false);
    clock(now + 25_000);
    expect(await begin()).toBe(true);
    await homeOf("alice").endWork("profile");
    expect(await begin()).toBe(true);
  });
});

describe("the Durable Object of a logout token", () => {
  it("lets one delivery begin until it has ended, and another one if the first fails or never ends", async () => {
    clock(Date.now());
    const object = bindings.ONCE.getByName("alice") as unknown as DurableObjectStub<Once>;
    // The same delivery may begin twice, since an answer may be lost.
    expect([await object.begin("one"), await object.begin("one"), await object.begin("two")]).toEqual([
      true,
      true,
      false,
    ]);
    await object.failed("one");
    expect([await object.begin("two"), await object.begin("three")]).toEqual([true, false]);
    clock(Date.now() + 30_000);
    expect(await object.begin("three")).toBe(true);
    await object.done("two");
    await object.done("three");
    clock(Date.now() + 30_000);
    expect(await object.begin("four")).toBe(false);
    await runDurableObjectAlarm(object);
    // The object is empty now, and starts again at the next call.
    await evictDurableObject(object);
    expect(await object.begin("five")).toBe(true);
  });
});

describe("a changed profile", () => {
  const vip = {
    SESSION_ISSUERS: [
      { issuer: ISSUER, audience: ["chat"], profile: { name: "name", role: "role" }, roles: { vip: "gold" } },
    ],
  };

  it("causes no update in any isolate if its role does not exist in CometChat", async () => {
    const world = createRecordingWorld({ env: vip });
    const session = await world.provider.issue({ subject: "alice", claims: { name: "Alice", role: "vip" } });
    await world.signIn(session);
    for (let isolate = 1; isolate <= 3; isolate += 1) {
      clock(Date.now() + 15_000);
      await createRecordingWorld({ env: vip, deps: { fetch: world.fetch } }).signIn(session);
    }
    expect(world.simulator.journal.calls({ call: "update" })).toBe(0);
  });

  it("gets its role when CometChat has it", async () => {
    const world = createRecordingWorld({
      env: {
        SESSION_ISSUERS: [
          {
            issuer: ISSUER,
            audience: ["chat"],
            profile: { name: "name", role: "role" },
            roles: { admin: "moderator" },
          },
        ],
      },
    });
    const claims = { name: "Alice", role: "admin" };
    await world.signIn({ subject: "alice", claims });
    world.simulator.set({ roles: ["moderator"] });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + HOUR });
    await world.signIn({ subject: "alice", claims });
    const elsewhere = createRecordingWorld({ deps: { fetch: world.fetch } });
    await elsewhere.signIn(await world.provider.issue({ subject: "alice", claims }));
    expect(world.simulator.user("alice")?.role).toBe("moderator");
  });

  it("is updated later while CometChat's rate limit is nearly used up", async () => {
    let moved = 0;
    let low = true;
    const base = createWorld();
    const world = createWorld({
      deps: {
        now: () => Date.now() + moved,
        fetch: async (input, init) => {
          const response = await base.fetch(input, init);
          return low ? nearTheLimit(response) : response;
        },
      },
    });
    const named = async (name: string) =>
      world.signIn(await base.provider.issue({ subject: "alice", claims: { name } }));
    await named("Alice");
    expect((await named("Alice B.")).status).toBe(201);
    expect(base.simulator.user("alice")?.name).toBe("Alice");
    low = false;
    moved = 11_000;
    await named("Alice B.");
    expect(base.simulator.user("alice")?.name).toBe("Alice B.");
  });

  it("is updated at the next sign-in if CometChat refuses it, which is logged", async () => {
    const world = createWorld();
    await world.signIn({ subject: "alice", claims: { name: "Alice" } });
    const refusing = world.simulator.faults.add({
      match: "update",
      effect: { kind: "error", code: "ERR_BAD_REQUEST" },
    });
    const response = await world.signIn({ subject: "alice", claims: { name: "Alice B." } });
    expect(response.status).toBe(201);
    expect(world.lines).toContainEqual({
      event: "profile-not-synchronised",
      requestId: response.headers.get("X-Request-Id"),
      reason: "upstream-rejected",
      remedy: expect.any(String),
    });
    world.simulator.faults.remove(refusing);
    await world.signIn({ subject: "alice", claims: { name: "Alice B." } });
    expect(world.simulator.user("alice")?.name).toBe("Alice B.");
  });
});
