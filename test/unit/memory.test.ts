import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemory } from "../../src/memory.ts";

describe("an isolate's memory", () => {
  it("has at most so many entries, and drops the one that was read longest ago", () => {
    const memory = createMemory<number>(2, () => 0);
    memory.set("a", 1);
    memory.set("b", 2);
    expect(memory.get("a")).toBe(1);
    memory.set("c", 3);
    expect([memory.get("a"), memory.get("b"), memory.get("c")]).toEqual([1, undefined, 3]);
    expect([...memory.entries()]).toHaveLength(2);
  });

  it("drops an entry after its time, however often it is read, and at once if it is deleted", () => {
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

  it("returns the value that was set last, or nothing, after any sequence of operations", () => {
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
          const found = memory.get(key);
          const known = truth.get(key);
          if (found !== undefined) expect(known && now < known.at + 5 ? known.value : undefined).toBe(found);
          if (kind === "set") expect(found).toBe(value);
          expect([...memory.entries()].length).toBeLessThanOrEqual(3);
        }
      }),
    );
  });
});
