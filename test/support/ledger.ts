import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, vi } from "vitest";
import type { Home } from "../../src/directory/home.ts";
import type { TokenLedger } from "../../src/ledger/ledger.ts";
import { createIsolate } from "../../src/ledger/parts.ts";
import { around, deploy, quiet } from "./around.ts";
import { createWorld, type World, type WorldOptions } from "./world.ts";

/**
 * A gateway that records its tokens. Its Durable Objects have its configuration and reach the same simulated CometChat.
 * `call` and `signIn` resolve when the objects have also done the work that they do after their answers.
 */
export function createRecordingWorld(options: WorldOptions = {}): World {
  const { TOKEN_ENCRYPTION_KEY } = bindings as unknown as { TOKEN_ENCRYPTION_KEY: string };
  const world = createWorld({ ...options, env: { TOKEN_ENCRYPTION_KEY, ...options.env } });
  shareWithObjects(world);
  const quietly =
    <V extends unknown[]>(ask: (...values: V) => Promise<Response>) =>
    async (...values: V) => {
      const response = await ask(...values);
      await quiet();
      return response;
    };
  return { ...world, call: quietly(world.call), signIn: quietly(world.signIn) };
}

/**
 * Gives the Durable Objects the configuration, clock and network of this gateway, until the end of the test. Work that
 * they would spread over time is due at once.
 */
export function shareWithObjects({ deps, env }: Pick<World, "deps" | "env">): void {
  const isolate = createIsolate({ ...deps, random: () => 0 });
  around.isolate = { deps: isolate.deps, partsOf: () => isolate.partsOf(env) };
}

/** Restores the Durable Objects, the clock and all mocks after each test of the file. */
export function restoreAfterEach(): void {
  afterEach(() => {
    deploy();
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
}

// Virtual time replaces `getByName` by one that counts calls. Vitest's functions for objects do not accept its stubs.
const ledgers = bindings.LEDGER.getByName.bind(bindings.LEDGER);
const homes = bindings.HOME.getByName.bind(bindings.HOME);
export const ledgerOf = (uid: string) => ledgers(uid) as unknown as DurableObjectStub<TokenLedger>;
export const homeOf = (uid: string) => homes(uid) as unknown as DurableObjectStub<Home>;

/** When the user's ledger has its alarm, in milliseconds since 1970; null if it has none. */
export const alarmOf = (uid = "alice"): Promise<number | null> =>
  runInDurableObject(ledgerOf(uid), (_, { storage }) => storage.getAlarm());

/** Runs the alarms of the user's ledger, each at its time, until none is left. */
export async function runAlarms(uid = "alice"): Promise<void> {
  for (let count = 0; count < 10; count += 1) {
    await quiet();
    const at = await alarmOf(uid);
    if (at === null) return;
    vi.useFakeTimers({ toFake: ["Date"], now: Math.max(Date.now(), at) });
    await runDurableObjectAlarm(ledgerOf(uid));
  }
}

/** The options of a request that presents this session, with a JSON body where one is given. */
export const request = (method: string, session: string, body?: unknown): RequestInit => ({
  method,
  headers: {
    Authorization: `Bearer ${session}`,
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});
