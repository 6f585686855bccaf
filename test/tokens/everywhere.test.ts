import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { sessionDigest } from "../../src/kv.ts";
import { createBlockingWorld } from "../support/gates.ts";
import { createRecordingWorld, ledgerOf, request, restoreAfterEach } from "../support/ledger.ts";
import { virtualTime } from "../support/time.ts";
import { bodyOf, ISSUER } from "../support/world.ts";

restoreAfterEach();

const tokenOf = async (response: Response) => (await bodyOf(response)).authToken;
const device = (jti: string) => ({ subject: "alice", claims: { jti } });
const rows = () =>
  runInDurableObject(ledgerOf("alice"), (_, { storage: { sql } }) =>
    sql.exec("SELECT app, session, state, at FROM minted WHERE state != 'ended'").toArray(),
  );

describe("a sign-out everywhere", () => {
  it("keeps the token of a sign-in that begins after it, and that device can sign out later", async () => {
    const world = createBlockingWorld();
    const phone = await world.provider.issue(device("phone"));
    const laptop = await world.provider.issue(device("laptop"));
    await world.signIn(phone);
    const answer = world.block("flush", "after");
    const signingOut = world.call("/v1/tokens", request("DELETE", phone));
    await answer.reached;
    const later = await tokenOf(await world.signIn(laptop));
    answer.open();
    expect((await signingOut).status).toBe(204);
    // The sign-in began after the sign-out, so its token works and is recorded.
    expect(world.simulator.tokens("alice")).toEqual([later]);
    expect(await rows()).toMatchObject([{ state: "live" }]);
    expect((await world.call("/v1/token", request("DELETE", laptop))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it.each(["while CometChat revokes the others", "after the sign-out was answered"])(
    "revokes the token of a sign-in that began before it and was minted %s",
    async (when) => {
      const world = createBlockingWorld();
      const phone = await world.provider.issue(device("phone"));
      await world.signIn(phone);
      const mint = world.block("mint", "before");
      const signingIn = world.signIn(device("laptop"));
      await mint.reached;
      const answer = world.block("flush", "after");
      const signingOut = world.call("/v1/tokens", request("DELETE", phone));
      await answer.reached;
      if (when.startsWith("after")) {
        answer.open();
        expect((await signingOut).status).toBe(204);
      }
      mint.open();
      expect((await signingIn).status).toBe(201);
      answer.open();
      expect((await signingOut).status).toBe(204);
      expect(world.simulator.tokens("alice")).toEqual([]);
      expect(await rows()).toEqual([]);
    },
  );

  it("does not revoke a later token of another app, although that token was recorded before it", async () => {
    const world = createRecordingWorld();
    await world.signIn(device("phone"));
    const at = Date.now();
    await record("main", world.simulator.mint("alice"), "here", at + 1);
    await record("us", "alice_1", "elsewhere", at + 1);
    await ledgerOf("alice").end("alice", "user", { at, budget: 1000, flush: ["main"] });
    expect(await rows()).toEqual([{ app: "us", session: "elsewhere", state: "live", at: null }]);
  });

  it("needs one call to CometChat, however many devices there are", async () => {
    const world = createRecordingWorld();
    for (const name of ["phone", "laptop", "tablet"]) await world.signIn(device(name));
    const before = world.fetched.length;
    await world.call("/v1/tokens", request("DELETE", await world.provider.issue(device("phone"))));
    expect(world.fetched.slice(before).filter((call) => call.startsWith("DELETE"))).toHaveLength(1);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("does not revoke the token of a later sign-in", async () => {
    const world = createRecordingWorld();
    const phone = await world.provider.issue(device("phone"));
    await world.signIn(phone);
    await world.call("/v1/tokens", request("DELETE", phone));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1000 });
    const next = await tokenOf(await world.signIn(device("laptop")));
    expect(world.simulator.tokens("alice")).toEqual([next]);
  });
});

const record = async (app: string, token: string, session: string, mintedAt = Date.now()) =>
  ledgerOf("alice").record("alice", { app, token, session, name: null, mintedAt, expiresAt: null });

describe("a user with very many tokens", () => {
  virtualTime();

  it("has at most a hundred of them recorded, as many as CometChat keeps", async () => {
    const world = createRecordingWorld();
    await world.signIn(device("phone"));
    for (let number = 0; number < 105; number += 1) {
      await record("main", world.simulator.mint("alice"), `session ${number}`);
    }
    const sessions = (await rows()).map(({ session }) => session);
    expect(sessions).toHaveLength(100);
    expect(sessions).toContain("session 104");
    expect(sessions).not.toContain("session 4");
  });

  it("signs out of a session with a hundred tokens in time, since some are revoked at the same time", async () => {
    // One after the other, the calls would take 6 seconds.
    const world = createRecordingWorld({ env: { REQUEST_TIMEOUT_MS: 4000 } });
    const phone = await world.provider.issue(device("phone"));
    await world.signIn(phone);
    const session = await sessionDigest(ISSUER, "phone");
    for (let number = 1; number < 100; number += 1) await record("main", world.simulator.mint("alice"), session);
    world.simulator.set({ latency: 60 });
    expect((await world.call("/v1/token", request("DELETE", phone))).status).toBe(204);
    expect(world.simulator.journal.calls({ call: "revoke" })).toBe(100);
    expect(await rows()).toEqual([]);
  });

  it("keeps the newest token of a session (TOKENS.maxPerSession), although the clock that minted it is slow", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { maxPerSession: 5 } } });
    const phone = await world.provider.issue(device("phone"));
    for (let reload = 0; reload < 5; reload += 1) await world.signIn(phone);
    const deps = { now: () => Date.now() - 2000, fetch: world.fetch };
    const withSlowClock = createRecordingWorld({ env: { TOKENS: { maxPerSession: 5 } }, deps });
    const newest = await tokenOf(await withSlowClock.signIn(phone));
    expect(world.simulator.tokens("alice")).toContain(newest);
    expect(world.simulator.tokens("alice")).toHaveLength(5);
  });
});
