import { type CometChat, createCometChat } from "../../src/cometchat/cometchat.ts";
import type { App } from "../../src/cometchat/types.ts";
import { type Context, type Deps, deadline } from "../../src/context.ts";
import type { LogLine } from "../../src/telemetry/log.ts";
import { createTiming } from "../../src/telemetry/timing.ts";
import { createSimulator, type Simulator, type SimulatorOptions } from "../sandbox/cometchat/index.ts";
import { witness } from "./witness.ts";

export const apiKey = "fedcba9876543210fedcba9876543210fedcba98";

export const app: App = {
  name: "main",
  appId: "app1",
  region: "us",
  baseUrl: "https://app1.api-us.cometchat.io/v3",
  apiKey,
};

export interface World {
  readonly chat: CometChat;
  /** What was asked of the network, in order. */
  readonly asked: { url: string; init: RequestInit }[];
  readonly lines: LogLine[];
  /** Moves the clock that memories go by; timers stay real. */
  readonly advance: (ms: number) => void;
  /** A request with this much time, in milliseconds. */
  readonly request: (ms?: number, parent?: AbortSignal) => Context;
}

/** The client in front of a network that answers as `fetch` says. Without jitter, unless told. */
export function world(fetch: Deps["fetch"], options: { random?: () => number; on?: App } = {}): World {
  const { random = () => 0, on = app } = options;
  let moved = 0;
  const now = () => Date.now() + moved;
  const asked: World["asked"] = [];
  const lines: LogLine[] = [];
  witness.keep(on.apiKey);
  const deps: Deps = {
    fetch: (url, init) => {
      asked.push({ url, init });
      return fetch(url, init);
    },
    now,
    sleep: async () => undefined,
    random,
    log: (line) => {
      lines.push(line);
      witness.hear(JSON.stringify(line));
    },
    cache: () => undefined,
  };
  return {
    chat: createCometChat(on, deps),
    asked,
    lines,
    advance: (ms) => {
      moved += ms;
    },
    request: (ms = 2_000, parent) => ({
      requestId: "test",
      now: now(),
      deadline: deadline(ms, now, parent),
      timing: createTiming(now),
      after: async () => undefined,
    }),
  };
}

/** Answers one after the other, the last one for ever. */
export function script(...answers: (Response | Error | (() => Response | Promise<Response>))[]): Deps["fetch"] {
  let next = 0;
  return async () => {
    const answer = answers[Math.min(next++, answers.length - 1)];
    if (answer === undefined || answer instanceof Error) throw answer;
    return answer instanceof Response ? answer.clone() : answer();
  };
}

export const json = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers });

/** An error of CometChat's, as it was observed: the text of a refusal repeats the API key. */
export const refusal = (status: number, code: string, details?: unknown, headers: Record<string, string> = {}) => {
  const message = `The key ${apiKey} cannot be used to perform this operation.`;
  return json(status, { error: { message, devMessage: message, source: "chat-api", details, code } }, headers);
};

/** The client in front of a simulated CometChat. */
export function simulated(options: Partial<SimulatorOptions> = {}): World & { readonly simulator: Simulator } {
  const simulator = createSimulator({
    appId: app.appId,
    region: app.region,
    keys: { [apiKey]: "fullAccess" },
    sampleUsers: false,
    onMint: witness.keepToken,
    ...options,
  });
  return { ...world((url, init) => simulator.fetch(url, init)), simulator };
}
