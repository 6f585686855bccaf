import type { Spread } from "./chance.ts";

/**
 * All numbers that the simulation uses, with their sources. Times are milliseconds. "Estimate" means that nobody has
 * published the number. To try another number, change it here and run the simulation again.
 */

/**
 * The cities of the simulation. Each one has an AWS region, because the round trips between AWS regions have been
 * measured, and a Cloudflare location (https://www.cloudflare.com/network/).
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
 * CometChat's documentation says that `us` is in Ohio. That `eu` is in Frankfurt and `in` in Mumbai is an estimate from
 * their names, since CometChat does not publish where they are.
 *
 * The numbers are average round trips of pings from each city to each of CometChat's regions, measured between AWS
 * regions on 2020-06-05 (https://github.com/vitorenesduarte/fantoch/tree/main/latency_aws). Cape Town's have become
 * much shorter since then because of new cables; they are from https://cloudping.co/ as of 2026. Within one city the
 * round trip is `SAME_CITY`.
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

/**
 * The round trips from the token server's region, Ohio, to CometChat's regions (same source; within Ohio an estimate).
 */
export const OHIO_ROUND_TRIP: Readonly<Record<Upstream, number>> = { us: 1, eu: 96.1, in: 189.4 };

/**
 * The round trip from a phone or browser to the network of its own city. A sign-in needs three of them in every
 * variant. Estimate.
 */
export const ACCESS: Spread = { p50: 20, p99: 80 };
/** The round trip from there to the Cloudflare location in the same city. Estimate. */
export const SAME_CITY = 2;
/** The round trips before the first request on a new connection: TCP (RFC 9293) and TLS 1.3 (RFC 8446 §2). */
export const HANDSHAKE_ROUND_TRIPS = 2;
/**
 * The share of the calls to CometChat that open a new connection, for the token server and the gateway. Estimate:
 * Cloudflare keeps a connection for 900 s
 * (https://developers.cloudflare.com/fundamentals/reference/connection-limits/), so a location with a sign-in every
 * minute nearly always has one.
 */
export const NEW_CONNECTION = 0.05;

/**
 * The time that CometChat needs for a create or a mint. It is not published. This estimate is the same for all
 * variants.
 */
export const COMETCHAT: Spread = { p50: 60, p99: 300 };

/** The share of the sign-ins that are the first in a new isolate, whose memory is empty. Estimate. */
export const NEW_ISOLATE = 0.01;
/** A read from the Cache API. A new isolate reads the identity provider's keys from it. Estimate. */
export const CACHE: Spread = { p50: 5, p99: 15 };
/** The region of the identity provider. Its keys are fetched in the background, once in some minutes. */
export const PROVIDER_AT: Upstream = "us";

export const KV = {
  /**
   * A read of a key that was read here within `cacheTtl`: https://blog.cloudflare.com/faster-workers-kv (2024-09-26).
   */
  hot: { p50: 1, p99: 5 },
  /**
   * Any other read. For all reads outside America, Cloudflare publishes p95 ≈ 50 and p99 ≈ 250
   * (https://developers.cloudflare.com/changelog/post/2025-08-22-kv-performance-improvements/). The key of one user is
   * read only a few times a day, so nearly all of its reads are slow ones. That p95 is therefore the median here.
   * Estimate.
   */
  cold: { p50: 50, p99: 250 },
  /** A write to the central stores, after the answer. Estimate. */
  write: { p50: 100, p99: 500 },
  /**
   * The time for which a location caches a read, also that a key is absent
   * (developers.cloudflare.com/kv/concepts/how-kv-works/).
   */
  cacheTtl: 60_000,
} as const;

/**
 * A call to a user's Durable Object, which is near the place of the first sign-in. It comes after the answer. Estimate.
 */
export const DURABLE_OBJECT: Spread = { p50: 20, p99: 200 };

/** The time between two sign-ins at one location. They keep the provider's keys fresh in its isolates. Estimate. */
export const SIGN_IN_EVERY = 5_000;

/** The lifetime of a session, in seconds. Estimate. */
export const SESSION_SECONDS = 86_400;
