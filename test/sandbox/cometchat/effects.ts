import { type Answer, type Code, errorBody, isCode, refuse, statusOf, textOf } from "./answers.ts";
import type { CallName } from "./calls.ts";
import type { Effect } from "./faults.ts";
import { isObject } from "./rules.ts";

/**
 * The connection was refused or cut. The simulator's `fetch` rejects with it, and it is a TypeError as from any
 * `fetch`. A server that puts the simulator on a socket has to destroy the socket when it catches this error.
 */
export class ConnectionReset extends TypeError {
  override readonly name = "ConnectionReset";
  /** `refused`: before the request was sent. `reset`: before the call was done. `dropped`: the call was done. */
  readonly stage: "refused" | "reset" | "dropped";
  constructor(stage: "refused" | "reset" | "dropped") {
    super(`Connection ${stage}`);
    this.stage = stage;
  }
}

export interface Scene {
  call: CallName;
  /** The API key that was sent. CometChat repeats it in some errors. */
  key: string;
  uid: string;
  signal: AbortSignal | undefined;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Does the call, and returns its true answer. */
  serve: () => Promise<Answer>;
}

/**
 * Returns the answer that an effect makes of the call. Rejects with a `ConnectionReset`, or with the reason of the
 * abort.
 */
export async function play(effect: Exclude<Effect, { kind: "delay" }>, scene: Scene): Promise<Answer> {
  const { key, uid, signal, serve } = scene;
  switch (effect.kind) {
    case "error": {
      const { code, message = textOf(code, { key, uid }), headers = {} } = effect;
      const status = effect.status ?? (isCode(code) ? statusOf(code) : 500);
      return { status, json: errorBody(code, message), headers };
    }
    case "answer":
      return { status: effect.status, raw: empties(effect.status) ? null : effect.body, headers: effect.headers ?? {} };
    case "html": {
      const page = "<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>";
      return { status: effect.status ?? 502, raw: page, headers: { "content-type": "text/html" } };
    }
    case "empty":
      return { status: effect.status ?? 200, raw: empties(effect.status ?? 200) ? null : "" };
    case "redirect":
      return { status: effect.status ?? 302, raw: null, headers: { location: effect.location } };
    case "wrongKey":
      return refuse("AUTH_ERR_APIKEY_NOT_FOUND", { key });
    case "hang":
      return await aborted(signal);
    case "refuse":
      throw new ConnectionReset("refused");
    case "reset":
      throw new ConnectionReset("reset");
    case "drop":
      await serve();
      throw new ConnectionReset("dropped");
    case "partial": {
      const answer = await serve();
      return answer.status < 300 ? refuse(failures[scene.call] ?? "ERR_MISSION_FAILED") : answer;
    }
    case "token":
      return swapToken(await serve(), effect.value);
    case "truncated":
      return rewrite(await serve(), (text) => text.slice(0, Math.ceil(text.length / 2)));
    case "huge":
      return rewrite(await serve(), (text) => padded(text, effect.bytes ?? 10_000_000));
    case "silence":
      return rewrite(await serve(), () => stream(signal, aborted));
    case "cut":
      return rewrite(await serve(), (text) => cut(text, scene));
    case "drip":
      return rewrite(await serve(), (text) => dripping(text, effect.ms ?? 1000, scene));
  }
}

const failures: Partial<Record<CallName, Code>> = {
  create: "ERR_WS_USER_CREATION_FAILED",
  update: "ERR_WS_USER_UPDATION_FAILED",
  revoke: "ERR_AUTH_TOKEN_DELETE_FAILED",
  flush: "ERR_AUTH_TOKENS_DELETE_FAILED",
};

/** Rejects when the request is aborted. Until then it stays pending. */
function aborted(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function empties(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

function rewrite(answer: Answer, change: (text: string) => string | ReadableStream<Uint8Array>): Answer {
  const { json, ...rest } = answer;
  return { ...rest, raw: change(JSON.stringify(json)) };
}

function swapToken(answer: Answer, value: "absent" | "empty" | "null" | "number" | "foreign"): Answer {
  const { json } = answer;
  if (!isObject(json) || !isObject(json.data) || typeof json.data.authToken !== "string") return answer;
  const { authToken, ...data } = json.data;
  const swapped = {
    absent: data,
    empty: { ...data, authToken: "" },
    null: { ...data, authToken: null },
    number: { ...data, authToken: 42 },
    foreign: { ...data, uid: "somebody-else", authToken: `somebody-else_${authToken.slice(-40)}` },
  };
  return { ...answer, json: { data: swapped[value] } };
}

const encoder = new TextEncoder();

/** A body of which each step makes one chunk. It fails when the request is aborted, and stops when nobody reads it. */
function stream(
  signal: AbortSignal | undefined,
  step: (stop: AbortSignal) => Promise<Uint8Array | undefined>,
): ReadableStream<Uint8Array> {
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await step(stop.signal);
      if (chunk) return controller.enqueue(chunk);
      signal?.removeEventListener("abort", onAbort);
      controller.close();
    },
    cancel: () => stop.abort(),
  });
}

function dripping(text: string, ms: number, { signal, sleep }: Scene): ReadableStream<Uint8Array> {
  const bytes = encoder.encode(text);
  let at = 0;
  return stream(signal, async (stop) => {
    await sleep(ms, stop);
    at += 1;
    return at > bytes.length ? undefined : bytes.slice(at - 1, at);
  });
}

function cut(text: string, { signal, sleep }: Scene): ReadableStream<Uint8Array> {
  let sent = false;
  return stream(signal, async (stop) => {
    if (sent) {
      // Some servers send the headers only when a short body is complete. Without the pause they would answer 500.
      await sleep(50, stop);
      throw new ConnectionReset("dropped");
    }
    sent = true;
    return encoder.encode(text.slice(0, Math.ceil(text.length / 2)));
  });
}

/** Valid JSON of this size. It is made while it is read, so nothing more is made when the caller stops reading. */
function padded(text: string, bytes: number): ReadableStream<Uint8Array> {
  const chunk = 65_536;
  const head = encoder.encode(`${text.slice(0, -1)},"padding":"`);
  const tail = encoder.encode(`"}`);
  let left = Math.max(0, bytes - head.length - tail.length);
  let next: Uint8Array | undefined = head;
  return stream(undefined, async () => {
    const now = next;
    if (now === tail) next = undefined;
    else if (left === 0) next = tail;
    else {
      next = encoder.encode("x".repeat(Math.min(chunk, left)));
      left -= next.length;
    }
    return now;
  });
}
