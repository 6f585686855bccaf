import { GatewayError } from "./error.ts";

/** How often a call is tried in all, the first try included. */
export const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A request without an answer after this time counts as a failed connection. The gateway itself answers within 8 s. */
const TIMEOUT_MS = 20_000;

/** How to reach the gateway. Tests replace the functions. */
export interface Transport {
  readonly gateway: string;
  readonly fetch: (input: string, init: RequestInit) => Promise<Response>;
  /** Takes milliseconds. */
  readonly sleep: (ms: number) => Promise<unknown>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Asks the app for its session JWT. The answer is undefined if the session is in a cookie. */
export type GetSession = () => Promise<string | undefined>;

export interface Answer<T> {
  readonly body: T;
  /** The session JWT that the gateway accepted; undefined if the session is in a cookie. */
  readonly session: string | undefined;
}

/**
 * Calls the gateway. Status 429, 503 and 504 and a failed connection are tried again after a pause. After a 401 the app
 * is asked once for another session. Rejects with a `GatewayError` and with nothing else.
 */
export async function callGateway<T>(
  transport: Transport,
  getSession: GetSession,
  signal: AbortSignal,
  method: "POST" | "DELETE",
  path: string,
  body: object | false | undefined,
): Promise<Answer<T>> {
  let pauses = 0;
  let refused: string | undefined;
  let error: GatewayError | undefined;
  for (let attempt = 1; ; attempt += 1) {
    let session: string | undefined;
    try {
      session = await getSession();
      throwIfAborted(signal);
      if (error && refused && session === refused) throw error;
      return { body: (await send(transport, session, signal, method, path, body)) as T, session };
    } catch (cause) {
      throwIfAborted(signal);
      error = cause as GatewayError;
      if (attempt === ATTEMPTS) throw error;
      if (error.status === 401 && session && !refused) refused = session;
      else if ([0, 429, 503, 504].includes(error.status)) await pause(transport, signal, pauses++, error.retryAfter);
      else throw error;
    }
  }
}

/**
 * Waits for `retryAfter` seconds if the gateway named them, else for half a second, doubled with each pause before this
 * one and shortened by up to a half at random, so that many clients do not come back at the same moment.
 */
export async function pause(transport: Transport, signal: AbortSignal, pauses: number, retryAfter = 0): Promise<void> {
  const backoff = FIRST_PAUSE_MS * 2 ** pauses * (1 - Math.random() / 2);
  await transport.sleep(Math.min(LONGEST_PAUSE_MS, retryAfter * 1000 || backoff));
  throwIfAborted(signal);
}

async function send(
  { gateway, fetch, now }: Transport,
  session: string | undefined,
  signal: AbortSignal,
  method: string,
  path: string,
  body: object | false | undefined,
): Promise<unknown> {
  const limit = new AbortController();
  const stop = () => limit.abort();
  const timer = setTimeout(stop, TIMEOUT_MS);
  signal.addEventListener("abort", stop);
  try {
    const response = await fetch(gateway + path, {
      method,
      headers: {
        ...(session && { Authorization: `Bearer ${session}` }),
        ...(body && { "Content-Type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
      // `keepalive` lets a sign-out complete although the page is closed. Workers support neither `credentials` nor
      // `keepalive`; they are not set there, since a Worker passes a session and has no `document`.
      ...(!session && { credentials: "include" }),
      ...(method === "DELETE" && "document" in globalThis && { keepalive: true }),
      signal: limit.signal,
    });
    if (!response.ok) throw await problem(response, now);
    const token = method === "POST" && ((await response.json()) as { authToken?: string });
    // The answer is not the gateway's: the sign-in page of a hotel's network, for instance, has status 200 as well.
    if (token && !token.authToken) throw 0;
    return token;
  } catch (cause) {
    throw cause instanceof GatewayError ? cause : new GatewayError("network");
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Reads an error answer. The gateway sends problem details (RFC 9457); a proxy in front of it may send anything. Only
 * the code and the request id are taken from the body.
 */
async function problem(response: Response, now: () => number): Promise<GatewayError> {
  const { status, headers } = response;
  const body = (await response.json().catch(() => ({}))) as Partial<GatewayError>;
  return new GatewayError(
    body.code ?? (status === 401 ? "session-invalid" : "internal"),
    status,
    undefined,
    body.requestId ?? headers.get("X-Request-Id") ?? "",
    secondsOf(headers.get("Retry-After"), now),
  );
}

/** The `Retry-After` header in seconds from now: it is a number of seconds or a date (RFC 9110 §10.2.3). */
function secondsOf(header: string | null, now: () => number): number | undefined {
  if (!header) return;
  if (/^\d+$/.test(header)) return Number(header);
  if (/GMT$/.test(header)) return Math.max(0, (Date.parse(header) - now()) / 1000);
}

/**
 * Throws a `GatewayError` with code `aborted` if the signal is aborted. Called after each wait, before the next effect.
 */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new GatewayError("aborted");
}
