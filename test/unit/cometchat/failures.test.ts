import { describe, expect, test } from "vitest";
import { failures } from "../../../src/cometchat/failures.ts";
import { type Code, type Reason, reasons } from "../../../src/errors.ts";
import { ATTEMPTS } from "../../../src/limits.ts";
import { apiKey, createClientWorld, json, refusal, script } from "../../support/client.ts";

const codes: [code: string, status: number, reason: Reason, answered: Code][] = [
  ["ERR_UID_ALREADY_EXISTS", 400, "upstream-uid-exists", "cometchat-rejected"],
  ["ERR_UID_ALREADY_EXISTS", 409, "upstream-uid-exists", "cometchat-rejected"],
  ["ERR_UID_ALREADY_EXISTS", 500, "upstream-uid-exists", "cometchat-rejected"],
  ["ERR_UID_NOT_FOUND", 404, "upstream-uid-unknown", "not-found"],
  ["ERR_UID_NOT_FOUND", 400, "upstream-uid-unknown", "not-found"],
  ["ERR_AUTH_TOKEN_NOT_FOUND", 404, "upstream-token-unknown", "cometchat-rejected"],
  ["ERR_AUTHTOKEN_NOT_ACCESSIBLE", 403, "upstream-token-unknown", "cometchat-rejected"],
  ["ERR_AUTHTOKEN_UNAVAILABLE", 409, "upstream-rejected", "cometchat-rejected"],
  ["ERR_BAD_REQUEST", 400, "upstream-rejected", "cometchat-rejected"],
  ["ERR_INVALID_UID", 400, "upstream-rejected", "cometchat-rejected"],
  ["ERR_ROLE_NOT_FOUND", 404, "upstream-role", "cometchat-rejected"],
  ["AUTH_ERR_NO_ACCESS", 403, "upstream-key", "cometchat-rejected"],
  ["AUTH_ERR_APIKEY_NOT_FOUND", 401, "upstream-key", "cometchat-rejected"],
  ["AUTH_ERR_APIKEY_NOT_FOUND", 403, "upstream-key", "cometchat-rejected"],
  ["AUTH_ERR_APIKEY_NOT_FOUND", 404, "upstream-key", "cometchat-rejected"],
  ["AUTH_ERR_EMPTY_APIKEY", 401, "upstream-key", "cometchat-rejected"],
  ["AUTH_ERR_EMPTY_APPID", 400, "upstream-app", "cometchat-rejected"],
  ["AUTH_ERR_INVALID_APPID", 404, "upstream-app", "cometchat-rejected"],
  ["ERR_API_NOT_FOUND", 404, "upstream-app", "cometchat-rejected"],
  ["ERR_INVALID_API_VERSION", 404, "upstream-app", "cometchat-rejected"],
  ["ERR_PLAN_QUOTA_RESTRICTION", 402, "upstream-plan", "cometchat-rejected"],
  ["ERR_PLAN_RESTRICTION", 402, "upstream-plan", "cometchat-rejected"],
  ["ERR_SUBSCRIPTION_EXPIRED", 400, "upstream-plan", "cometchat-rejected"],
  ["ERR_TOO_MANY_REQUESTS", 429, "upstream-limited", "cometchat-rate-limited"],
  ["ERR_TOO_MANY_REQUESTS", 400, "upstream-limited", "cometchat-rate-limited"],
  ["ERR_OPERATION_FAILED", 500, "upstream-fault", "cometchat-unavailable"],
  ["ERR_OPERATION_FAILED", 400, "upstream-fault", "cometchat-unavailable"],
  ["ERR_MISSION_FAILED", 503, "upstream-fault", "cometchat-unavailable"],
  ["ERR_EXCEPTION", 422, "upstream-fault", "cometchat-unavailable"],
  ["ERR_BAD_ERROR_RESPONSE", 417, "upstream-fault", "cometchat-unavailable"],
  ["ERR_WS_USER_CREATION_FAILED", 500, "upstream-fault", "cometchat-unavailable"],
  ["ERR_WS_USER_UPDATION_FAILED", 500, "upstream-fault", "cometchat-unavailable"],
  ["ERR_AUTH_TOKEN_DELETE_FAILED", 500, "upstream-fault", "cometchat-unavailable"],
  ["ERR_AUTH_TOKENS_DELETE_FAILED", 400, "upstream-fault", "cometchat-unavailable"],
  // For codes that CometChat's documentation does not have, the status decides.
  ["ERR_OF_TOMORROW", 400, "upstream-rejected", "cometchat-rejected"],
  ["ERR_OF_TOMORROW", 401, "upstream-rejected", "cometchat-rejected"],
  ["ERR_OF_TOMORROW", 402, "upstream-plan", "cometchat-rejected"],
  ["ERR_OF_TOMORROW", 404, "upstream-rejected", "cometchat-rejected"],
  ["ERR_OF_TOMORROW", 429, "upstream-limited", "cometchat-rate-limited"],
  ["ERR_OF_TOMORROW", 500, "upstream-fault", "cometchat-unavailable"],
  ["ERR_OF_TOMORROW", 200, "upstream-fault", "cometchat-unavailable"],
  ["__proto__", 400, "upstream-rejected", "cometchat-rejected"],
  ["constructor", 404, "upstream-rejected", "cometchat-rejected"],
];

