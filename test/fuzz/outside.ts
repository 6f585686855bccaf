import { createApp } from "../../src/app.ts";
import { type Code, codes } from "../../src/errors.ts";
import type { LogLine } from "../../src/telemetry/log.ts";
import { createSimulator, type Simulator } from "../sandbox/cometchat/index.ts";
import { b64, type Signer, sign } from "../support/forge.ts";
import { signEvent } from "../support/webhook.ts";
import { ISSUER, NOON } from "./model.ts";

/** A request. The names of its headers are in lower case. */
export interface Asked {
  readonly method: string;
  /** Begins with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** The answer, and the work that it has cost. */
export interface Answered {
  readonly status: number;
  readonly code: Code | undefined;
  readonly text: string;
  readonly headers: Headers;
  /** CometChat's calls, by the simulator's journal. */
  readonly calls: readonly string[];
  /** Writes to KV, and calls to Durable Objects. */
  readonly stored: number;
  /** The bytes of the body that were read. */
  readonly read: number;
  /** The number of calls of `crypto.subtle`. */
  readonly computed: number;
  /** The number of requests to the identity provider. */
  readonly fetched: number;
  readonly lines: readonly LogLine[];
}

export interface Outside {
  readonly simulator: Simulator;
  readonly keys: { readonly es: Signer; readonly stranger: Signer };
  /** A session of this subject that the gateway accepts. */
  readonly session: (subject: string) => Promise<string>;
  /** A logout token that the gateway accepts, once. */
  readonly logout: (claims?: object, by?: Signer) => Promise<string>;
  /** The signature of a webhook's content, `id.timestamp.body`. */
  readonly signed: (content: string, key?: string) => Promise<string>;
  readonly ask: (asked: Asked) => Promise<Answered>;
}

export const ORIGIN = "https://app.example.com";
export const COOKIE = "__Host-session";
export const BACKEND_SECRET = "correct-horse-battery-staple-0123456789";
export const WEBHOOK_KEY = "w".repeat(32);
const APP_ID = "275300000000000a";
const API_KEY = "0123456789abcdef0123456789abcdef01234567";
const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";

/** The whole gateway with a simulated CometChat, in workerd or Node. */
export function createOutside(keys: Outside["keys"]): Outside {
  const simulator = createSimulator({
    appId: APP_ID,
    region: "us",
    keys: { [API_KEY]: "fullAccess" },
    // A long run must not reach CometChat's limits.
    rateLimits: { core: 1e9, standard: 1e9, import: 1e9 },
    roles: ["moderator"],
  });
  const lines: LogLine[] = [];
  const counts = { stored: 0, fetched: 0 };
  const env = {
    ALLOWED_ORIGINS: [ORIGIN, "https://*.preview.example.com"],
    COMETCHAT_APPS: { main: { appId: APP_ID, region: "us" } },
    COMETCHAT_API_KEY: API_KEY,
    SESSION_ISSUERS: [
      {
        issuer: ISSUER,
        name: "idp",
        audience: ["chat"],
        jwksUrl: `${ISSUER}/jwks`,
        cookie: COOKIE,
        webhookSecret: "HOOK",
      },
    ],
    HOOK: `whsec_${btoa(WEBHOOK_KEY)}`,
    BACKEND_SECRET,
    USERS: storage(counts),
    LEDGER: objects(counts, undefined),
    HOME: objects(counts, undefined),
    ONCE: objects(counts, true),
    RATE_LIMIT_IP: { limit: async () => ({ success: true }) },
    RATE_LIMIT_USER: { limit: async () => ({ success: true }) },
  };
  const app = createApp({
    fetch: async (address, init) => {
      if (new URL(address).hostname.endsWith(".cometchat.io")) return simulator.fetch(address, init);
      counts.fetched += 1;
      return Response.json({ keys: [keys.es.jwk] });
    },
    now: () => NOON * 1000,
    sleep: async () => undefined,
    random: () => 0.5,
    log: (line) => void lines.push(line),
    cache: () => undefined,
  });

  return {
    simulator,
    keys,
    session: (subject) => sign(keys.es, { iss: ISSUER, aud: "chat", sub: subject, iat: NOON - 60, exp: NOON + 3600 }),
    logout: (claims = {}, by = keys.es) =>
      sign(
        by,
        {
          iss: ISSUER,
          aud: "chat",
          sub: "alice",
          iat: NOON,
          exp: NOON + 120,
          jti: crypto.randomUUID(),
          events: { [LOGOUT_EVENT]: {} },
          ...claims,
        },
        { typ: "logout+jwt", kid: "es" },
      ),
    async signed(content, key = WEBHOOK_KEY) {
      return `v1,${await signEvent(content, btoa(key))}`;
    },
    async ask(asked) {
      const [line, call] = [lines.length, simulator.journal.entries.length];
      const before = { ...counts };
      const taken = { bytes: 0 };
      const later: Promise<unknown>[] = [];
      const context = { waitUntil: (work: Promise<unknown>) => void later.push(work), passThroughOnException() {} };
      const computing = countComputing();
      try {
        const response = await app.fetch(requestOf(asked, taken), env, context as never);
        const text = await response.text();
        for (let done = 0; done < later.length; done = later.length) await Promise.all(later);
        return {
          status: response.status,
          code: codeOf(text),
          text,
          headers: response.headers,
          calls: simulator.journal.entries.slice(call).map((entry) => entry.call),
          stored: counts.stored - before.stored,
          fetched: counts.fetched - before.fetched,
          read: taken.bytes,
          computed: computing.end(),
          lines: lines.slice(line),
        };
      } finally {
        computing.end();
        if (lines.length > 1_000) lines.length = 0;
        if (simulator.journal.entries.length > 1_000) simulator.journal.clear();
      }
    },
  };
}

/** The code of a problem of the gateway; undefined for any other text. */
function codeOf(text: string): Code | undefined {
  const code = /^\{"type":"urn:problem:[a-z-]+:([a-z-]+)"/.exec(text)?.[1];
  return code !== undefined && Object.hasOwn(codes, code) ? (code as Code) : undefined;
}

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(new TextEncoder().encode(text));

/**
 * Headers as the runtime gives them, decoded as UTF-8 and without white space around a value. The class `Headers` does
 * not accept such text.
 */
function headersOf(values: Readonly<Record<string, string>>): Headers {
  const own = new Map(
    Object.entries(values).map(([name, value]) => [name, value.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "")]),
  );
  const wide = {
    get: (name: string) => own.get(name.toLowerCase()) ?? null,
    has: (name: string) => own.has(name.toLowerCase()),
    entries: () => own.entries(),
    forEach: (each: (value: string, name: string) => void) => {
      for (const [name, value] of own) each(value, name);
    },
    [Symbol.iterator]: () => own.entries(),
  };
  return wide as unknown as Headers;
}

function requestOf({ method, path, headers, body }: Asked, taken: { bytes: number }): Request {
  const hasBody = body !== undefined && method !== "GET" && method !== "HEAD";
  const init = { method, ...(hasBody && { body: streamOf(body, taken), duplex: "half" }) };
  const request = new Request(`https://gateway.example${path}`, init as RequestInit);
  const length = "content-length" in headers && { "content-length": String(hasBody ? body.length : 0) };
  Object.defineProperty(request, "headers", { value: headersOf({ ...headers, ...length }) });
  return request;
}

/** The body in pieces of 4 KiB, each of which is made when it is read. */
function streamOf(body: Uint8Array, taken: { bytes: number }): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at >= body.length) return controller.close();
        const piece = body.slice(at, at + 4096);
        at += piece.length;
        taken.bytes += piece.length;
        controller.enqueue(piece);
      },
    },
    { highWaterMark: 0 },
  );
}

