import { setTimeout as sleep } from "node:timers/promises";
import { decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import { ask, better, oidc } from "../support/providers.ts";

// The gateway asks a provider again after half a minute at the earliest: this waits for it, in wall-clock time.
describe("keys that are rotated in the running provider", () => {
  it("sign sessions that are never refused with a 401, and accepted as soon as the cool-down allows", {
    timeout: 120_000,
  }, async () => {
    // Known to the gateway with the old keys.
    expect((await ask((await oidc.signIn("before")).idToken)).status).toBe(201);
    const { jar, token } = await better.signUp("Before");
    expect((await ask(token)).status).toBe(201);

    await oidc.rotate();
    better.rotate();
    const sessions = [(await oidc.signIn("after")).idToken, await better.token(jar)];
    expect(decodeProtectedHeader(sessions[1] ?? "").kid).not.toBe(decodeProtectedHeader(token).kid);
    for (const session of sessions) {
      let answer = await ask(session);
      while (answer.status === 503) {
        expect(answer.body.code).toBe("keys-unavailable");
        expect(answer.retryAfter).toBeGreaterThanOrEqual(1);
        expect(answer.retryAfter).toBeLessThanOrEqual(30);
        await sleep(answer.retryAfter * 1000);
        answer = await ask(session);
      }
      expect(answer.status).toBe(201);
    }
    // Signed before the rotation, by keys that are still published.
    expect((await ask(token)).status).toBe(201);
  });
});
