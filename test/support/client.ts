import { type CometChat, createCometChat } from "../../src/cometchat/cometchat.ts";
import type { App } from "../../src/cometchat/types.ts";
import { type Context, type Deps, deadline } from "../../src/context.ts";
import type { LogLine } from "../../src/telemetry/log.ts";
import { createTiming } from "../../src/telemetry/timing.ts";
import { createSimulator, type Simulator, type SimulatorOptions } from "../sandbox/cometchat/index.ts";
import { leaks } from "./leaks.ts";

export const apiKey = "fedcba9876543210fedcba9876543210fedcba98";

export const app: App = {
  name: "main",
  appId: "app1",
  region: "us",
  baseUrl: "https://app1.api-us.cometchat.io/v3",
  apiKey,
};

export interface ClientWorld {
  readonly chat: CometChat;
  /** Every fetch, in order. */
  readonly asked: { url: string; init: RequestInit }[];
  readonly lines: LogLine[];
  /** Moves the clock, in milliseconds. Timers stay real. */
  readonly advance: (ms: number) => void;
  /** The context of a request that has this much time, in milliseconds. */
  readonly request: (ms?: number) => Context;
}

/** A CometChat client whose network is `fetch`. There is no jitter unless `random` is given. */
export function createClientWorld(
  fetch: Deps["fetch"],
  options: { random?: () => number; on?: App } = {},
): ClientWorld {
  const { random = () => 0, on = app } = options;
  let moved = 0;
  const now = () => Date.now() + moved;
  const asked: ClientWorld["asked"] = [];
  const lines: LogLine[] = [];
  leaks.addSecret(on.apiKey);
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
      leaks.addText(JSON.stringify(line));
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
    request: (ms = 2_000) => ({
      requestId: "test",
      now: now(),
      deadline: deadline(ms, now),
      timing: createTiming(now),
      after: async () => undefined,
    }),
  };
}

/** A network that gives these answers one after the other, and then the last one again and again. */
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

/** An error of CometChat in the form that was observed: the message repeats the API key. */
export const refusal = (status: number, code: string, details?: unknown, headers: Record<string, string> = {}) => {
  const message = `The key ${apiKey} cannot be used to perform this operation.`;
  return json(status, { error: { message, devMessage: message, source: "chat-api", details, code } }, headers);
};

/** A CometChat client whose network is a simulated CometChat. */
export function createSimulatedWorld(
  options: Partial<SimulatorOptions> = {},
): ClientWorld & { readonly simulator: Simulator } {
  const simulator = createSimulator({
    appId: app.appId,
    region: app.region,
    keys: { [apiKey]: "fullAccess" },
    sampleUsers: false,
    onMint: leaks.addToken,
    ...options,
  });
  return { ...createClientWorld((url, init) => simulator.fetch(url, init)), simulator };
}
