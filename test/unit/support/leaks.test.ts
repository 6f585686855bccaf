import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findLeaks, leaks } from "../../support/leaks.ts";

const SECRET = "s3cr3t-of-the-app-and-of-nobody-else";

describe("the search for leaks in each test", () => {
  it("finds any 16 characters of a secret anywhere in a text", () => {
    const part = fc.nat(SECRET.length - 16).map((from) => SECRET.slice(from, from + 16));
    fc.assert(
      fc.property(part, fc.string(), fc.string(), (found, before, after) => {
        expect(findLeaks([before, `${before}${found}${after}`], [SECRET])).toEqual([`${before}${found}${after}`]);
      }),
    );
  });

  it("ignores 15 characters, which may be chance", () => {
    expect(findLeaks([SECRET.slice(0, 15), SECRET.slice(21)], [SECRET])).toEqual([]);
  });

  it.each([
    ["a segment of a session", () => leaks.addSecret(`header.${SECRET}.signature`), `what about ${SECRET}?`],
    ["an auth token after its uid", () => leaks.addToken(`alice_${SECRET}`), `token ${SECRET}`],
    ["a session of a header", () => present({ headers: { Authorization: `Bearer ${SECRET}` } }), `no: ${SECRET}`],
    ["a session of a cookie", () => present({ headers: { Cookie: `__session=${SECRET}; a=b` } }), `no: ${SECRET}`],
    ["an auth token of a body", () => present({ method: "POST", body: `{"authToken": "u_${SECRET}"}` }), SECRET],
    ["a logout token", () => present({ method: "POST", body: `logout_token=a.${SECRET}.b` }), SECRET],
  ])("finds %s on the console", (_, addSecret, line) => {
    addSecret();
    console.log('{"event":"test"}', line);
    expect(leaks.found()).toHaveLength(1);
  });

  it.each([
    ["POST", "/v1/token", 201, 0],
    ["POST", "/v1/users", 201, 0],
    ["POST", "/v1/token", 400, 1],
    ["GET", "/v1/users/alice", 200, 1],
  ])(
    "in the answer to %s %s with status %i, finds %i leaks of the auth token",
    async (method, path, status, leaked) => {
      leaks.addToken(`alice_${SECRET}`);
      await leaks.addAnswer(
        new Request(`https://gateway.example${path}`, { method }),
        Response.json({ uid: "alice", authToken: `alice_${SECRET}` }, { status }),
      );
      expect(leaks.found()).toHaveLength(leaked);
    },
  );
});

function present(init: RequestInit): void {
  leaks.addRequest("https://gateway.example/v1/token", new Headers(init.headers), init.body);
}
