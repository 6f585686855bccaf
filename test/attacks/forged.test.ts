import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, test } from "vitest";
import type { SessionOptions } from "../sandbox/provider/index.ts";
import { createWorld, type World } from "../support/world.ts";

/** The operations of a request on stores, limits and the network. */
type Counts = Record<"kv" | "objects" | "cache" | "fetches" | "address" | "user", number>;

const none = (): Counts => ({ kv: 0, objects: 0, cache: 0, fetches: 0, address: 0, user: 0 });

/** The same binding, which calls `count` before each of its methods. */
const counted = (binding: unknown, count: () => void) =>
  new Proxy(binding as Record<string, unknown>, {
    get(target, name: string) {
      const value = target[name];
      if (typeof value !== "function") return value;
      return (...values: unknown[]) => {
        count();
        return value.apply(target, values);
      };
    },
  });

function counting(): { world: World; since: () => Counts } {
  let counts = none();
  const add = (name: keyof Counts) => () => {
    counts[name] += 1;
  };
  const limiter = (name: keyof Counts) => counted({ limit: async () => ({ success: true }) }, add(name));
  const stores = bindings as unknown as Record<string, unknown>;
  const base = createWorld();
  const cache = counted({ match: async () => undefined, put: async () => undefined }, add("cache"));
  const world = createWorld({
    env: {
      USERS: counted(stores.USERS, add("kv")),
      LEDGER: counted(stores.LEDGER, add("objects")),
      HOME: counted(stores.HOME, add("objects")),
      ONCE: counted(stores.ONCE, add("objects")),
      TOKEN_ENCRYPTION_KEY: stores.TOKEN_ENCRYPTION_KEY,
      TOKENS: { reuse: "session" },
      RATE_LIMIT_IP: limiter("address"),
      RATE_LIMIT_USER: limiter("user"),
    },
    deps: {
      cache: () => cache as unknown as Cache,
      fetch: (input, init) => {
        counts.fetches += 1;
        return base.fetch(input, init);
      },
    },
  });
  return {
    world: { ...world, provider: base.provider, simulator: base.simulator },
    since: () => {
      const before = counts;
      counts = none();
      return before;
    },
  };
}

const FORGERIES: readonly [string, SessionOptions][] = [
  ["signed with a key that is not published", { forged: true }],
  ["signed with such a key, for a user who exists", { forged: true, subject: "known" }],
  ["signed with such a key, and expired", { forged: true, expiresIn: -3600 }],
  ["signed with such a key, for another audience", { forged: true, audience: "elsewhere" }],
  ["of another issuer", { claims: { iss: "https://elsewhere.example" } }],
  ["of an algorithm that is not allowed", { header: { alg: "none" } }],
];

describe("a forged session", () => {
  const requests: readonly [string, string, string][] = [
    ["POST", "/v1/token", "address"],
    ["DELETE", "/v1/token", "address"],
    ["DELETE", "/v1/tokens", "address"],
  ];

  test.each(
    requests.flatMap(([method, path]) => FORGERIES.map(([name, options]) => [method, path, name, options] as const)),
  )("costs one call of the limit by address and no other I/O: %s %s, %s", async (method, path, _, options) => {
    const { world, since } = counting();
    const session = await world.provider.issue({ subject: "known" });
    const headers = (token: string) => ({ method, headers: { Authorization: `Bearer ${token}` } });
    expect((await world.call("/v1/token", { ...headers(session), method: "POST" })).status).toBe(201);
    since();
    // Where the provider cannot sign with this `alg`, the header is replaced after signing.
    const token = await forgedBy(world, options);
    for (let time = 0; time < 3; time += 1) {
      expect((await world.call(path, headers(token))).status).toBe(401);
    }
    expect(since()).toEqual({ ...none(), address: 3 });
  });

  it.each([
    ["with unknown kids", (time: number) => `unknown-${time}`],
    ["without a kid", () => null],
  ])("causes one fetch of the keys, however often it comes: %s", async (_, kid) => {
    const { world, since } = counting();
    await world.signIn();
    since();
    for (let time = 0; time < 20; time += 1) {
      const token = await world.provider.issue({ forged: true, kid: kid(time), issuedAt: 1_700_000_000 });
      const response = await world.call("/v1/token", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
      expect(response.status).toBeGreaterThanOrEqual(400);
    }
    const { fetches, kv, cache, objects, user } = since();
    expect(fetches).toBeLessThanOrEqual(2);
    // For each of the two documents, each store is read once and written once.
    expect(kv).toBeLessThanOrEqual(4);
    expect(cache).toBeLessThanOrEqual(4);
    expect([objects, user]).toEqual([0, 0]);
  });
});

async function forgedBy({ provider }: World, { header, ...options }: SessionOptions): Promise<string> {
  const token = await provider.issue(options);
  if (!header) return token;
  const [, ...rest] = token.split(".");
  return [btoa(JSON.stringify(header)).replaceAll("=", ""), ...rest].join(".");
}
