import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { AFTER_TRIES } from "../../src/limits.ts";
import type { LogLine } from "../../src/telemetry/log.ts";
import { faultyKv, faultyLedger, never } from "../support/faults.ts";
import { createRecordingWorld, request, restoreAfterEach } from "../support/ledger.ts";
import { sleep, virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, type World } from "../support/world.ts";

restoreAfterEach();

const out = (session: string, body?: unknown) => request("DELETE", session, body);

describe("a token that could not be recorded after all attempts", () => {
  const failing = () => {
    const state = { down: true };
    const LEDGER = faultyLedger((call) =>
      state.down && call === "record" ? Promise.reject(new Error("internal error")) : undefined,
    );
    return { state, LEDGER };
  };

  /** The sign-out asks for the token, and then revokes it. */
  async function expectNamed(world: World, state: { down: boolean }): Promise<void> {
    const session = await world.provider.issue({ subject: "alice", sid: "phone" });
    const { authToken } = await bodyOf(await world.signIn(session));
    state.down = false;
    expect((await world.call("/v1/token", out(session))).status).toBe(400);
    expect((await world.call("/v1/token", out(session, { authToken }))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  }

  it.each(["never", "session"])(
    "has to be named at the sign-out, since only the client has it (reuse = %s)",
    async (reuse) => {
      const { state, LEDGER } = failing();
      const world = createRecordingWorld({ env: { LEDGER, TOKENS: { reuse } } });
      await expectNamed(world, state);
    },
  );

  it("has to be named at the sign-out also if KV did not store the user's mapping before", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const state = { down: true };
    const given = Promise.withResolvers<void>();
    const LEDGER = faultyLedger((call) =>
      // The ledger fails later than KV, so that the write of the mapping has failed for good before.
      state.down && call === "record" ? given.promise.then(() => Promise.reject(new Error("late"))) : undefined,
    );
    let refused = 0;
    const USERS = faultyKv((operation, key) => {
      if (operation !== "put" || !key.startsWith("v1:u:") || refused === AFTER_TRIES) return undefined;
      refused += 1;
      if (refused === AFTER_TRIES) given.resolve();
      return Promise.reject(new Error("KV PUT failed: 503"));
    });
    // The clock moves on with each attempt, because an isolate remembers a mapping for 10 s.
    const sleep = async () => void vi.setSystemTime(Date.now() + 5000);
    const world = createRecordingWorld({ env: { LEDGER, USERS }, deps: { sleep } });
    await expectNamed(world, state);
  });

  it("does not prevent the user's other sessions from signing out", async () => {
    const { state, LEDGER } = failing();
    const world = createRecordingWorld({ env: { LEDGER } });
    const { authToken } = await bodyOf(await world.signIn({ subject: "alice", sid: "phone" }));
    state.down = false;
    const laptop = await world.provider.issue({ subject: "alice", sid: "laptop" });
    await world.signIn(laptop);
    expect((await world.call("/v1/token", out(laptop))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([authToken]);
  });

  it("is revoked by a sign-out everywhere, and need not be named after that", async () => {
    const { state, LEDGER } = failing();
    const world = createRecordingWorld({ env: { LEDGER } });
    const session = await world.provider.issue({ subject: "alice", sid: "phone" });
    await world.signIn(session);
    state.down = false;
    expect((await world.call("/v1/tokens", out(session))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect((await world.call("/v1/token", out(session))).status).toBe(204);
  });

  it("is revoked by a logout of its session, with all tokens of the user", async () => {
    const { state, LEDGER } = failing();
    const world = createRecordingWorld({ env: { LEDGER } });
    await world.signIn({ subject: "alice", sid: "phone" });
    state.down = false;
    const response = await world.call("/v1/backchannel-logout", {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: `logout_token=${await world.provider.issueLogoutToken({ sub: "alice", sid: "phone" })}`,
    });
    expect(response.status).toBe(200);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

describe("a request that a test does not wait for", () => {
  const over = Promise.withResolvers<void>();
  let late: Promise<unknown>;
  const keys = () => bindings.USERS.list({ prefix: "v1:k:" });

  it("may still be running when the test ends", async () => {
    const world = createWorld();
    const USERS = world.env.USERS as KVNamespace;
    late = over.promise.then(() => USERS.put("v1:k:late", "keys"));
    late.catch(() => undefined);
    expect((await world.signIn()).status).toBe(201);
  });

  it("writes nothing that the next test could read", async () => {
    over.resolve();
    await expect(late).rejects.toThrow("over");
    expect((await keys()).keys).toEqual([]);
  });
});

describe("the work after an answer", () => {
  virtualTime();

  it("ends, with its log line, within the platform's 30 s, although the ledger never answers", async () => {
    const LEDGER = faultyLedger(never);
    const lines: LogLine[] = [];
    const world = createRecordingWorld({
      env: { LEDGER },
      deps: { log: (line) => void lines.push(line), sleep },
    });
    const session = await world.provider.issue({ subject: "alice", sid: "phone" });
    const begun = Date.now();
    const response = await world.ask("/v1/token", { method: "POST", headers: { Authorization: `Bearer ${session}` } });
    expect(response.status).toBe(201);
    await world.finish();
    expect(Date.now() - begun).toBeLessThanOrEqual(27_000);
    const failed = lines.find(({ event, task }) => event === "after-failed" && task === "record");
    expect(failed).toMatchObject({ reason: expect.stringMatching(/ledger-unavailable|late/) });
  });
});

describe("a deployment that records no tokens (no TOKEN_ENCRYPTION_KEY)", () => {
  it("calls no Durable Object for a sign-out everywhere", async () => {
    const asked: string[] = [];
    const LEDGER = faultyLedger((call) => {
      asked.push(call);
      return Promise.reject(new Error("internal error"));
    });
    const world = createRecordingWorld({ env: { LEDGER, TOKEN_ENCRYPTION_KEY: undefined } });
    const session = await world.provider.issue({ subject: "alice", sid: "phone" });
    await world.signIn(session);
    expect((await world.call("/v1/tokens", out(session))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect(asked).toEqual([]);
  });
});
