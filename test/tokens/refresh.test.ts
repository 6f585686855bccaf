import { describe, expect, it } from "vitest";
import { createRecordingWorld, request, restoreAfterEach } from "../support/ledger.ts";
import { bodyOf, createWorld, ISSUER, type ProblemAnswer, type World } from "../support/world.ts";

restoreAfterEach();

const tokenOf = async (response: Response) => (await bodyOf(response)).authToken;
const out = (world: World, session: string, body?: unknown) =>
  world.call("/v1/token", request("DELETE", session, body));

describe("a session without an id that survives a refresh (Firebase, better-auth, Auth0's access tokens)", () => {
  const before = { subject: "alice", claims: { jti: "before the refresh" } };
  const after = { subject: "alice", claims: { jti: "after it" } };

  it("has to name its token at a sign-out after a refresh, since none is recorded under its new id", async () => {
    const world = createRecordingWorld();
    const token = await tokenOf(await world.signIn(before));
    const refreshed = await world.provider.issue(after);
    const response = await out(world, refreshed);
    expect(response.status).toBe(400);
    expect(await bodyOf<ProblemAnswer>(response)).toMatchObject({ code: "bad-request", detail: expect.any(String) });
    expect((await out(world, refreshed, { authToken: token })).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("signs out without naming its token before a refresh, also twice", async () => {
    const world = createRecordingWorld();
    const session = await world.provider.issue(before);
    await world.signIn(session);
    expect((await out(world, session)).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect((await out(world, session)).status).toBe(204);
    // The sign-out of the first session does not apply to the refreshed one.
    expect((await out(world, await world.provider.issue(after))).status).toBe(400);
  });

  it("is answered 400 at every sign-out without its token", async () => {
    const world = createRecordingWorld();
    await world.signIn(before);
    const refreshed = await world.provider.issue(after);
    expect([(await out(world, refreshed)).status, (await out(world, refreshed)).status]).toEqual([400, 400]);
  });

  it("with neither sid nor jti is the same session with its second valid signature (ECDSA's r, n − s)", async () => {
    const world = createRecordingWorld();
    const session = await world.provider.issue({ subject: "alice", claims: { jti: undefined }, alg: "ES256" });
    await world.signIn(session);
    const twin = twinOf(session);
    expect(twin).not.toBe(session);
    expect((await out(world, twin)).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("with neither sid nor jti has one token with both signatures (reuse = session)", async () => {
    const world = createRecordingWorld({ env: { TOKENS: { reuse: "session" } } });
    const session = await world.provider.issue({ subject: "alice", claims: { jti: undefined }, alg: "ES256" });
    const token = await tokenOf(await world.signIn(session));
    expect(await tokenOf(await world.signIn(twinOf(session)))).toBe(token);
  });
});

describe("a session with an id that survives a refresh", () => {
  it.each<[string, object, string | undefined]>([
    ["sid, if no claim is configured", { sid: "phone" }, undefined],
    ["sid, if the configured claim is missing", { sid: "phone" }, "session_id"],
    ["the configured claim", { claims: { session_id: "phone" } }, "session_id"],
    ["the configured claim, if there is a sid too", { sid: "x", claims: { session_id: "phone" } }, "session_id"],
  ])("signs out after a refresh by %s", async (_, name, sessionIdClaim) => {
    const world = createRecordingWorld({
      env: { SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], sessionIdClaim }] },
    });
    const { claims } = name as { claims?: object };
    const issue = (jti: string) => world.provider.issue({ subject: "alice", ...name, claims: { ...claims, jti } });
    await world.signIn(await issue("before the refresh"));
    expect((await out(world, await issue("after it"))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });

  it("signs out without ever having had a token", async () => {
    const world = createRecordingWorld();
    await world.signIn({ subject: "alice", sid: "phone" });
    expect((await out(world, await world.provider.issue({ subject: "alice", sid: "laptop" }))).status).toBe(204);
    expect(world.simulator.tokens("alice")).toHaveLength(1);
  });
});

describe("a user who does not exist in CometChat", () => {
  it.each([
    ["with TOKEN_ENCRYPTION_KEY", true],
    ["without TOKEN_ENCRYPTION_KEY", false],
  ])("signs out, here and everywhere, %s", async (_, records) => {
    const world = records ? createRecordingWorld() : createWorld();
    const session = await world.provider.issue({ subject: "nobody" });
    expect((await out(world, session)).status).toBe(204);
    expect((await out(world, session, { authToken: "nobody_1" })).status).toBe(204);
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
  });
});

describe("a token of CometChat", () => {
  it.each(["alice_17.ab~c+d=", "-", "a".repeat(600)])(
    "can be named at a sign-out in any form that is given out: %s",
    async (token) => {
      const base = createWorld();
      let revoked = "";
      const fetch: World["fetch"] = async (input, init) => {
        const { pathname } = new URL(input);
        if (init.method === "POST" && pathname.includes("/users")) {
          return Response.json({ data: { uid: "alice", name: "alice", authToken: token } });
        }
        if (init.method === "DELETE") revoked = decodeURIComponent(pathname.split("/auth_tokens/")[1] ?? "");
        return init.method === "DELETE" ? Response.json({ data: { success: true } }) : base.fetch(input, init);
      };
      const world = createWorld({ deps: { fetch } });
      const session = await base.provider.issue({ subject: "alice" });
      expect(await tokenOf(await world.signIn(session))).toBe(token);
      expect((await out(world, session, { authToken: token })).status).toBe(204);
      expect(revoked).toBe(token);
    },
  );

  it.each(["a/b", "..", "a b", "a%2fb", "é", "a".repeat(1025)])(
    "is not given out if it could not be named: %s",
    async (token) => {
      const base = createWorld();
      const fetch: World["fetch"] = async (input, init) =>
        init.method === "POST"
          ? Response.json({ data: { uid: "alice", name: "alice", authToken: token } })
          : base.fetch(input, init);
      const world = createWorld({ deps: { fetch, random: () => 0 } });
      const response = await world.signIn(await base.provider.issue({ subject: "alice" }));
      expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([503, "cometchat-unavailable"]);
    },
  );
});

describe("a user whose limit of sign-ins is reached", () => {
  it("can still sign out, here and everywhere, with a limit of its own", async () => {
    const counts = new Map<string, number>();
    const limit = async ({ key }: { key: string }) => {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return { success: (counts.get(key) ?? 0) <= 3 };
    };
    const world = createRecordingWorld({ env: { RATE_LIMIT_USER: { limit } } });
    const session = await world.provider.issue({ subject: "alice", sid: "phone" });
    const asked: number[] = [];
    for (let time = 0; time < 4; time += 1) asked.push((await world.signIn(session)).status);
    expect(asked).toEqual([201, 201, 201, 429]);
    expect((await out(world, session)).status).toBe(204);
    expect((await world.call("/v1/tokens", request("DELETE", session))).status).toBe(204);
    expect((await out(world, session)).status).toBe(204);
    expect((await out(world, session)).status).toBe(429);
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});

/** The same session with its second valid signature: (r, n − s) for (r, s). */
function twinOf(session: string): string {
  const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const [header, payload, signature = ""] = session.split(".");
  const bytes = Uint8Array.from(atob(signature.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const hex = (part: Uint8Array) => [...part].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const s = (N - BigInt(`0x${hex(bytes.subarray(32))}`)).toString(16).padStart(64, "0");
  const other = [...bytes.subarray(0, 32), ...(s.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16))];
  const text = btoa(String.fromCharCode(...other))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
  return `${header}.${payload}.${text}`;
}
