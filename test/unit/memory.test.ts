import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemory } from "../../src/memory.ts";

describe("an isolate's memory", () => {
  it("forgets what was asked for longest ago, and never holds more than it may", () => {
    const memory = createMemory<number>(2, () => 0);
    memory.set("a", 1);
    memory.set("b", 2);
    expect(memory.get("a")).toBe(1);
    memory.set("c", 3);
    expect([memory.get("a"), memory.get("b"), memory.get("c")]).toEqual([1, undefined, 3]);
    expect([...memory.entries()]).toHaveLength(2);
  });

  it("forgets after its time, however often it was asked, and at once when told", () => {
    let now = 0;
    const memory = createMemory<number>(10, () => now, 1000);
    memory.set("a", 1);
    now = 999;
    expect(memory.get("a")).toBe(1);
    now = 1000;
    expect(memory.get("a")).toBeUndefined();
    memory.set("a", 2);
    memory.delete("a");
    expect(memory.get("a")).toBeUndefined();
  });

  it("answers what was set last or nothing, whatever happens to it", () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b", "c", "d"),
      value: fc.nat(),
      kind: fc.constantFrom("get", "set", "delete", "wait"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let now = 0;
        const memory = createMemory<number>(3, () => now, 5);
        const truth = new Map<string, { value: number; at: number }>();
        for (const { key, value, kind } of steps) {
          if (kind === "wait") now += value % 4;
          if (kind === "delete") memory.delete(key);
          if (kind === "delete") truth.delete(key);
          if (kind === "set") memory.set(key, value);
          if (kind === "set") truth.set(key, { value, at: now });
          const told = memory.get(key);
          const known = truth.get(key);
          if (told !== undefined) expect(known && now < known.at + 5 ? known.value : undefined).toBe(told);
          if (kind === "set") expect(told).toBe(value);
          expect([...memory.entries()].length).toBeLessThanOrEqual(3);
        }
      }),
    );
  });
});
