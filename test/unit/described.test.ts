import { describe, expect, it } from "vitest";
import { described } from "../support/described.ts";

const TOKEN = { authToken: "t", uid: "alice", appId: "1", region: "us", created: true };
const PROBLEM = { type: "about:blank", title: "No.", status: 404, code: "not-found", requestId: "1" };
const json = (status: number, body: unknown, type = "application/json") =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": type } });
const problem = (status: number, body: unknown) => json(status, body, "application/problem+json");

async function complaints(method: string, path: string, answer: Response): Promise<string[]> {
  await described.compare(new Request(`https://gateway.example${path}`, { method }), answer);
  return described.complaints();
}

describe("an answer as /openapi.json describes it", () => {
  it.each([
    ["POST", "/v1/token", json(201, TOKEN)],
    ["POST", "/v1/token", problem(401, { ...PROBLEM, code: "session-missing" })],
    ["DELETE", "/v1/token", new Response(null, { status: 204 })],
    ["GET", "/v1/users/alice", json(200, { uid: "alice", name: "Alice", metadata: { any: "thing" } })],
    ["GET", "/nothing/here", problem(404, PROBLEM)],
    ["OPTIONS", "/v1/token", new Response(null, { status: 204 })],
  ])("is nothing to complain of: %s %s", async (method, path, answer) => {
    expect(await complaints(method, path, answer)).toEqual([]);
  });

  it.each([
    ["lacks a member", "POST", "/v1/token", json(201, { ...TOKEN, uid: undefined }), "required"],
    ["has another member", "POST", "/v1/token", json(201, { ...TOKEN, session: "s" }), "session"],
    ["has a member of another kind", "POST", "/v1/token", json(201, { ...TOKEN, created: "yes" }), "created type"],
    ["has a value that is not listed", "POST", "/v1/token", json(201, { ...TOKEN, region: "mars" }), "region enum"],
    ["has a date that is none", "POST", "/v1/token", json(201, { ...TOKEN, expiresAt: "soon" }), "expiresAt format"],
    ["has another status", "POST", "/v1/token", json(202, TOKEN), "a status"],
    ["is of another type", "POST", "/v1/token", json(201, TOKEN, "text/plain"), "text/plain"],
    ["is no JSON", "POST", "/v1/token", new Response("", json(201, 0)), "no JSON"],
    ["is a refusal with an unknown code", "GET", "/healthz", problem(405, { ...PROBLEM, code: "x" }), "code enum"],
    ["answers what is not described", "GET", "/v1/secrets", json(200, {}), "not described"],
    ["refuses in other words", "GET", "/nothing", json(404, {}), "application/json"],
  ])("is told where it %s", async (_, method, path, answer, told) => {
    expect((await complaints(method, path, answer)).join()).toContain(told);
  });

  it("is told without its values, one of which may be a token", async () => {
    const answer = json(201, { ...TOKEN, authToken: ["secret"], region: "secret" });
    expect((await complaints("POST", "/v1/token", answer)).join()).not.toContain("secret");
  });
});
