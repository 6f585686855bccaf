import type { Spread } from "./chance.ts";

/**
 * Every number that the simulation rests on, with its source. Change one and run it again; nothing else has to be
 * touched. Times are milliseconds. "Estimate" says that nobody has published it.
 */

/**
 * Cities in which there is an AWS region, because the round trips between those have been measured. A Cloudflare
 * location is in each of them (https://www.cloudflare.com/network/).
 */
export const CITIES = [
  { city: "London", region: "eu-west-2" },
  { city: "Frankfurt", region: "eu-central-1" },
  { city: "Washington", region: "us-east-1" },
  { city: "San Francisco", region: "us-west-1" },
  { city: "São Paulo", region: "sa-east-1" },
  { city: "Cape Town", region: "af-south-1" },
  { city: "Mumbai", region: "ap-south-1" },
  { city: "Singapore", region: "ap-southeast-1" },
  { city: "Tokyo", region: "ap-northeast-1" },
  { city: "Sydney", region: "ap-southeast-2" },
] as const;

export type City = (typeof CITIES)[number]["city"];
/** CometChat's regions (https://www.cometchat.com/docs/rest-api/chat-apis). */
export type Upstream = "us" | "eu" | "in";
export const UPSTREAMS: readonly Upstream[] = ["us", "eu", "in"];

/**
 * `us` is in Ohio by CometChat's own documentation; that the others are in Frankfurt and Mumbai is an estimate from
 * their names, as CometChat publishes no addresses.
 *
 * Average round trips by ping from each city to each of CometChat's regions, measured between AWS regions on
 * 2020-06-05: https://github.com/vitorenesduarte/fantoch/tree/main/latency_aws. Cape Town's have become much shorter
 * with new cables since: from https://cloudping.co/ as of 2026. Within one city: `SAME_CITY`.
 */
export const ROUND_TRIP: Readonly<Record<Upstream, Readonly<Record<City, number>>>> = {
  us: {
    London: 85.8,
    Frankfurt: 96.1,
    Washington: 10.6,
    "San Francisco": 50.6,
    "São Paulo": 124.7,
    "Cape Town": 237.2,
    Mumbai: 189.4,
    Singapore: 220.2,
    Tokyo: 155.5,
    Sydney: 187.9,
  },
  eu: {
    London: 14.7,
    Frankfurt: 2,
    Washington: 85.6,
    "San Francisco": 145.6,
    "São Paulo": 203.1,
    "Cape Town": 155.4,
    Mumbai: 111.5,
    Singapore: 178.0,
    Tokyo: 243.9,
    Sydney: 281.9,
  },
  in: {
    London: 113.4,
    Frankfurt: 111.5,
    Washington: 181.8,
    "San Francisco": 231.1,
    "São Paulo": 299.5,
    "Cape Town": 151.9,
    Mumbai: 2,
    Singapore: 63.1,
    Tokyo: 136.7,
    Sydney: 143.3,
  },
};

/** From the token server's region, Ohio, to CometChat's; same source. Within Ohio: estimate. */
export const OHIO_ROUND_TRIP: Readonly<Record<Upstream, number>> = { us: 1, eu: 96.1, in: 189.4 };

/**
 * From a phone or browser to the network of its own city and back. Estimate; the same for all variants, of which each
 * sign-in needs three.
 */
export const ACCESS: Spread = { p50: 20, p99: 80 };
/** From there to the Cloudflare location in the same city. Estimate. */
export const SAME_CITY = 2;
/** Round trips before the first request on a new connection: TCP (RFC 9293) and TLS 1.3 (RFC 8446 §2). */
export const HANDSHAKE_ROUND_TRIPS = 2;
/**
 * How often a call to CometChat opens a connection, for the token server and the gateway alike. Estimate: Cloudflare
 * keeps one for 900 s (https://developers.cloudflare.com/fundamentals/reference/connection-limits/), so that a
 * location with a sign-in a minute nearly always has one.
 */
export const NEW_CONNECTION = 0.05;

/** CometChat's own time for a create or a mint. It publishes none: a pure assumption, the same for all variants. */
export const COMETCHAT: Spread = { p50: 60, p99: 300 };

/** How often a sign-in meets an isolate that has never served one, and its own memory empty. Estimate. */
export const NEW_ISOLATE = 0.01;
/** The Cache API, from which such an isolate takes the identity provider's keys. Estimate. */
export const CACHE: Spread = { p50: 5, p99: 15 };
/** Where the identity provider is; it is asked for its keys in the background, once in some minutes. */
export const PROVIDER_AT: Upstream = "us";

export const KV = {
  /** A key read within `cacheTtl` at this location: https://blog.cloudflare.com/faster-workers-kv (2024-09-26). */
  hot: { p50: 1, p99: 5 },
  /**
   * Any other. Cloudflare publishes p95 ≈ 50 and p99 ≈ 250 for all reads outside America
   * (https://developers.cloudflare.com/changelog/post/2025-08-22-kv-performance-improvements/). A user's own key is
   * read a few times a day, so nearly each read is one of the slow ones: that p95 is taken as its median. Estimate.
   */
  cold: { p50: 50, p99: 250 },
  /** To the central stores, after the answer. Estimate. */
  write: { p50: 100, p99: 500 },
  /** How long a location keeps what it has read, an absence too: https://developers.cloudflare.com/kv/concepts/how-kv-works/ */
  cacheTtl: 60_000,
} as const;

/** One object per user, created near where the user first signed in; called after the answer. Estimate. */
export const DURABLE_OBJECT: Spread = { p50: 20, p99: 200 };

/** Between two sign-ins at one location: what keeps the keys of its isolates fresh. Estimate. */
export const SIGN_IN_EVERY = 5_000;

/** A session lasts so long, and asks for its token as often as the app is opened anew. Estimates. */
export const SESSION_SECONDS = 86_400;