function storage(counts: { stored: number }) {
  const values = new Map<string, string>();
  return {
    async get(key: string, type?: unknown) {
      const value = values.get(key) ?? null;
      return value !== null && JSON.stringify(type ?? "").includes("json") ? JSON.parse(value) : value;
    },
    async put(key: string, value: string) {
      // The provider's keys are stored after any request.
      if (!key.startsWith("v1:k:")) counts.stored += 1;
      values.set(key, value);
    },
    async delete(key: string) {
      counts.stored += 1;
      values.delete(key);
    },
    list: async () => ({ keys: [], list_complete: true }),
  };
}

/** Durable Objects that answer as if they were empty, and store nothing. */
function objects(counts: { stored: number }, answer: unknown) {
  const answers: Record<string, unknown> = {
    deliver: {},
    record: true,
    beginWork: 0,
    end: { ok: true, value: false },
  };
  const call = (method: string) => async () => {
    counts.stored += 1;
    return Object.hasOwn(answers, method) ? answers[method] : answer;
  };
  const stub = new Proxy({}, { get: (_, method: string) => call(method) });
  const namespace = { getByName: () => stub, jurisdiction: () => namespace };
  return namespace;
}

/** Counts the calls of `crypto.subtle` until `end`. */
function countComputing(): { end: () => number } {
  const { subtle } = crypto;
  const names = ["verify", "sign", "digest", "importKey"] as const;
  let count = 0;
  for (const name of names) {
    const own = Object.getPrototypeOf(subtle)[name] as (...values: unknown[]) => unknown;
    Object.defineProperty(subtle, name, {
      configurable: true,
      value: (...values: unknown[]) => {
        count += 1;
        return own.apply(subtle, values);
      },
    });
  }
  return {
    end() {
      for (const name of names) Reflect.deleteProperty(subtle, name);
      return count;
    },
  };
}

/** A token with these claims and a wrong signature. */
export const unsigned = (claims: object): string =>
  `${b64('{"alg":"ES256","kid":"es"}')}.${b64(JSON.stringify(claims))}.${"A".repeat(86)}`;
