import { env as bindings } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { READY_MS } from "../../src/limits.ts";
import { virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, type ProblemAnswer } from "../support/world.ts";

interface Readiness {
  readonly status: string;
  readonly checks: readonly { readonly check: string; readonly ok: boolean; readonly reason?: string }[];
}

const spent = { limit: async () => ({ success: false }) };

describe("/readyz", () => {
  virtualTime();

  it.each<[string, () => Promise<unknown>, string]>([
    ["fails", () => Promise.reject(new Error("KV GET failed: 500")), "failed"],
    [
      "throws",
      () => {
        throw new Error("KV is not there");
      },
      "failed",
    ],
    ["hangs", () => new Promise(() => undefined), "slow"],
  ])("names KV, and nothing else, if a read of it %s", async (_, get, reason) => {
    const world = createWorld({ env: { USERS: { put: async () => undefined, get } } });
    const started = Date.now();
    const response = await world.call("/readyz");
    // Less than the few seconds that a probe waits.
    expect(Date.now() - started).toBeLessThanOrEqual(READY_MS);
    expect(response.status).toBe(503);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    const { status, checks } = await bodyOf<Readiness>(response);
    expect(status).toBe("not-ready");
    expect(checks.filter(({ ok }) => !ok)).toEqual([{ check: "kv", ok: false, reason }]);
  });

  it("shows nothing of an error of KV", async () => {
    const USERS = { put: async () => undefined, get: () => Promise.reject(new Error("namespace 0f2ac74b is gone")) };
    expect(await (await createWorld({ env: { USERS } }).call("/readyz")).text()).not.toContain("0f2ac74b");
  });

  it("is ready while KV is empty", async () => {
    const response = await createWorld({ env: { USERS: bindings.USERS } }).call("/readyz");
    const { checks } = await bodyOf<Readiness>(response);
    expect(checks.find(({ check }) => check === "kv")).toEqual({ check: "kv", ok: true });
  });
});

describe("the rate limit by address", () => {
  it.each(["/readyz", "/openapi.json"])("answers 429 at %s, whose answer costs work", async (path) => {
    const world = createWorld({ env: { RATE_LIMIT_IP: spent } });
    const response = await world.call(path);
    expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([429, "rate-limited"]);
    expect(response.headers.get("Retry-After")).toBe("60");
    expect(world.fetched).toEqual([]);
  });

  it("does not apply to /healthz, so that a monitor is always answered", async () => {
    expect((await createWorld({ env: { RATE_LIMIT_IP: spent } }).call("/healthz")).status).toBe(200);
  });
});

describe("the rate limit by user", () => {
  it.each(["/v1/token", "/v1/tokens"])("answers 429 at DELETE %s, and CometChat is not called", async (path) => {
    const world = createWorld();
    const session = await world.provider.issue({ subject: "alice" });
    expect((await world.signIn(session)).status).toBe(201);
    world.simulator.journal.clear();
    const keys: string[] = [];
    const limit = async ({ key }: { key: string }) => {
      keys.push(key);
      return { success: false };
    };
    const later = createWorld({ env: { RATE_LIMIT_USER: { limit } }, deps: { fetch: world.fetch } });
    const response = await later.call(path, { method: "DELETE", headers: { Authorization: `Bearer ${session}` } });
    expect([response.status, (await bodyOf<ProblemAnswer>(response)).code]).toEqual([429, "rate-limited"]);
    expect(response.headers.get("Retry-After")).toBe("60");
    expect(keys).toEqual(["out:alice"]);
    expect(world.simulator.journal.entries).toEqual([]);
    expect(world.simulator.tokens("alice")).toHaveLength(1);
  });
});
