import { expect } from "vitest";
import type { Deps } from "../../src/context.ts";
import { type Code, codes, type Reason, reasons } from "../../src/errors.ts";
import { type Part, type Signer, sign, signer } from "./forge.ts";
import { memoryKv } from "./stores.ts";
import { createWorld, ISSUER, type ProblemAnswer, type TokenAnswer, type World } from "./world.ts";

export { ISSUER };

/** The clock of the attacks stands still at 2026-11-25T12:00:00Z, in seconds. */
export const NOON = 1_795_608_000;
export const JWKS = `${ISSUER}/jwks`;

/** The claims of a session that is accepted. A row of an attack table changes one thing. */
export const CLAIMS = { iss: ISSUER, aud: "chat", sub: "alice", iat: NOON - 60, exp: NOON + 3600 };

export interface TargetOptions {
  /** Entries of SESSION_ISSUERS. By default there is one, whose keys are at `JWKS`. */
  readonly issuers?: readonly Record<string, unknown>[];
  readonly env?: Record<string, unknown>;
  /** The keys published at `JWKS`: a list of keys, or anything else as the whole document. */
  readonly keys?: unknown;
}

/** A gateway under attack. */
export interface Target {
  readonly world: World;
  readonly clock: { now: number };
  /** Every address that the gateway fetched, without those of CometChat. */
  readonly asked: string[];
  published: unknown;
  /** Answers a fetch in place of the JWKS. */
  respond: ((address: string) => Response | Promise<Response> | undefined) | undefined;
  readonly present: (token: string, init?: RequestInit) => Promise<Verdict>;
  readonly send: (path: string, init?: RequestInit) => Promise<Verdict>;
}

export interface Verdict {
  readonly response: Response;
  readonly status: number;
  /** The problem's code, or `ok`. */
  readonly code: Code | "ok";
  /** The reason in the log. */
  readonly reason: Reason | undefined;
  readonly text: string;
  /** The uid in the answer, if a token was handed out. */
  readonly uid: string | undefined;
  readonly cometchatCalls: number;
}

/** The whole gateway. Its issuer publishes the test's own keys; log lines and answers are recorded. */
export function createTarget(options: TargetOptions = {}): Target {
  const clock = { now: NOON * 1000 };
  const asked: string[] = [];
  const isCometChat = (address: string) => new URL(address).hostname.endsWith(".cometchat.io");
  let cometchatCalls = 0;
  const deps: Partial<Deps> = {
    now: () => clock.now,
    random: () => 0.5,
    fetch: async (address, init) => {
      if (isCometChat(address)) {
        cometchatCalls += 1;
        return world.simulator.fetch(address, init);
      }
      asked.push(address);
      const answer = await target.respond?.(address);
      if (answer) return answer;
      if (address !== JWKS) throw new TypeError("Network connection lost.");
      const body = Array.isArray(target.published) ? { keys: target.published } : target.published;
      return Response.json(body);
    },
  };
  const world = createWorld({
    deps,
    env: {
      // Each target has a KV of its own. The clock stands still, so keys of another test would never become stale.
      USERS: memoryKv(),
      SESSION_ISSUERS: options.issuers ?? [{ issuer: ISSUER, audience: ["chat"], jwksUrl: JWKS }],
      ...options.env,
    },
  });

  async function send(path: string, init: RequestInit = {}): Promise<Verdict> {
    const [lines, calls] = [world.lines.length, cometchatCalls];
    const response = await world.call(path, { method: "POST", ...init });
    const text = await response.text();
    const body = text.startsWith("{") ? (JSON.parse(text) as Partial<ProblemAnswer & TokenAnswer>) : {};
    const line = world.lines.slice(lines).find(({ event }) => event === "request");
    return {
      response,
      status: response.status,
      code: (body.code as Code | undefined) ?? "ok",
      reason: line?.reason as Reason | undefined,
      text,
      uid: body.uid,
      cometchatCalls: cometchatCalls - calls,
    };
  }

  const target: Target = {
    world,
    clock,
    asked,
    published: options.keys ?? [],
    respond: undefined,
    send,
    present: (token, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${token}`);
      return send("/v1/token", { ...init, headers });
    },
  };
  return target;
}

/**
 * The token is refused for this reason, with the reason's code and title, without a call to CometChat, and without a
 * part of the token in the log or the answer.
 */
export async function expectRefused(target: Target, token: string, reason: Reason): Promise<Verdict> {
  const verdict = await target.present(token);
  const code = reasons[reason];
  const [status, title] = codes[code];
  expect({ status: verdict.status, code: verdict.code, reason: verdict.reason }).toEqual({ status, code, reason });
  expect(verdict.cometchatCalls).toBe(0);
  const { headers } = verdict.response;
  expect(headers.get("cache-control")).toBe("no-store");
  if (status === 401) expect(headers.get("www-authenticate")).toMatch(/^Bearer /);
  else expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(JSON.parse(verdict.text)).toMatchObject({ title });
  expectSilent(target, token, `${verdict.text}${JSON.stringify([...headers])}`);
  return verdict;
}

/** Neither the log nor the answer holds 16 characters in a row of any segment of the token. */
export function expectSilent(target: Target, token: string, answer: string): void {
  const said = `${JSON.stringify(target.world.lines)}${answer}`;
  for (const part of token.split(".")) {
    for (let from = 0; from + 16 <= part.length && from < 4096; from += 8) {
      expect(said).not.toContain(part.slice(from, from + 16));
    }
  }
}

export async function expectAccepted(target: Target, token: string, uid = "alice"): Promise<Verdict> {
  const verdict = await target.present(token);
  expect({ status: verdict.status, reason: verdict.reason, uid: verdict.uid }).toEqual({
    status: 201,
    reason: undefined,
    uid,
  });
  return verdict;
}

/** The keys for the attacks. A file makes them once, because RSA keys are slow to make. */
export async function createSigners() {
  const [es256, es384, rs256, ps256, ed25519, stranger, strangerRsa] = await Promise.all([
    signer("ES256", "es"),
    signer("ES384", "es384"),
    signer("RS256", "rs"),
    signer("PS256", "ps"),
    signer("EdDSA", "ed"),
    signer("ES256", "es"),
    signer("RS256", "rs"),
  ]);
  return { es256, es384, rs256, ps256, ed25519, stranger, strangerRsa };
}

export type Signers = Awaited<ReturnType<typeof createSigners>>;

/** A session signed by `by`: accepted, unless the given claims or header make it invalid. */
export const session = (by: Signer, claims: Record<string, unknown> = {}, header?: Part): Promise<string> =>
  sign(by, { ...CLAIMS, ...claims }, header);
