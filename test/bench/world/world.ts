import { createApp } from "../../../src/app.ts";
import { createIsolate } from "../../../src/ledger/parts.ts";
import { createSimulator } from "../../sandbox/cometchat/index.ts";
import { createProvider, type Provider } from "../../sandbox/provider/index.ts";
import type { Clock } from "../../support/clock.ts";
import type { Chance } from "./chance.ts";
import { type Counts, noCounts } from "./counts.ts";
import type { City, Upstream } from "./facts.ts";
import * as facts from "./facts.ts";
import { type CentralStore, createCache, createKv } from "./kv.ts";
import { createObjects, type Objects } from "./objects.ts";

const API_KEY = "0123456789abcdef0123456789abcdef01234567";
const APP_ID = "275300000000000a";
const ISSUER = "https://idp.example";

/**
 * The gateway's configuration. `fresh`: no ledger. `recorded`: the ledger records each token, and each sign-in gets a
 * new one.
 */
export type Mode = "fresh" | "recorded" | "reuse";

export interface World {
  readonly provider: Provider;
  readonly counts: Counts;
  readonly objects: Objects;
  /** The bytes of all keys and values in KV. */
  readonly kvBytes: () => number;
  /** The gateway, for people in this city. */
  readonly gateway: (city: City) => Door;
  /** A token server in Ohio, for people in this city. */
  readonly server: (city: City) => Door;
  /** The fastest possible gateway at the edge. It does nothing but one call. */
  readonly least: (city: City) => Door;
}

/** One sign-in on a new connection. Resolves when the work after the answer is done. `ms` is the time to the answer. */
type Door = (uid: string, session: string) => Promise<{ readonly ms: number; readonly status: number }>;

