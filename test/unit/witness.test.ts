import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leaks, witness } from "../support/witness.ts";

const SECRET = "s3cr3t-of-the-app-and-of-nobody-else";

describe("the witness", () => {
  it("finds any sixteen characters of a secret, wherever they are", () => {
    const part = fc.nat(SECRET.length - 16).map((from) => SECRET.slice(from, from + 16));
    fc.assert(
      fc.property(part, fc.string(), fc.string(), (found, before, after) => {
        expect(leaks([before, `${before}${found}${after}`], [SECRET])).toEqual([`${before}${found}${after}`]);
      }),
    );
  });

  it("takes fifteen for chance", () => {
    expect(leaks([SECRET.slice(0, 15), SECRET.slice(21)], [SECRET])).toEqual([]);
  });

  it.each([
    ["a segment of a session", () => witness.keep(`header.${SECRET}.signature`), `what about ${SECRET}?`],
    ["an auth token behind its uid", () => witness.keepToken(`alice_${SECRET}`), `token ${SECRET}`],
    ["what a header presents", () => present({ headers: { Authorization: `Bearer ${SECRET}` } }), `no: ${SECRET}`],
    ["what a cookie presents", () => present({ headers: { Cookie: `__session=${SECRET}; a=b` } }), `no: ${SECRET}`],
    ["what a body presents", () => present({ method: "POST", body: `{"authToken": "u_${SECRET}"}` }), SECRET],
    ["a logout token", () => present({ method: "POST", body: `logout_token=a.${SECRET}.b` }), SECRET],
  ])("hears %s on the console", (_, keep, line) => {
    keep();
    console.log('{"event":"test"}', line);
    expect(witness.leaks()).toHaveLength(1);
  });

  it.each([
    ["POST", "/v1/token", 201, 0],
    ["POST", "/v1/users", 201, 0],
    ["POST", "/v1/token", 400, 1],
    ["GET", "/v1/users/alice", 200, 1],
  ])("of an answer to %s %s with %i, finds %i leaks of its auth token", async (method, path, status, leaked) => {
    witness.keepToken(`alice_${SECRET}`);
    await witness.hearAnswer(
      new Request(`https://gateway.example${path}`, { method }),
      Response.json({ uid: "alice", authToken: `alice_${SECRET}` }, { status }),
    );
    expect(witness.leaks()).toHaveLength(leaked);
  });
});

function present(init: RequestInit): void {
  witness.keepPresented("https://gateway.example/v1/token", new Headers(init.headers), init.body);
}
