import { describe, expect, it } from "vitest";
import { hmac } from "../../support/forge.ts";
import { createVerifierWorld, issuerEntry, outcome, secretSource } from "../../support/verifier.ts";

describe("a session", () => {
  it("is accepted with the keys that its issuer's discovery document names", async () => {
    const world = createVerifierWorld();
    const result = await world.verify(await world.provider.issue({ subject: "bob" }));
    expect(outcome(result)).toBe("session of bob");
    expect(world.fetched).toEqual([world.provider.discoveryUrl, world.provider.jwksUrl]);
  });

  it("is accepted with the keys at a configured address, without discovery", async () => {
    const world = createVerifierWorld({
      issuers: [issuerEntry({ keys: { from: "jwks", url: "https://auth.example/jwks" } })],
    });
    expect(outcome(await world.verify(await world.provider.issue({ alg: "RS256" })))).toBe("session of alice");
    expect(world.fetched).toEqual([world.provider.jwksUrl]);
  });

  it("needs no I/O as soon as the keys are in memory", async () => {
    const world = createVerifierWorld();
    await world.verify(await world.provider.issue());
    await world.finished();
    world.fetched.length = 0;
    const reads = world.kv.reads;
    for (const alg of ["ES256", "RS256"]) {
      expect(outcome(await world.verify(await world.provider.issue({ alg })))).toBe("session of alice");
    }
    expect(world.fetched).toEqual([]);
    expect(world.kv.reads).toBe(reads);
  });

  it.each([
    ["expired", { expiresIn: -60 }, "session-expired"],
    ["for another audience", { audience: "other" }, "audience-other"],
    ["expired and for another audience", { expiresIn: -60, audience: "other" }, "audience-other"],
    ["forged", { forged: true }, "signature-wrong"],
    ["signed with an unknown kid", { kid: "nobody" }, "key-unknown"],
    ["of another issuer", { claims: { iss: "https://evil.example" } }, "issuer-unknown"],
  ])("is refused if it is %s", async (_, options, reason) => {
    const world = createVerifierWorld();
    expect(outcome(await world.verify(await world.provider.issue(options)))).toBe(reason);
  });

  it("is never verified with an algorithm that does not fit its issuer's keys, whatever an entry allows", async () => {
    const key = JSON.stringify((await createVerifierWorld().provider.jwks()).keys[0]);
    const algorithms = ["HS256", "ES256"] as const;
    const text = "a secret of at least thirty-two bytes";
    for (const keys of [{ from: "discovery" }, { from: "public", text: key }] as const) {
      const world = createVerifierWorld({ issuers: [issuerEntry({ keys, algorithms })] });
      expect(outcome(await world.verify(await hmac(key, { iss: "https://auth.example" })))).toBe("alg-not-allowed");
      expect(world.fetched).toEqual([]);
    }
    const world = createVerifierWorld({ issuers: [issuerEntry({ keys: secretSource(text), algorithms })] });
    expect(outcome(await world.verify(await world.provider.issue()))).toBe("alg-not-allowed");
  });

  it("is neither accepted nor called invalid while the keys cannot be fetched", async () => {
    const world = createVerifierWorld();
    world.provider.fault = { kind: "status", status: 503 };
    const result = await world.verify(await world.provider.issue());
    expect(result).toMatchObject({ error: { reason: "keys-unavailable", retryAfter: 5 } });
  });
});
