import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sharedTimer, within } from "../../src/within.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const never = () => new Promise<never>(() => undefined);

describe("the shared timer of a request's time limits", () => {
  test("is one timer for any number of limits, and is cleared at the answer", async () => {
    const { timer, stop } = sharedTimer(Date.now);
    for (let wait = 0; wait < 3; wait += 1) {
      expect(await within(100, Promise.resolve("in time"), timer)).toBe("in time");
      expect(vi.getTimerCount()).toBe(1);
    }
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("ends each limit at its own time, in any order", () => {
    const { timer } = sharedTimer(Date.now);
    const late: string[] = [];
    timer(4_000, () => late.push("a call"));
    timer(100, () => late.push("a limit"));
    const inTime = timer(200, () => late.push("in time"));
    vi.advanceTimersByTime(99);
    expect(late).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(late).toEqual(["a limit"]);
    inTime();
    timer(300, () => late.push("a later one"));
    vi.advanceTimersByTime(299);
    expect(late).toEqual(["a limit"]);
    vi.advanceTimersByTime(1);
    expect(late).toEqual(["a limit", "a later one"]);
    vi.advanceTimersByTime(3_600);
    expect(late).toEqual(["a limit", "a later one", "a call"]);
  });

  test("ends limits after the answer too, and is cleared after the last of them", async () => {
    const { timer, stop } = sharedTimer(Date.now);
    const first = within(100, never(), timer);
    const second = within(500, never(), timer);
    const inTime = timer(1_000, () => undefined);
    stop();
    vi.advanceTimersByTime(500);
    expect([await first, await second]).toEqual([undefined, undefined]);
    expect(vi.getTimerCount()).toBe(1);
    inTime();
    expect(vi.getTimerCount()).toBe(0);
  });
});
