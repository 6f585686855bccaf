import { ACCESS, type City, HANDSHAKE_ROUND_TRIPS, ROUND_TRIP, SAME_CITY, type Upstream } from "./facts.ts";

/**
 * The round trips of one request, with the Worker near the caller (`edge`) or near CometChat (`placed`). In both cases
 * the client connects to the nearest location. The difference is how many round trips cross the distance to CometChat.
 */
export function roundTrips(city: City, upstream: Upstream, calls: number) {
  const near = ACCESS.p50 + SAME_CITY;
  const far = ROUND_TRIP[upstream][city];
  const reached = (HANDSHAKE_ROUND_TRIPS + 1) * near;
  return {
    /** Each call to CometChat crosses the distance. */
    edge: reached + calls * far,
    /** With a placement hint, the request crosses the distance once, and its calls to CometChat are short. */
    placed: reached + far + calls * SAME_CITY,
  };
}
