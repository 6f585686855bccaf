import { describe, expect, it } from "vitest";
import { SESSION_MEMORY_MS, SESSIONS_REMEMBERED } from "../../../src/limits.ts";
import type { Key } from "../../../src/session/jwk.ts";
import { createSessionMemory } from "../../../src/session/memory.ts";
import { issuerEntry, NOON } from "../../support/verifier.ts";

const now = NOON * 1000;
const key = {} as Key;
const sessionOf = (subject: string, expiresAt = NOON + 3600) => ({
  issuer: issuerEntry(),
  subject,
  sessionId: subject,
  name: undefined,
  expiresAt,
  issuedAt: NOON,
  claims: {},
});

describe("the memory of verified sessions", () => {
  it("has a session for a minute", () => {
    const memory = createSessionMemory(Date.now);
    memory.set("a", sessionOf("alice"), key, now, Number.POSITIVE_INFINITY);
    expect(memory.get("a", now)?.session.subject).toBe("alice");
    expect(memory.get("a", now + SESSION_MEMORY_MS - 1)?.session.subject).toBe("alice");
    expect(memory.get("a", now + SESSION_MEMORY_MS)).toBeUndefined();
    expect(memory.get("a", now)).toBeUndefined();
  });

  it("has no session after its exp, or after the given time", () => {
    const memory = createSessionMemory(Date.now);
    memory.set("a", sessionOf("alice", NOON + 5), key, now, Number.POSITIVE_INFINITY);
    expect(memory.get("a", now + 4_999)).toBeDefined();
    expect(memory.get("a", now + 5_000)).toBeUndefined();
    memory.set("b", sessionOf("bob"), key, now, now + 10);
    expect(memory.get("b", now + 9)).toBeDefined();
    expect(memory.get("b", now + 10)).toBeUndefined();
    memory.set("c", sessionOf("carol", NOON - 5), key, now, Number.POSITIVE_INFINITY);
    expect(memory.get("c", now)).toBeUndefined();
  });

  it("has a limited number of sessions, and keeps one that is used", () => {
    const memory = createSessionMemory(Date.now);
    memory.set("kept", sessionOf("kept"), key, now, Number.POSITIVE_INFINITY);
    let found = 0;
    const count = SESSIONS_REMEMBERED * 5;
    for (let index = 0; index < count; index += 1) {
      memory.set(`s-${index}`, sessionOf(`s-${index}`), key, now, Number.POSITIVE_INFINITY);
      if (index % 100 === 0) expect(memory.get("kept", now)?.session.subject).toBe("kept");
    }
    for (let index = 0; index < count; index += 1) {
      const session = memory.get(`s-${index}`, now)?.session;
      if (session) expect(session.subject).toBe(`s-${index}`);
      if (session) found += 1;
    }
    expect(found).toBeLessThanOrEqual(SESSIONS_REMEMBERED * 2);
  });
});
