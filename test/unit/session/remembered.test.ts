import { afterEach, describe, expect, it, vi } from "vitest";
import { REMEMBERED_BYTES, SESSION_BYTES, SESSIONS_REMEMBERED } from "../../../src/limits.ts";
import { GOOD, outcome, simple } from "../../support/verifier.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("what is remembered of sessions", () => {
  /** A good session of exactly so many characters; base64url has no text of some lengths, so of the next ones below. */
  async function sessionOf(world: ReturnType<typeof simple>, length: number): Promise<string> {
    const plain = (await world.provider.issue({ claims: { pad: "" } })).length;
    for (let pad = Math.floor(((length - plain) * 3) / 4) + 2; pad >= 0; pad -= 1) {
      const session = await world.provider.issue({ claims: { pad: "x".repeat(pad) } });
      if (session.length <= length) return session;
    }
    throw new Error("no session is so small");
  }

  it.each([
    [800, 1],
    [REMEMBERED_BYTES, 1],
    [REMEMBERED_BYTES + 3, 4],
    [4096, 4],
    [SESSION_BYTES, 4],
  ])("a session of %i characters, asked about four times, is verified %i times and works", async (length, times) => {
    const world = simple();
    const session = await sessionOf(world, length);
    expect(session.length).toBeGreaterThan(length - 3);
    const spy = vi.spyOn(crypto.subtle, "verify");
    for (let count = 0; count < 4; count += 1) expect(outcome(await world.verify(session))).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(times);
    expect(world.fetched).toHaveLength(1);
    // A large one that is no longer good is refused like any other.
    world.clock.now += 3_600_000 + 30_000;
    expect(outcome(await world.verify(session))).toBe("session-expired");
  });

  it("is bounded: the session that was asked about longest ago is verified again", { timeout: 60_000 }, async () => {
    const world = simple();
    // One request's, since each has a timer of its own.
    const context = world.context();
    const ask = async (session?: string) =>
      outcome(await world.verify(session ?? (await world.provider.issue()), {}, context));
    const spy = vi.spyOn(crypto.subtle, "verify");
    const [first, second] = [await world.provider.issue(), await world.provider.issue()];
    for (const session of [first, second]) expect(await ask(session)).toBe(GOOD);
    for (let count = 0; count < SESSIONS_REMEMBERED - 2; count += 1) await ask();
    expect(spy).toHaveBeenCalledTimes(SESSIONS_REMEMBERED);
    // All of them are known; one more is one too many.
    expect(await ask(first)).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(SESSIONS_REMEMBERED);
    await ask();
    expect(await ask(first)).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(SESSIONS_REMEMBERED + 1);
    expect(await ask(second)).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(SESSIONS_REMEMBERED + 2);
  });

  it("takes a quarter of an isolate's 128 MB at the very worst", () => {
    // Objects of one member each, as JSON writes them, take about sixteen times their text.
    expect(SESSIONS_REMEMBERED * REMEMBERED_BYTES * 16).toBeLessThanOrEqual((128 / 4) * 1024 * 1024);
  });
});
