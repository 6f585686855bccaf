import type { Deps } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ANSWER_BYTES, UNAVAILABLE_SECONDS } from "../limits.ts";
import { readAnswer } from "../read.ts";
import { ok, type Result } from "../result.ts";
import { isObject } from "../shape.ts";
import { type Timer, within } from "../within.ts";
import { failureOf } from "./failures.ts";
import { retryAfter } from "./quota.ts";
import type { App } from "./types.ts";

/** One call of the REST API. */
export interface Call<T> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /**
   * The path below the app's base address, with encoded parts; undefined if the uid is not a valid one. It may contain
   * an auth token, so it is never logged.
   */
  readonly path: string | undefined;
  readonly body?: unknown;
  /** Reads the body of a 2xx answer; undefined if it is not as documented. */
  readonly read: (body: unknown) => T | undefined;
  /** Called when an attempt failed although CometChat may have carried it out. */
  readonly lost?: () => void;
  /** The time limit in milliseconds of a call with one attempt only, whose caller itself repeats it. */
  readonly once?: number;
  /** The greatest size of the answer in bytes, if it is not `ANSWER_BYTES`. */
  readonly bytes?: number;
}

/** The outcome of one attempt. */
interface Attempt<T> {
  readonly result: Result<T, GatewayError>;
  /** Whether the failure may be temporary, so that the same call may be tried again. */
  readonly temporary: boolean;
  /** The answer's headers; undefined if there was no answer. */
  readonly headers?: Headers;
}

export type Client = <T>(call: Call<T>, ms: number, timer: Timer) => Promise<Attempt<T>>;

/**
 * Makes the function for one attempt at one call, which takes at most `ms` milliseconds. Of CometChat's answer only what
 * `read` returns is passed on.
 */
export function createClient(app: App, deps: Deps): Client {
  async function attempt<T>(call: Call<T>, stop: AbortSignal): Promise<Attempt<T>> {
    try {
      const response = await deps.fetch(`${app.baseUrl}${call.path}`, request(app, call, stop));
      const bytes = await readAnswer(response, call.bytes ?? ANSWER_BYTES, stop);
      return { ...interpret(call, response, bytes, deps.now()), headers: response.headers };
    } catch {
      // The exception's message may contain the address, and with it a token, so it is not passed on.
      return lost("upstream-unreachable");
    }
  }

  return async (call, ms, timer) => {
    const stop = new AbortController();
    const ended = await within(ms, attempt(call, stop.signal), timer);
    if (ended) return ended;
    stop.abort();
    return lost("upstream-timeout");
  };
}

function request(app: App, { method, body }: Call<unknown>, signal: AbortSignal): RequestInit {
  const headers: Record<string, string> = { apikey: app.apiKey, accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  return {
    method,
    headers,
    signal,
    // A redirect would carry the API key to another host.
    redirect: "manual",
    body: body === undefined ? null : JSON.stringify(body),
  };
}

function interpret<T>(call: Call<T>, response: Response, bytes: Uint8Array | undefined, now: number): Attempt<T> {
  const { status } = response;
  // An answer without content (204) is read as an empty object; `read` decides whether that is complete.
  const body = bytes && (status === 204 ? {} : parse(bytes));
  const refused = refusalIn(body);
  if (!refused && status < 300) {
    const value = call.read(body);
    return value === undefined ? invalidAnswer(true) : { result: ok(value), temporary: false };
  }
  if (!refused && status < 400) return invalidAnswer(true);
  // A 4xx without JSON comes from a proxy between here and CometChat, and a retry would get the same answer. If its
  // type is JSON, the body was cut off, and the call is tried again.
  if (body === undefined && status < 500 && status !== 429) {
    return invalidAnswer(/\bjson\b/i.test(response.headers.get("content-type") ?? ""));
  }

  const { reason, remedy } = failureOf(status, refused?.code, refused?.fields ?? []);
  const temporary = reason === "upstream-fault";
  const wait =
    reason === "upstream-limited" ? retryAfter(response.headers, now) : temporary ? UNAVAILABLE_SECONDS : undefined;
  return { result: fail(reason, { remedy, retryAfter: wait }), temporary };
}

/** CometChat's error code in a body, and the fields that its validation names; undefined if the body is no error. */
function refusalIn(body: unknown): { readonly code: string; readonly fields: readonly string[] } | undefined {
  if (!isObject(body) || !isObject(body.error)) return undefined;
  const { code, details } = body.error;
  if (typeof code !== "string") return undefined;
  return { code, fields: typeof details === "object" && details !== null ? Object.keys(details) : [] };
}

const lost = (reason: "upstream-timeout" | "upstream-unreachable"): Attempt<never> => ({
  result: fail(reason, { retryAfter: UNAVAILABLE_SECONDS }),
  temporary: true,
});

const invalidAnswer = (temporary: boolean): Attempt<never> => ({
  result: fail("upstream-answer", { retryAfter: UNAVAILABLE_SECONDS }),
  temporary,
});

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}
