import type { Deadline, Deps } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ANSWER_BYTES, UNAVAILABLE_SECONDS } from "../limits.ts";
import { readAnswer } from "../read.ts";
import { ok, type Result } from "../result.ts";
import { isObject } from "../shape.ts";
import { failureOf } from "./failures.ts";
import { retryAfter } from "./quota.ts";
import type { App } from "./types.ts";

/** One call of the REST API. */
export interface Call<T> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /**
   * Below the app's base address, its parts already encoded; undefined where there is none, since no uid could be that.
   * It may hold an auth token, so it is never logged.
   */
  readonly path: string | undefined;
  readonly body?: unknown;
  /** What a 2xx body says; undefined where it makes no sense. */
  readonly read: (body: unknown) => T | undefined;
  /** Told when an attempt failed so that CometChat may have carried it out all the same. */
  readonly lost?: () => void;
  /** Milliseconds of its only attempt, for a call whose caller paces the repetitions. */
  readonly once?: number;
  /** Bytes that its answer may have, where more than `ANSWER_BYTES`. */
  readonly bytes?: number;
}

/** How one attempt ended. */
interface Attempt<T> {
  readonly result: Result<T, GatewayError>;
  /** Whether the failure may pass: the same call may then be made again. */
  readonly passing: boolean;
  /** The answer's headers, where one came. */
  readonly headers?: Headers;
}

export type Client = <T>(call: Call<T>, deadline: Deadline, ms: number) => Promise<Attempt<T>>;

/** One attempt at one call. Nothing that CometChat said leaves here but what `read` picked. */
export function createClient(app: App, deps: Deps): Client {
  return async (call, deadline, ms) => {
    if (deadline.signal?.aborted) return lost("upstream-timeout");
    return bounded(ms, deadline, async (stop) => {
      try {
        const response = await deps.fetch(`${app.baseUrl}${call.path}`, request(app, call, stop));
        const bytes = await readAnswer(response, call.bytes ?? ANSWER_BYTES, stop);
        return { ...judge(call, response, bytes, deps.now()), headers: response.headers };
      } catch {
        // What was thrown may name the address, and with it a token: only its kind is kept.
        return lost("upstream-unreachable");
      }
    });
  };
}

/**
 * The attempt, or a timeout after `ms` or when the caller goes, whatever the network does about being told to stop. One
 * plain timer, cleared in any case, so that none outlives its request.
 */
function bounded<T>(
  ms: number,
  { signal: caller, timer }: Deadline,
  attempt: (stop: AbortSignal) => Promise<Attempt<T>>,
): Promise<Attempt<T>> {
  const stop = new AbortController();
  return new Promise((resolve, reject) => {
    const finish = (ended: Attempt<T>) => {
      inTime();
      caller?.removeEventListener("abort", end);
      resolve(ended);
    };
    const end = () => {
      finish(lost("upstream-timeout"));
      stop.abort();
    };
    const inTime = timer(ms, end);
    caller?.addEventListener("abort", end);
    attempt(stop.signal).then(finish, reject);
  });
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

function judge<T>(call: Call<T>, response: Response, bytes: Uint8Array | undefined, now: number): Attempt<T> {
  const { status } = response;
  // No content is a complete answer where nothing is asked for; `read` decides whether it is.
  const body = bytes && (status === 204 ? {} : parse(bytes));
  const refused = refusalIn(body);
  if (!refused && status < 300) {
    const value = call.read(body);
    return value === undefined ? nonsense(true) : { result: ok(value), passing: false };
  }
  if (!refused && status < 400) return nonsense(true);
  // A 4xx that is not JSON, and does not claim to be, comes from a proxy in between, not from CometChat; a repetition would
  // get the same. JSON that was cut off on its way is asked for again.
  if (body === undefined && status < 500 && status !== 429) {
    return nonsense(/\bjson\b/i.test(response.headers.get("content-type") ?? ""));
  }

  const { reason, remedy } = failureOf(status, refused?.code, refused?.fields ?? []);
  const passing = reason === "upstream-fault";
  const wait =
    reason === "upstream-limited" ? retryAfter(response.headers, now) : passing ? UNAVAILABLE_SECONDS : undefined;
  return { result: fail(reason, { remedy, retryAfter: wait }), passing };
}

/** What a body says that is a refusal: its code, and the fields that validation named. */
function refusalIn(body: unknown): { readonly code: string; readonly fields: readonly string[] } | undefined {
  if (!isObject(body) || !isObject(body.error)) return undefined;
  const { code, details } = body.error;
  if (typeof code !== "string") return undefined;
  return { code, fields: typeof details === "object" && details !== null ? Object.keys(details) : [] };
}

const lost = (reason: "upstream-timeout" | "upstream-unreachable"): Attempt<never> => ({
  result: fail(reason, { retryAfter: UNAVAILABLE_SECONDS }),
  passing: true,
});

const nonsense = (passing: boolean): Attempt<never> => ({
  result: fail("upstream-answer", { retryAfter: UNAVAILABLE_SECONDS }),
  passing,
});

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}
