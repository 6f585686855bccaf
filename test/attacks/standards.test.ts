import { describe, expect, it } from "vitest";
import { decode } from "../../src/session/base64url.ts";
import { inspect } from "../../src/session/compact.ts";
import { type Example, examples, forgery, JOE, keyOf, verifies } from "../support/examples.ts";
import { createVerifierWorld, issuerEntry, outcome } from "../support/verifier.ts";

describe("the standards' own example", () => {
  it.each(examples)("$name ($alg) verifies", async (example) => {
    expect(await verifies(example.token, example, keyOf(example))).toBe(true);
  });

  // The examples of ES512 take half a minute: test/long/standards.test.ts.
  it.each(examples.filter(({ alg }) => alg !== "ES512"))(
    "$name ($alg) does not verify after any change of one character",
    async (example) => {
      const { verifies, tried } = await forgery(example);
      expect(verifies).toBeUndefined();
      expect(tried).toBeGreaterThan(example.token.length * 64);
    },
  );

  it("RFC 7515 A.5 (unsecured) has the form of a compact JWS and is refused", async () => {
    const token = `eyJhbGciOiJub25lIn0.${JOE}.`;
    expect(inspect(token).ok).toBe(true);
    expect(outcome(await worldOf(examples[2]).verify(token))).toBe("alg-not-allowed");
  });

  it.each(examples.slice(0, 3))(
    "$name is a session of joe until 1300819380, and expired from then on",
    async (example) => {
      const world = worldOf(example);
      world.clock.now = 1_300_819_380_000 - 1;
      expect(outcome(await world.verify(example.token))).toBe("session of joe");
      world.clock.now += 1;
      expect(outcome(await world.verify(example.token))).toBe("session-expired");
    },
  );

  it("is refused as a session if its payload is no JSON, although its signature is right", async () => {
    for (const example of examples.slice(3)) {
      expect(outcome(await worldOf(example).verify(example.token))).toBe("token-payload");
    }
  });
});

/** A verifier whose issuer is `joe`, the issuer in the examples, with the example's key. */
function worldOf(example: Example | undefined) {
  if (!example) throw new Error("There is no such example.");
  const { key, alg } = example;
  const bytes = typeof key === "string" ? decode(key) : undefined;
  const keys = bytes ? ({ from: "secret", bytes } as const) : ({ from: "public", text: JSON.stringify(key) } as const);
  const rules = { audience: [], audienceRequired: false, clockTolerance: 0 };
  const uid = { claim: "iss", prefix: "", shared: false };
  return createVerifierWorld({
    providers: [],
    issuers: [issuerEntry({ issuer: "joe", keys, algorithms: [alg], uid, ...rules })],
  });
}
