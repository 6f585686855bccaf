import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { createApp } from "../../src/app.ts";
import type { Deps } from "../../src/context.ts";
import type { LogLine } from "../../src/telemetry/log.ts";
import { createSimulator, type Simulator, type SimulatorOptions } from "../sandbox/cometchat/index.ts";
import { createProvider, type Provider, type SessionOptions } from "../sandbox/provider/index.ts";
import { kvOfThisTest } from "./around.ts";
import { keyPair } from "./keys.ts";
import { leaks } from "./leaks.ts";
import { openapi } from "./openapi.ts";

export const API_KEY = "0123456789abcdef0123456789abcdef01234567";
export const APP_ID = "275300000000000a";
export const ISSUER = "https://idp.example";
const ORIGIN = "https://app.example.com";

type Vars = Record<string, unknown>;

export interface World {
  readonly simulator: Simulator;
  readonly provider: Provider;
  /** The gateway's log lines. */
  readonly lines: LogLine[];
  /** The gateway's fetches, each as method and address without query. */
  readonly fetched: string[];
  readonly env: Vars;
  readonly deps: Deps;
  /** The gateway's network: CometChat and the identity provider, nothing else. */
  readonly fetch: Deps["fetch"];
  /** Sends one request to the gateway. Resolves when the work after the answer is done, too. */
  readonly call: (path: string, init?: RequestInit) => Promise<Response>;
  /** Sends one request and does not wait for the work after the answer. `finish` waits for it. */
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
  readonly finish: () => Promise<void>;
  /** POST /v1/token with a session of this subject. */
  readonly signIn: (session?: SessionOptions | string, init?: RequestInit) => Promise<Response>;
}

export interface WorldOptions {
  /** Variables and bindings that replace or join the usual ones. `undefined` removes one. */
  readonly env?: Vars;
  readonly deps?: Partial<Deps>;
  readonly simulator?: Partial<SimulatorOptions>;
  readonly provider?: Partial<Parameters<typeof createProvider>[0]>;
  /** The request's `cf`. */
  readonly cf?: Readonly<Record<string, unknown>>;
}

/** The gateway in workerd, with a simulated CometChat and a small real identity provider. It can reach nothing else. */
export function createWorld(options: WorldOptions = {}): World {
  const simulator = createSimulator({
    appId: APP_ID,
    region: "us",
    keys: { [API_KEY]: "fullAccess" },
    onMint: leaks.addToken,
    ...options.simulator,
  });
  const provider = createProvider({ issuer: ISSUER, keyPair, ...options.provider });
  const lines: LogLine[] = [];
  const fetched: string[] = [];
  const env: Vars = {
    ...bindings,
    ALLOWED_ORIGINS: [ORIGIN, "https://*.preview.example.com"],
    COMETCHAT_APPS: { main: { appId: APP_ID, region: "us" } },
    SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"] }],
    COMETCHAT_API_KEY: API_KEY,
    TOKEN_ENCRYPTION_KEY: undefined,
    TOKENS: undefined,
    PLACEMENT: undefined,
    // The real limiters count across tests. Tests of the limits put them back.
    RATE_LIMIT_IP: unlimited,
    RATE_LIMIT_USER: unlimited,
    ...options.env,
  };
  env.USERS = kvOfThisTest(env.USERS as object | undefined);
  // Every variable that is plain text is a secret.
  leaks.addSettings(env);
  const reach: Deps["fetch"] = async (input, init) => {
    const url = new URL(input);
    fetched.push(`${init.method ?? "GET"} ${url.origin}${url.pathname}`);
    if (url.hostname.endsWith(".cometchat.io")) return simulator.fetch(input, init);
    if (input.startsWith(`${provider.issuer}/`)) return provider.fetch(new Request(input, init));
    throw new TypeError("Network connection lost.");
  };
  const fetch = options.deps?.fetch ?? reach;
  const deps: Deps = {
    fetch,
    now: () => Date.now(),
    // Retries after an answer do not wait.
    sleep: async () => undefined,
    // Retries within a request follow at once.
    random: () => 0,
    log: (line) => {
      lines.push(line);
      leaks.addText(JSON.stringify(line));
    },
    cache: () => undefined,
    ...options.deps,
  };
  const app = createApp(deps);

  const pending: Promise<void>[] = [];
  const start = async (path: string, init?: RequestInit): Promise<[Response, Promise<void>]> => {
    const context = createExecutionContext();
    const request = new Request(`https://gateway.example${path}`, {
      ...init,
      ...(options.cf && { cf: options.cf as never }),
    });
    leaks.addRequest(request.url, request.headers, init?.body);
    const response = await app.fetch(request, env, context);
    await leaks.addAnswer(request, response.clone());
    await openapi.check(request, response.clone());
    return [response, waitOnExecutionContext(context)];
  };
  const call: World["call"] = async (path, init) => {
    const [response, work] = await start(path, init);
    await work;
    return response;
  };

  return {
    simulator,
    provider,
    lines,
    fetched,
    env,
    deps,
    fetch,
    call,
    ask: async (path, init) => {
      const [response, work] = await start(path, init);
      pending.push(work);
      return response;
    },
    finish: async () => {
      await Promise.all(pending.splice(0));
    },
    signIn: async (session = {}, init = {}) => {
      const token = typeof session === "string" ? session : await provider.issue(session);
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${token}`);
      return call("/v1/token", { method: "POST", ...init, headers });
    },
  };
}

export const unlimited = { limit: async () => ({ success: true }) };

/** A 201's body, as docs/endpoints.md describes it. */
export interface TokenAnswer {
  authToken: string;
  uid: string;
  appId: string;
  region: string;
  created: boolean;
  expiresAt?: string;
}

export const bodyOf = async <T = TokenAnswer>(response: Response): Promise<T> => (await response.json()) as T;

export interface ProblemAnswer {
  type: string;
  title: string;
  status: number;
  code: string;
  detail?: string;
  requestId: string;
}
