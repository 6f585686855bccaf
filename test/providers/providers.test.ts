import { decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import { ask, better, nameOf, oidc, sandbox } from "../support/providers.ts";

describe("with oidc-provider,", () => {
  it("a user gets an auth token for an ID token", async () => {
    const { idToken } = await oidc.signIn("ada");
    const { status, body } = await ask(idToken);
    expect({ status, uid: body.uid }).toEqual({ status: 201, uid: "o_ada" });
    expect(nameOf("o_ada")).toBe("ada of oidc-provider");
    expect(sandbox.simulator.tokens("o_ada")).toEqual([body.authToken]);
  });

  it("a user gets an auth token for an access token of a resource (RFC 9068)", async () => {
    const { accessToken } = await oidc.signIn("grace");
    expect(decodeProtectedHeader(accessToken)).toMatchObject({ alg: "RS256", typ: "at+jwt" });
    expect(await ask(accessToken)).toMatchObject({ status: 201, body: { uid: "o_grace" } });
  });

  it("a sign-out at the provider revokes the auth token through back-channel logout", async () => {
    const { jar, idToken } = await oidc.signIn("edith");
    expect(await ask(idToken)).toMatchObject({ status: 201, body: { uid: "o_edith" } });
    expect(sandbox.simulator.tokens("o_edith")).toHaveLength(1);
    await oidc.signOut(jar);
    expect(sandbox.simulator.tokens("o_edith")).toEqual([]);
  });
});

describe("with better-auth, its JWT plugin and the preset,", () => {
  it("a user gets an auth token for a JWT", async () => {
    const { token } = await better.signUp("Hedy");
    expect(decodeProtectedHeader(token).alg).toBe("EdDSA");
    const { status, body } = await ask(token);
    expect(status).toBe(201);
    expect(body.uid).toMatch(/^b_/);
    expect(nameOf(body.uid)).toBe("Hedy");
  });
});

describe("with a provider that is down, /readyz", () => {
  it("names that issuer, and no other", async () => {
    const response = await fetch(new URL("/readyz", sandbox.gateway));
    expect(response.status).toBe(503);
    const lines = (await response.text()).split("\n");
    const failed = lines.filter((line) => line.includes('"ok":false'));
    expect(failed).toHaveLength(1);
    expect(failed[0]).toContain("http://127.0.0.1:9");
  });
});
