import { describe, expect, it } from "vitest";
import { openapi } from "../../support/openapi.ts";

const TOKEN = { authToken: "t", uid: "alice", appId: "1", region: "us", created: true };
const PROBLEM = { type: "about:blank", title: "No.", status: 404, code: "not-found", requestId: "1" };
const json = (status: number, body: unknown, type = "application/json") =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": type } });
const problem = (status: number, body: unknown) => json(status, body, "application/problem+json");

async function mismatches(method: string, path: string, answer: Response): Promise<string[]> {
  await openapi.check(new Request(`https://gateway.example${path}`, { method }), answer);
  return openapi.mismatches();
}

describe("the check of each answer against /openapi.json", () => {
  it.each([
    ["POST", "/v1/token", json(201, TOKEN)],
    ["POST", "/v1/token", problem(401, { ...PROBLEM, code: "session-missing" })],
    ["DELETE", "/v1/token", new Response(null, { status: 204 })],
    ["GET", "/v1/users/alice", json(200, { uid: "alice", name: "Alice", metadata: { any: "thing" } })],
    ["GET", "/nothing/here", problem(404, PROBLEM)],
    ["OPTIONS", "/v1/token", new Response(null, { status: 204 })],
  ])("accepts the answer to %s %s", async (method, path, answer) => {
    expect(await mismatches(method, path, answer)).toEqual([]);
  });

  it.each([
    ["lacks a member", "POST", "/v1/token", json(201, { ...TOKEN, uid: undefined }), "required"],
    ["has another member", "POST", "/v1/token", json(201, { ...TOKEN, session: "s" }), "session"],
    ["has a member of another type", "POST", "/v1/token", json(201, { ...TOKEN, created: "yes" }), "created type"],
    ["has a value that is not listed", "POST", "/v1/token", json(201, { ...TOKEN, region: "mars" }), "region enum"],
    ["has a date of a wrong form", "POST", "/v1/token", json(201, { ...TOKEN, expiresAt: "soon" }), "expiresAt format"],
    ["has another status", "POST", "/v1/token", json(202, TOKEN), "the status"],
    ["has another content type", "POST", "/v1/token", json(201, TOKEN, "text/plain"), "text/plain"],
    ["is no JSON", "POST", "/v1/token", new Response("", json(201, 0)), "no JSON"],
    ["is a refusal with an unknown code", "GET", "/healthz", problem(405, { ...PROBLEM, code: "x" }), "code enum"],
    ["answers an operation that is not described", "GET", "/v1/secrets", json(200, {}), "not described"],
    ["refuses without a problem document", "GET", "/nothing", json(404, {}), "application/json"],
  ])("reports an answer that %s", async (_, method, path, answer, mismatch) => {
    expect((await mismatches(method, path, answer)).join()).toContain(mismatch);
  });

  it("reports no value of an answer, since it may be a token", async () => {
    const answer = json(201, { ...TOKEN, authToken: ["secret"], region: "secret" });
    expect((await mismatches("POST", "/v1/token", answer)).join()).not.toContain("secret");
  });
});
