import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { holding } from "./holding.ts";
import { keeping, ledgerOf, request, restored } from "./keeping.ts";
import { bodyOf } from "./world.ts";

restored();

const tokenOf = async (response: Response) => (await bodyOf(response)).authToken;
const device = (jti: string) => ({ subject: "alice", claims: { jti } });
const rows = () =>
  runInDurableObject(ledgerOf("alice"), (_, { storage: { sql } }) =>
    sql.exec("SELECT app, session, due FROM tokens").toArray(),
  );

describe("signing out everywhere while another device signs in", () => {
  it("forgets nothing of a token that came after it: that device can still sign out itself", async () => {
    const world = holding();
    const phone = await world.provider.issue(device("phone"));
    const laptop = await world.provider.issue(device("laptop"));
    await world.signIn(phone);
    const answer = world.hold("flush", "after");
    const signingOut = world.call("/v1/tokens", request("DELETE", phone));
    await answer.reached;
    const later = await tokenOf(await world.signIn(laptop));
    answer.open();
    expect((await signingOut).status).toBe(204);
    // It began after the sign-out, so it lives on, and is known.
    expect(world.simulator.tokens("alice")).toEqual([later]);
    expect(await rows()).toMatchObject([{ due: null }]);
    expect((await world.call("/v1/token", request("DELETE", laptop))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it.each(["while CometChat ends the others", "after the sign-out was answered"])(
    "ends the token of a sign-in that began before it and was minted %s",
    async (when) => {
      const world = holding();
      const phone = await world.provider.issue(device("phone"));
      await world.signIn(phone);
      const mint = world.hold("mint", "before");
      const signingIn = world.signIn(device("laptop"));
      await mint.reached;
      const answer = world.hold("flush", "after");
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

  it("spares in another app what began after it, though it was recorded before", async () => {
    const world = keeping();
    const { authToken } = await bodyOf(await world.signIn(device("phone")));
    const ledger = ledgerOf("alice");
    const at = Date.now();
    const elsewhere = { uid: "alice", app: "us", token: `${authToken}x`, session: "elsewhere", expiresAt: null };
    await ledger.record({ ...elsewhere, mintedAt: at + 1 });
    await ledger.flushed("main", await ledger.endAll("alice", at), 1000);
    expect(await rows()).toEqual([{ app: "us", session: "elsewhere", due: null }]);
  });

  it("costs one call to CometChat, however many devices there are", async () => {
    const world = keeping();
    for (const name of ["phone", "laptop", "tablet"]) await world.signIn(device(name));
    const before = world.fetched.length;
    await world.call("/v1/tokens", request("DELETE", await world.provider.issue(device("phone"))));
    expect(world.fetched.slice(before).filter((call) => call.startsWith("DELETE"))).toHaveLength(1);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("does not end what a device signs in to afterwards", async () => {
    const world = keeping();
    const phone = await world.provider.issue(device("phone"));
    await world.signIn(phone);
    await world.call("/v1/tokens", request("DELETE", phone));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1000 });
    const again = await tokenOf(await world.signIn(device("laptop")));
    expect(world.simulator.tokens("alice")).toEqual([again]);
  });
});

describe("a user with very many tokens", () => {
  const record = async (token: string, session: string) =>
    ledgerOf("alice").record({
      ...{ uid: "alice", app: "main", token, session },
      ...{ mintedAt: Date.now(), expiresAt: null, moves: false },
    });

  it("has no more of them on record than CometChat keeps alive", async () => {
    const world = keeping();
    await world.signIn(device("phone"));
    for (let number = 0; number < 105; number += 1) {
      await record(world.simulator.mint("alice"), `session ${number}`);
    }
    const sessions = (await rows()).map(({ session }) => session);
    expect(sessions).toHaveLength(100);
    expect(sessions).toContain("session 104");
    expect(sessions).not.toContain("session 4");
  });

  it("signs out of a session with a hundred in time: some are ended side by side", async () => {
    // One after the other they would take 6 seconds.
    const world = keeping({ env: { REQUEST_TIMEOUT_MS: 4000 } });
    const phone = await world.provider.issue(device("phone"));
    await world.signIn(phone);
    await runInDurableObject(ledgerOf("alice"), (_, { storage: { sql } }) => {
      for (let number = 1; number < 100; number += 1) {
        sql.exec(
          `INSERT INTO tokens (app, session, digest, sealed, mintedAt)
            SELECT app, session, ?, sealed, mintedAt FROM tokens LIMIT 1`,
          `digest ${number}`,
        );
      }
    });
    world.simulator.set({ latency: 60 });
    expect((await world.call("/v1/token", request("DELETE", phone))).status).toBe(204);
    expect(world.simulator.journal.calls({ call: "revoke" })).toBe(100);
    expect(await rows()).toEqual([]);
  });

  it("keeps the newest of a session (TOKENS.maxPerSession), though the clock that minted it is behind", async () => {
    // The Durable Object's own configuration has maxPerSession = 5; see vitest.config.ts.
    const world = keeping({ env: { TOKENS: { maxPerSession: 5 } } });
    const phone = await world.provider.issue(device("phone"));
    for (let reload = 0; reload < 5; reload += 1) await world.signIn(phone);
    const deps = { now: () => Date.now() - 2000, fetch: world.fetch };
    const behind = keeping({ env: { TOKENS: { maxPerSession: 5 } }, deps });
    const newest = await tokenOf(await behind.signIn(phone));
    expect(world.simulator.tokens("alice")).toContain(newest);
    expect(world.simulator.tokens("alice")).toHaveLength(5);
  });
});
