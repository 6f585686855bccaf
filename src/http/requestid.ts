/** The caller's request id if it is harmless in a log and in a header, else a new one. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get("X-Request-Id");
  return given !== null && /^[A-Za-z0-9_-]{8,64}$/.test(given) ? given : crypto.randomUUID();
}
