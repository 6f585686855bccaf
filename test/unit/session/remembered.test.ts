import { afterEach, describe, expect, it, vi } from "vitest";
import { REMEMBERED_BYTES, SESSION_BYTES, SESSIONS_REMEMBERED } from "../../../src/limits.ts";
import { GOOD, outcome, simple } from "../../support/verifier.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the verifier's memory of sessions", () => {
  /** A valid session of that many characters, or of a few less, since base64url has no text of some lengths. */
  async function sessionOf(world: ReturnType<typeof simple>, length: number): Promise<string> {
    const plain = (await world.provider.issue({ claims: { pad: "" } })).length;
    for (let pad = Math.floor(((length - plain) * 3) / 4) + 2; pad >= 0; pad -= 1) {
      const session = await world.provider.issue({ claims: { pad: "x".repeat(pad) } });
      if (session.length <= length) return session;
    }
    throw new Error("No session is so small.");
  }

  it.each([
    [800, 1],
    [REMEMBERED_BYTES, 1],
    [REMEMBERED_BYTES + 3, 4],
    [4096, 4],
    [SESSION_BYTES, 4],
  ])("has small sessions only: one of %i characters is verified %i times of four", async (length, times) => {
    const world = simple();
    const session = await sessionOf(world, length);
    expect(session.length).toBeGreaterThan(length - 3);
    const spy = vi.spyOn(crypto.subtle, "verify");
    for (let count = 0; count < 4; count += 1) expect(outcome(await world.verify(session))).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(times);
    expect(world.fetched).toHaveLength(1);
    // A large session that has expired is refused like any other.
    world.clock.now += 3_600_000 + 30_000;
    expect(outcome(await world.verify(session))).toBe("session-expired");
  });

  it("has a limited number of sessions, and drops the one that was used longest ago", { timeout: 60_000 }, async () => {
    const world = simple();
    // All calls share the context of one request, since each context has a timer.
    const context = world.context();
    const ask = async (session?: string) =>
      outcome(await world.verify(session ?? (await world.provider.issue()), {}, context));
    const spy = vi.spyOn(crypto.subtle, "verify");
    const [first, second] = [await world.provider.issue(), await world.provider.issue()];
    for (const session of [first, second]) expect(await ask(session)).toBe(GOOD);
    for (let count = 0; count < SESSIONS_REMEMBERED - 2; count += 1) await ask();
    expect(spy).toHaveBeenCalledTimes(SESSIONS_REMEMBERED);
    // The memory is full now.
    expect(await ask(first)).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(SESSIONS_REMEMBERED);
    await ask();
    expect(await ask(first)).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(SESSIONS_REMEMBERED + 1);
    expect(await ask(second)).toBe(GOOD);
    expect(spy).toHaveBeenCalledTimes(SESSIONS_REMEMBERED + 2);
  });

  it("needs at most a quarter of an isolate's 128 MB", () => {
    // The worst JSON, of objects with one member each, needs about sixteen times the memory of its text.
    expect(SESSIONS_REMEMBERED * REMEMBERED_BYTES * 16).toBeLessThanOrEqual((128 / 4) * 1024 * 1024);
  });
});
