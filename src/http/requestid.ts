/** An inbound id is taken over if it could not harm a log or a header; else there is a new one. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get("X-Request-Id");
  return given !== null && /^[A-Za-z0-9_-]{8,64}$/.test(given) ? given : crypto.randomUUID();
}
