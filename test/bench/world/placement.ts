import { ACCESS, type City, HANDSHAKE_ROUND_TRIPS, ROUND_TRIP, SAME_CITY, type Upstream } from "./facts.ts";

/**
 * The round trips of one request, where the Worker runs near the caller and where it runs near CometChat. The
 * connection is made with the nearest location either way; what differs is who crosses the distance, and how often.
 */
export function roundTrips(city: City, upstream: Upstream, calls: number) {
  const near = ACCESS.p50 + SAME_CITY;
  const far = ROUND_TRIP[upstream][city];
  const reached = (HANDSHAKE_ROUND_TRIPS + 1) * near;
  return {
    /** The nearest location: each call goes the whole way. */
    edge: reached + calls * far,
    /** With a placement hint: the request itself goes the whole way once, whatever it asks for; its calls are short. */
    placed: reached + far + calls * SAME_CITY,
  };
}
