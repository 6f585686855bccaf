import { Hono } from "hono/tiny";
import { createApp } from "../../../src/app.ts";
import { createProvider } from "../../sandbox/provider/index.ts";
import type { Batch, Variant } from "./variants.ts";

/**
 * The gateway, its bundle and runtime as in production, with everything around it answered at once and in memory: what
 * is left is its own computing. `/healthz` says that it is there; `/prepare?variant=…&requests=…` makes the sessions of a
 * batch, and `/run?variant=…` sends it.
 */

const ISSUER = "https://idp.example";
const ANSWER = { authToken: "alice_0", uid: "alice", appId: "2753", region: "us", created: false };
const provider = createProvider({ issuer: ISSUER, algorithms: ["ES256", "RS256"] });
let calls = 0;

/** CometChat says yes to everything. */
async function fetchNearby(input: string, init: RequestInit): Promise<Response> {
  if (input.startsWith(ISSUER)) return provider.fetch(new Request(input, init));
  calls += 1;
  const { pathname } = new URL(input);
  const uid = pathname.split("/")[3] ?? (JSON.parse(String(init.body)) as { uid: string }).uid;
  return Response.json({ data: { uid, authToken: `${uid}_${calls}`, createdAt: 1_795_608_000 } });
}

function gateway(settings: Record<string, unknown>) {
  const values = new Map<string, string>();
  const unlimited = { limit: async () => ({ success: true }) };
  const env = {
    ALLOWED_ORIGINS: ["https://app.example.com"],
    COMETCHAT_APPS: { main: { appId: "2753000000000000", region: "us" } },
    SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], profile: { name: "name", avatar: "picture" } }],
    COMETCHAT_API_KEY: "0123456789abcdef0123456789abcdef01234567",
    RATE_LIMIT_IP: unlimited,
    RATE_LIMIT_USER: unlimited,
    METRICS: { writeDataPoint() {} },
    LEDGER: { getByName: () => ({ record: async () => true }) },
    HOME: { getByName: () => ({}) },
    ONCE: { getByName: () => ({}) },
    USERS: {
      async get(key: string, type?: string) {
        const value = values.get(key) ?? null;
        return type === "json" && value !== null ? JSON.parse(value) : value;
      },
      put: async (key: string, value: string) => void values.set(key, value),
    },
    ...settings,
  };
  const app = createApp({
    fetch: fetchNearby,
    now: () => Date.now(),
    sleep: async () => undefined,
    random: () => Math.random(),
    // The line is made, as it would be; where it goes is not the gateway's computing.
    log: (line) => void JSON.stringify(line),
    cache: () => undefined,
  });
  return { app, env: env as unknown as Env };
}

const empty = new Hono();
empty.post("/v1/token", (c) => c.json(ANSWER, 201));
const places = {
  empty: { app: empty, env: {} as Env },
  fresh: gateway({}),
  reuse: gateway({
    TOKENS: { reuse: "session" },
    TOKEN_ENCRYPTION_KEY: btoa("0123456789abcdef0123456789abcdef"),
  }),
};

/** The sessions of a batch, made before it is timed. */
async function sessionsFor(variant: Variant, requests: number): Promise<(string | undefined)[]> {
  const claims = { name: "Alice Liddell", picture: "https://app.example.com/alice.png" };
  const subject = (index: number) => (variant === "first" ? `user-${crypto.randomUUID()}-${index}` : "alice");
  const alg = variant.startsWith("RS256") ? "RS256" : "ES256";
  const issue = (index: number) =>
    provider.issue({ alg, subject: subject(index), claims, forged: variant === "forged" });
  if (variant === "missing" || variant === "empty") return Array.from({ length: requests });
  if (variant === "reuse" || variant.endsWith("-same"))
    return Array.from({ length: requests }).fill(await issue(0)) as string[];
  return Promise.all(Array.from({ length: requests }, (_, index) => issue(index)));
}

const EXPECTED: Partial<Record<Variant, number>> = { missing: 401, forged: 401, reuse: 200 };

let sessions: (string | undefined)[] = [];

function sender(variant: Variant): (session: string | undefined) => Promise<number> {
  const { app, env } = variant === "empty" || variant === "reuse" ? places[variant] : places.fresh;
  const later: Promise<unknown>[] = [];
  const context = { waitUntil: (work: Promise<unknown>) => void later.push(work), passThroughOnException() {} };
  return async (session) => {
    const headers = session === undefined ? {} : { authorization: `Bearer ${session}` };
    const request = new Request("https://gateway.example/v1/token", { method: "POST", headers });
    const { status } = await app.fetch(request, env, context as unknown as ExecutionContext);
    // What follows the answer is computing as well.
    while (later.length > 0) await Promise.all(later.splice(0));
    return status;
  };
}

async function prepare(variant: Variant, count: number): Promise<void> {
  sessions = await sessionsFor(variant, count);
  // Keys, the mapping and a held token are there before it counts, and for "the same session" its memory.
  await sender(variant)(variant === "first" ? undefined : sessions[0]);
}

async function run(variant: Variant): Promise<Batch> {
  const send = sender(variant);
  const wanted = EXPECTED[variant] ?? 201;
  const callsBefore = calls;
  const begun = performance.now();
  for (const session of sessions) {
    const status = await send(session);
    if (status !== wanted) throw new Error(`${variant}: answered ${status} instead of ${wanted}`);
  }
  return { ms: (performance.now() - begun) / sessions.length, calls: (calls - callsBefore) / sessions.length };
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok");
    const variant = searchParams.get("variant") as Variant;
    if (pathname === "/run") return Response.json(await run(variant));
    await prepare(variant, Number(searchParams.get("requests")));
    return new Response("ready");
  },
} satisfies ExportedHandler<Env>;

// The deployment declares them; nobody calls them here.
export { Home } from "../../../src/directory/home.ts";
export { Ledger } from "../../../src/ledger/ledger.ts";
export { Once } from "../../../src/session/once.ts";
