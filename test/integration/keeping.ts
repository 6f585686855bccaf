import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, vi } from "vitest";
import type { Home } from "../../src/directory/home.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createWorld, type World, type WorldOptions } from "./world.ts";

/** A gateway that records its tokens. Its Durable Object reaches the same simulated CometChat. */
export function keeping(options: WorldOptions = {}): World {
  const { TOKEN_ENCRYPTION_KEY } = bindings as unknown as { TOKEN_ENCRYPTION_KEY: string };
  const world = createWorld({ ...options, env: { TOKEN_ENCRYPTION_KEY, ...options.env } });
  vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => world.fetch(String(input), init ?? {}));
  return world;
}

/** Everything real again after each test of the file. */
export function restored(): void {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
}

export const ledgerOf = (uid: string) => bindings.LEDGER.getByName(uid) as unknown as DurableObjectStub<Ledger>;
export const homeOf = (uid: string) => bindings.HOME.getByName(uid) as unknown as DurableObjectStub<Home>;

/** Every alarm, each at its time, until none is left. */
export async function alarms(uid = "alice"): Promise<void> {
  for (let count = 0; count < 10; count += 1) {
    const at = await runInDurableObject(ledgerOf(uid), (_, { storage }) => storage.getAlarm());
    if (at === null) return;
    vi.useFakeTimers({ toFake: ["Date"], now: Math.max(Date.now(), at) });
    await runDurableObjectAlarm(ledgerOf(uid));
  }
}

/** A request with a session, and a JSON body where one is given. */
export const request = (method: string, session: string, body?: unknown): RequestInit => ({
  method,
  headers: {
    Authorization: `Bearer ${session}`,
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});