/** One CometChat app in a region, an identity provider, the gateway and the token server. */
export function createWorld(upstream: Upstream, mode: Mode, clock: Clock, chance: Chance): World {
  const counts = noCounts();
  const cometchat = createSimulator({
    appId: APP_ID,
    region: upstream,
    keys: { [API_KEY]: "fullAccess" },
    sampleUsers: false,
    latency: () => chance.draw(facts.COMETCHAT),
    now: clock.now,
    sleep: clock.sleep,
    random: chance.random,
  });
  const provider = createProvider({ issuer: ISSUER, now: clock.now, algorithms: ["ES256"] });
  const central: CentralStore = new Map();
  const variables = {
    ALLOWED_ORIGINS: ["https://app.example.com"],
    COMETCHAT_APPS: { main: { appId: APP_ID, region: upstream } },
    SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"], ...(mode === "fresh" ? {} : { sessionIdClaim: "sid" }) }],
    COMETCHAT_API_KEY: API_KEY,
    ...(mode === "fresh" ? {} : { TOKEN_ENCRYPTION_KEY: btoa("0123456789abcdef0123456789abcdef") }),
    ...(mode === "reuse" ? { TOKENS: { reuse: "session" } } : {}),
    RATE_LIMIT_IP: unlimited,
    RATE_LIMIT_USER: unlimited,
    METRICS: {
      writeDataPoint: () => {
        counts.dataPoints += 1;
      },
    },
  };
  const store = createKv(central, clock, chance, counts);
  const objects = createObjects(
    (namespaces) => ({ ...variables, USERS: store, ...namespaces }),
    createIsolate({
      ...{ now: clock.now, sleep: clock.sleep, random: chance.random, log: () => undefined, cache: () => undefined },
      // Nobody waits for the calls of an object, so they take no time on the network.
      fetch: (input, init) => callCometChat(0, input, init),
    }),
    clock,
    chance,
    counts,
  );

  /** A call over a network with this round trip. A share of the calls opens a connection first. */
  async function across(roundTrip: number, signal: AbortSignal | null | undefined, answer: () => Promise<Response>) {
    if (chance.happens(facts.NEW_CONNECTION)) await clock.sleep(facts.HANDSHAKE_ROUND_TRIPS * roundTrip, signal);
    await clock.sleep(roundTrip / 2, signal);
    const response = await answer();
    await clock.sleep(roundTrip / 2, signal);
    return response;
  }

  const apiHeaders = { apikey: API_KEY, "content-type": "application/json" };
  const api = `https://${APP_ID}.api-${upstream}.cometchat.io/v3`;

  function callCometChat(roundTrip: number, input: string, init: RequestInit): Promise<Response> {
    counts.cometchat += 1;
    return across(roundTrip, init.signal, () => cometchat.fetch(input, init));
  }

  /**
   * The time that a client waits for: a new connection, the way of the request, the work, and the way of the answer.
   */
  async function visit(distance: number, work: () => Promise<Response>): Promise<{ ms: number; status: number }> {
    const begun = clock.now();
    const roundTrip = () => chance.draw(facts.ACCESS) + distance;
    for (let trip = 0; trip < facts.HANDSHAKE_ROUND_TRIPS; trip += 1) await clock.sleep(roundTrip());
    const last = roundTrip();
    await clock.sleep(last / 2);
    const { status } = await work();
    await clock.sleep(last / 2);
    return { ms: clock.now() - begun, status };
  }

  return {
    provider,
    counts,
    objects,
    kvBytes: () => [...central].reduce((sum, [key, value]) => sum + key.length + value.length, 0),

    gateway(city) {
      const kv = createKv(central, clock, chance, counts);
      const cache = createCache(clock, () => chance.draw(facts.CACHE));
      const isolate = () => ({
        app: createApp({
          fetch: (input, init) =>
            input.startsWith(ISSUER)
              ? across(facts.ROUND_TRIP[facts.PROVIDER_AT][city], init.signal, () =>
                  provider.fetch(new Request(input, init)),
                )
              : callCometChat(facts.ROUND_TRIP[upstream][city], input, init),
          now: clock.now,
          sleep: clock.sleep,
          random: chance.random,
          log: (line) => {
            counts.logLines += 1;
            counts.logBytes += JSON.stringify(line).length;
          },
          cache: () => cache,
        }),
        env: { ...variables, USERS: kv, ...objects.namespaces },
      });
      let current = isolate();

      return async (_, session) => {
        if (chance.happens(facts.NEW_ISOLATE)) current = isolate();
        const later: Promise<unknown>[] = [];
        const context = { waitUntil: (work: Promise<unknown>) => void later.push(work), passThroughOnException() {} };
        const request = new Request("https://gateway.example/v1/token", {
          method: "POST",
          headers: { authorization: `Bearer ${session}` },
        });
        const visited = await visit(facts.SAME_CITY, async () =>
          current.app.fetch(request, current.env as unknown as Env, context as unknown as ExecutionContext),
        );
        while (later.length > 0) await Promise.all(later.splice(0));
        return visited;
      };
    },

    server(city) {
      const known = new Set<string>();
      const roundTrip = facts.OHIO_ROUND_TRIP[upstream];
      const call = (path: string, body: unknown) =>
        callCometChat(roundTrip, `${api}${path}`, { method: "POST", headers: apiHeaders, body: JSON.stringify(body) });
      // The token server's own work takes no time here, nor its reads of a database, nor the check of the session.
      return (uid) =>
        visit(facts.ROUND_TRIP.us[city], async () => {
          if (!known.has(uid)) await call("/users", { uid, name: uid });
          known.add(uid);
          return call(`/users/${uid}/auth_tokens`, { force: true });
        });
    },

    least(city) {
      const body = (uid: string) => JSON.stringify({ uid, name: uid, withAuthToken: true });
      const known = new Set<string>();
      return (uid) =>
        visit(facts.SAME_CITY, () => {
          const first = !known.has(uid);
          known.add(uid);
          const init = { method: "POST", headers: apiHeaders, body: first ? body(uid) : `{"force":true}` };
          const path = first ? "/users" : `/users/${uid}/auth_tokens`;
          return callCometChat(facts.ROUND_TRIP[upstream][city], `${api}${path}`, init);
        });
    },
  };
}

const unlimited = { limit: async () => ({ success: true }) };
