import { type Context, type Deps, deadline } from "../../src/context.ts";
import type { GatewayError } from "../../src/errors.ts";
import type { Result } from "../../src/result.ts";
import type { Algorithm } from "../../src/session/algorithms.ts";
import type { Credential } from "../../src/session/extract.ts";
import type { Issuer, KeySource } from "../../src/session/issuer.ts";
import { createVerifier, type Session, type Verifier } from "../../src/session/verify.ts";
import type { LogLine } from "../../src/telemetry/log.ts";
import { createTiming } from "../../src/telemetry/timing.ts";
import { createProvider, type Provider, type ProviderOptions } from "../sandbox/provider/index.ts";
import { keyPair } from "./keys.ts";
import { leaks } from "./leaks.ts";
import { memoryCache, memoryKv } from "./stores.ts";

/** The clock of these tests stands still at 2026-11-25T12:00:00Z, in seconds. */
export const NOON = 1_795_608_000;

export const ISSUER = "https://auth.example";
export const JWKS = `${ISSUER}/jwks`;

const ASYMMETRIC: readonly Algorithm[] = [
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const),
];

/** An issuer as the configuration returns it, with the configuration's defaults. */
export function issuerEntry(more: Partial<Issuer> = {}): Issuer {
  return {
    name: "auth",
    issuer: ISSUER,
    keys: { from: "discovery" },
    algorithms: ASYMMETRIC,
    audience: ["chat"],
    audienceRequired: true,
    authorizedParties: undefined,
    cookie: undefined,
    sessionIdClaim: undefined,
    sendsLogout: true,
    treatPendingAsSignedOut: false,
    clockTolerance: 30,
    maxAge: undefined,
    app: undefined,
    appClaim: undefined,
    appByClaim: new Map(),
    uid: { claim: "sub", prefix: "", shared: false },
    profile: {
      name: "name",
      avatar: "picture",
      link: undefined,
      role: undefined,
      tags: undefined,
      metadata: new Map(),
    },
    roles: new Map(),
    webhookKeys: [],
    ...more,
  };
}

export function secretSource(text: string): KeySource {
  return { from: "secret", bytes: Uint8Array.from(new TextEncoder().encode(text)) };
}

export type VerifierWorld = ReturnType<typeof createVerifierWorld>;
type Verified = Promise<Result<Session, GatewayError>>;

/** A verifier with a clock that stands still, identity providers behind `fetch`, and stores that can fail. */
export function createVerifierWorld(
  options: {
    issuers?: readonly Issuer[];
    providers?: readonly (ProviderOptions | Provider)[];
    cache?: boolean;
    /** Milliseconds of a request. They are measured by timers, not by `clock`. */
    requestTimeout?: number;
  } = {},
) {
  const clock = { now: NOON * 1000 };
  const now = () => clock.now;
  const { issuers = [issuerEntry()], requestTimeout = 8_000 } = options;
  const providers = (options.providers ?? issuers.map(({ issuer }) => ({ issuer }))).map((provider) =>
    "fetch" in provider ? provider : createProvider({ now, keyPair, ...provider }),
  );
  const logs: LogLine[] = [];
  const fetched: string[] = [];
  const kv = memoryKv();
  const cache = memoryCache();
  const background: Promise<unknown>[] = [];

  const world = {
    clock,
    issuers,
    providers,
    provider: providers[0] as Provider,
    logs,
    /** Every address fetched, in order. */
    fetched,
    kv,
    cache,
    /** Answers a fetch in place of the providers. */
    intercept: undefined as ((address: string, init: RequestInit) => Promise<Response> | undefined) | undefined,
    /** Waits for the work after the answers. */
    finished: async () => {
      while (background.length > 0) await Promise.allSettled(background.splice(0));
    },
    context: (more: Partial<Context> = {}): Context => {
      const context: Context = {
        requestId: "test",
        now: clock.now,
        deadline: deadline(requestTimeout, Date.now),
        timing: createTiming(now),
        after: async (_, task) => {
          background.push(Promise.resolve().then(() => task(context)));
        },
        ...more,
      };
      return context;
    },
    /** Starts another isolate in the same data centre: its memory is empty, the stores are the same. */
    restart: () => {
      world.verifier = createVerifier({ issuers, deps, kv: kv as unknown as KVNamespace, requestTimeout });
    },
    verifier: undefined as unknown as Verifier,
    verify: (token: string, credential: Partial<Credential> = {}, context?: Context): Verified => {
      leaks.addSecret(token);
      return world.verifier.verify(
        { token, from: "bearer", issuers: undefined, ...credential },
        context ?? world.context(),
      );
    },
  };

  const deps: Deps = {
    fetch: async (address, init) => {
      fetched.push(address);
      const answer = world.intercept?.(address, init);
      if (answer) return answer;
      const { origin } = new URL(address);
      const provider = providers.find(({ issuer }) => new URL(issuer).origin === origin);
      if (!provider) throw new TypeError(`Nothing answers at ${origin}.`);
      return provider.fetch(new Request(address, { ...(init.signal && { signal: init.signal }) }));
    },
    now,
    sleep: async () => undefined,
    random: () => 0.5,
    log: (line) => {
      logs.push(line);
      leaks.addText(JSON.stringify(line));
    },
    cache: () => (options.cache === false ? undefined : (cache as unknown as Cache)),
  };
  world.restart();
  return world;
}

/** A world whose one issuer has a JWKS address, so that one fetch is one fetch. */
export const simple = (
  provider: { cacheControl?: string; algorithms?: string[] } = {},
  options: { requestTimeout?: number } = {},
): VerifierWorld =>
  createVerifierWorld({
    ...options,
    issuers: [issuerEntry({ issuer: ISSUER, keys: { from: "jwks", url: JWKS } })],
    providers: [{ issuer: ISSUER, algorithms: ["ES256"], ...provider }],
  });

/** The outcome of a session that the provider issues by default. */
export const GOOD = "session of alice";

/** A result as tests compare it: the reason of a failure, or `session of` and the subject. */
export function outcome(result: Result<Session, GatewayError>): string {
  return result.ok ? `session of ${result.value.subject}` : result.error.reason;
}