describe("a refusal of CometChat", () => {
  test.each(codes)(
    "is understood by its code rather than its status: %s with %d is %s",
    async (code, status, reason, answered) => {
      const { chat, asked, request } = createClientWorld(script(refusal(status, code)));
      const result = await chat.mint("alice", request());
      if (result.ok) throw new Error("refused, and a token all the same");
      expect(result.error.reason).toBe(reason);
      expect(reasons[result.error.reason]).toBe(answered);
      // Only a call whose failure may pass is repeated.
      expect(asked.length).toBe(reason === "upstream-fault" ? ATTEMPTS : 1);
      // Every 503 has Retry-After.
      if (answered.startsWith("cometchat-") && answered !== "cometchat-rejected") {
        expect(result.error.retryAfter).toBeGreaterThanOrEqual(1);
      }
      expect(JSON.stringify(result)).not.toContain(apiKey);
    },
  );

  test("is in the table of this test, for every code that the gateway knows", () => {
    const tried = new Set(codes.map(([code]) => code));
    expect([...failures.keys()].filter((code) => !tried.has(code))).toEqual([]);
  });

  test.each([
    ["AUTH_ERR_NO_ACCESS", 403, /fullAccess/],
    ["AUTH_ERR_APIKEY_NOT_FOUND", 404, /API key/],
    ["AUTH_ERR_INVALID_APPID", 404, /region/],
    ["ERR_API_NOT_FOUND", 404, /baseUrl/],
    ["ERR_PLAN_QUOTA_RESTRICTION", 402, /plan/],
    ["ERR_ROLE_NOT_FOUND", 404, /roles/],
  ])("tells the operator what to do, and no secret: %s with %d", async (code, status, says) => {
    const { chat, request } = createClientWorld(script(refusal(status, code)));
    const result = await chat.get("alice", request());
    if (result.ok) throw new Error("refused");
    expect(result.error.remedy).toMatch(says);
    expect(result.error.remedy).not.toContain(apiKey);
  });

  test("because of a wrong key is never understood as a missing user, at any call", async () => {
    const { chat, request } = createClientWorld(script(refusal(404, "AUTH_ERR_APIKEY_NOT_FOUND")));
    for (const result of [
      await chat.create("alice", { name: "Alice" }, { withAuthToken: true }, request()),
      await chat.mint("alice", request()),
      await chat.get("alice", request()),
      await chat.update("alice", { name: "Alice" }, [], request()),
      await chat.deactivate("alice", request()),
      await chat.reactivate("alice", request()),
      await chat.isDeactivated("alice", request()),
      await chat.revoke("alice", "alice_1", request()),
      await chat.flush("alice", request()),
    ]) {
      expect(result).toMatchObject({ ok: false, error: { reason: "upstream-key" } });
    }
  });

  test("of a create with the code of a missing user is understood as a refusal", async () => {
    const { chat, request } = createClientWorld(script(refusal(404, "ERR_UID_NOT_FOUND")));
    const result = await chat.create("alice", { name: "Alice" }, { withAuthToken: true }, request());
    expect(result).toMatchObject({ ok: false, error: { reason: "upstream-rejected" } });
  });

  test.each([
    ["an error without a code", json(400, { error: { message: "?" } }), "upstream-rejected"],
    ["an error whose code is a number", json(403, { error: { code: 7 } }), "upstream-rejected"],
    ["a list", json(400, []), "upstream-rejected"],
    ["a page, with 403, from a proxy", new Response("<h1>Forbidden</h1>", { status: 403 }), "upstream-answer"],
    ["a page, with 429", new Response("<h1>Slow down</h1>", { status: 429 }), "upstream-limited"],
    ["a page, with 502", new Response("<h1>Bad gateway</h1>", { status: 502 }), "upstream-fault"],
  ] as const)("may be of any form: %s", async (_, answer, reason) => {
    const { chat, request } = createClientWorld(script(answer));
    expect(await chat.mint("alice", request())).toMatchObject({ ok: false, error: { reason } });
  });
});
