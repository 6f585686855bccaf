import { setTimeout as sleep } from "node:timers/promises";
import { decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import { ask, better, oidc } from "../support/providers.ts";

// The gateway fetches keys again after half a minute at the earliest. This test waits for it in wall-clock time.
describe("sessions with new keys of oidc-provider and better-auth", () => {
  it("are never called invalid, and are accepted as soon as the cool-down is over", {
    timeout: 120_000,
  }, async () => {
    // The gateway has the old keys.
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
    // This session was signed before the rotation, with a key that is still published.
    expect((await ask(token)).status).toBe(201);
  });
});
