import { setTimeout as sleep } from "node:timers/promises";
import { decodeProtectedHeader } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { witness } from "../witness.ts";
import { type BetterAuth, startBetterAuth } from "./betterauth.ts";
import { type Oidc, startOidc } from "./oidc.ts";

/** Identity providers that nobody here wrote, and the gateway as it is deployed, over real sockets. */
let oidc: Oidc;
let better: BetterAuth;
let sandbox: Sandbox;

beforeAll(async () => {
  // oidc-provider advises on its console what to change for production.
  for (const method of ["info", "warn"] as const) vi.spyOn(console, method).mockImplementation(() => undefined);
  [oidc, better] = await Promise.all([startOidc(), startBetterAuth()]);
  sandbox = await startSandbox({
    onMint: witness.keepToken,
    vars: {
      SESSION_ISSUERS: [
        {
          name: "oidc-provider",
          issuer: oidc.issuer,
          audience: oidc.audience,
          sessionIdClaim: "sid",
          uid: { prefix: "o_" },
        },
        { issuer: better.issuer, preset: "better-auth", uid: { prefix: "b_" } },
        // Nobody is there.
        { name: "nobody", issuer: "http://127.0.0.1:9", audience: ["chat"], uid: { prefix: "n_" } },
      ],
    },
  });
  await oidc.open(sandbox.gateway);
});

afterEach(() => {
  witness.keepAll(sandbox.secrets);
  witness.hearAll(sandbox.logs);
  expect(witness.leaks(), "no session, auth token or key in the gateway's log").toEqual([]);
});

afterAll(async () => {
  await sandbox?.stop();
  await Promise.all([oidc?.close(), better?.close()]);
});

interface Answer {
  readonly status: number;
  readonly retryAfter: number;
  readonly body: { readonly uid?: string; readonly code?: string; readonly authToken?: string };
}

async function ask(session: string): Promise<Answer> {
  witness.keep(session);
  const response = await fetch(new URL("/v1/token", sandbox.gateway), {
    method: "POST",
    headers: { Authorization: `Bearer ${session}` },
  });
  return {
    status: response.status,
    retryAfter: Number(response.headers.get("retry-after")),
    body: (await response.json()) as Answer["body"],
  };
}

const nameOf = (uid: string | undefined) => sandbox.simulator.user(uid ?? "")?.name;

describe("oidc-provider", () => {
  it("its users get auth tokens for their ID tokens", async () => {
    const { idToken } = await oidc.signIn("ada");
    const { status, body } = await ask(idToken);
    expect({ status, uid: body.uid }).toEqual({ status: 201, uid: "o_ada" });
    expect(nameOf("o_ada")).toBe("ada of oidc-provider");
    expect(sandbox.simulator.tokens("o_ada")).toEqual([body.authToken]);
  });

  it("its access tokens for a resource are sessions too (RFC 9068)", async () => {
    const { accessToken } = await oidc.signIn("grace");
    expect(decodeProtectedHeader(accessToken)).toMatchObject({ alg: "RS256", typ: "at+jwt" });
    expect(await ask(accessToken)).toMatchObject({ status: 201, body: { uid: "o_grace" } });
  });

  it("a sign-out there reaches the gateway by its own back-channel logout, and ends the chat", async () => {
    const { jar, idToken } = await oidc.signIn("edith");
    expect(await ask(idToken)).toMatchObject({ status: 201, body: { uid: "o_edith" } });
    expect(sandbox.simulator.tokens("o_edith")).toHaveLength(1);
    await oidc.signOut(jar);
    expect(sandbox.simulator.tokens("o_edith")).toEqual([]);
  });
});

describe("better-auth with its JWT plugin, by preset", () => {
  it("its users get auth tokens for their JWTs", async () => {
    const { token } = await better.signUp("Hedy");
    expect(decodeProtectedHeader(token).alg).toBe("EdDSA");
    const { status, body } = await ask(token);
    expect(status).toBe(201);
    expect(body.uid).toMatch(/^b_/);
    expect(nameOf(body.uid)).toBe("Hedy");
  });
});

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

describe("readiness", () => {
  it("names the issuer whose keys cannot be had, and no other", async () => {
    const response = await fetch(new URL("/readyz", sandbox.gateway));
    expect(response.status).toBe(503);
    const lines = (await response.text()).split("\n");
    const failed = lines.filter((line) => line.includes('"ok":false'));
    expect(failed).toHaveLength(1);
    expect(failed[0]).toContain("http://127.0.0.1:9");
  });
});
