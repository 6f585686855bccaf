import { GatewayError } from "./error.ts";

/** Tries in all, the first included. */
export const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A request that has no answer by then counts as a failed connection. The gateway's own deadline is 8 s. */
const PATIENCE_MS = 20_000;

export interface Wire {
  readonly gateway: string;
  readonly fetch: (input: string, init: RequestInit) => Promise<Response>;
  /** Takes milliseconds. */
  readonly sleep: (ms: number) => Promise<unknown>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Asks the app for its session; undefined where it is in a cookie. */
export type Ask = () => Promise<string | undefined>;

export interface Reached<T> {
  readonly body: T;
  /** The session that the gateway took; undefined for a cookie. */
  readonly session: string | undefined;
}

/**
 * One call to the gateway, tried again while that may help. A 401 asks for another session once.
 * Fails with a `GatewayError`, never with anything else.
 */
export async function reach<T>(
  wire: Wire,
  ask: Ask,
  signal: AbortSignal,
  method: "POST" | "DELETE",
  path: string,
  body: object | false | undefined,
): Promise<Reached<T>> {
  let pauses = 0;
  let refused: string | undefined;
  let error: GatewayError | undefined;
  for (let attempt = 1; ; attempt += 1) {
    let session: string | undefined;
    try {
      session = await ask();
      proceed(signal);
      if (error && refused && session === refused) throw error;
      return { body: (await send(wire, session, signal, method, path, body)) as T, session };
    } catch (cause) {
      proceed(signal);
      error = cause as GatewayError;
      if (attempt === ATTEMPTS) throw error;
      if (error.status === 401 && session && !refused) refused = session;
      else if ([0, 429, 503, 504].includes(error.status)) await rest(wire, signal, pauses++, error.retryAfter);
      else throw error;
    }
  }
}

/** Waits as the gateway asks, else half a second doubled each time, of which up to a half is chance. */
export async function rest(wire: Wire, signal: AbortSignal, pauses: number, retryAfter = 0): Promise<void> {
  const backoff = FIRST_PAUSE_MS * 2 ** pauses * (1 - Math.random() / 2);
  await wire.sleep(Math.min(LONGEST_PAUSE_MS, retryAfter * 1000 || backoff));
  proceed(signal);
}

async function send(
  { gateway, fetch, now }: Wire,
  session: string | undefined,
  signal: AbortSignal,
  method: string,
  path: string,
  body: object | false | undefined,
): Promise<unknown> {
  const limit = new AbortController();
  const stop = () => limit.abort();
  const timer = setTimeout(stop, PATIENCE_MS);
  signal.addEventListener("abort", stop);
  try {
    const response = await fetch(gateway + path, {
      method,
      headers: {
        ...(session && { Authorization: `Bearer ${session}` }),
        ...(body && { "Content-Type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
      // Workers know neither of the two, and have neither cookies nor pages that somebody leaves.
      ...(!session && { credentials: "include" }),
      ...(method === "DELETE" && "document" in globalThis && { keepalive: true }),
      signal: limit.signal,
    });
    if (!response.ok) throw await problem(response, now);
    const token = method === "POST" && ((await response.json()) as { authToken?: string });
    // Something else answered: a network's own sign-in page, for instance.
    if (token && !token.authToken) throw 0;
    return token;
  } catch (cause) {
    throw cause instanceof GatewayError ? cause : new GatewayError("network");
  } finally {
    clearTimeout(timer);
  }
}

/** RFC 9457, as the gateway answers; what stands in front of it may answer otherwise. Only code and request id are kept. */
async function problem(response: Response, now: () => number): Promise<GatewayError> {
  const { status, headers } = response;
  const told = (await response.json().catch(() => ({}))) as Partial<GatewayError>;
  return new GatewayError(
    told.code ?? (status === 401 ? "session-invalid" : "internal"),
    status,
    undefined,
    told.requestId ?? headers.get("X-Request-Id") ?? "",
    secondsOf(headers.get("Retry-After"), now),
  );
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function secondsOf(header: string | null, now: () => number): number | undefined {
  if (!header) return;
  if (/^\d+$/.test(header)) return Number(header);
  if (/GMT$/.test(header)) return Math.max(0, (Date.parse(header) - now()) / 1000);
}

/** Throws `aborted` once the signal says so. What was under way then ends without any further effect. */
export function proceed(signal: AbortSignal): void {
  if (signal.aborted) throw new GatewayError("aborted");
}
