import { expect } from "vitest";
import type { Deps } from "../../src/context.ts";
import { type Code, codes, type Reason, reasons } from "../../src/errors.ts";
import { type Part, type Signer, sign, signer } from "./forge.ts";
import { memoryKv } from "./verifier.ts";
import { createWorld, ISSUER, type ProblemAnswer, type TokenAnswer, type World } from "./world.ts";

export { ISSUER };

/** 2026-11-25T12:00:00Z, in seconds: the attacks' clock stands still. */
export const NOON = 1_795_608_000;
export const JWKS = `${ISSUER}/jwks`;

/** The claims of a session that is accepted; a row changes one thing. */
export const CLAIMS = { iss: ISSUER, aud: "chat", sub: "alice", iat: NOON - 60, exp: NOON + 3600 };

export interface ArenaOptions {
  /** Entries of SESSION_ISSUERS; by default one, whose keys are at its JWKS address. */
  readonly issuers?: readonly Record<string, unknown>[];
  readonly env?: Record<string, unknown>;
  /** Published at `JWKS`; what is not a list is the whole document. */
  readonly keys?: unknown;
}

export interface Arena {
  readonly world: World;
  readonly clock: { now: number };
  /** Every host that the gateway asked, CometChat's left out. */
  readonly asked: string[];
  published: unknown;
  /** What answers in place of the JWKS. */
  respond: ((address: string) => Response | Promise<Response> | undefined) | undefined;
  readonly present: (token: string, init?: RequestInit) => Promise<Verdict>;
  readonly send: (path: string, init?: RequestInit) => Promise<Verdict>;
}

export interface Verdict {
  readonly response: Response;
  readonly status: number;
  /** The problem's code, or `ok`. */
  readonly code: Code | "ok";
  /** What the log says. */
  readonly reason: Reason | undefined;
  readonly text: string;
  /** The uid of the user whose token came out. */
  readonly uid: string | undefined;
  readonly cometchatCalls: number;
}

/** The whole gateway, with keys of the test's own behind its issuer and everything that it says recorded. */
export function createArena(options: ArenaOptions = {}): Arena {
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
      const answer = await arena.respond?.(address);
      if (answer) return answer;
      if (address !== JWKS) throw new TypeError("nobody is there");
      const body = Array.isArray(arena.published) ? { keys: arena.published } : arena.published;
      return Response.json(body);
    },
  };
  const world = createWorld({
    deps,
    env: {
      // Its own: the clock stands still, so another test's keys would still be fresh in it.
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

  const arena: Arena = {
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
  return arena;
}

/** Refused for that reason, with its code and one text, without a call to CometChat or a word of the token. */
export async function expectRefused(arena: Arena, token: string, reason: Reason): Promise<Verdict> {
  const verdict = await arena.present(token);
  const code = reasons[reason];
  const [status, title] = codes[code];
  expect({ status: verdict.status, code: verdict.code, reason: verdict.reason }).toEqual({ status, code, reason });
  expect(verdict.cometchatCalls).toBe(0);
  const { headers } = verdict.response;
  expect(headers.get("cache-control")).toBe("no-store");
  if (status === 401) expect(headers.get("www-authenticate")).toMatch(/^Bearer /);
  else expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(JSON.parse(verdict.text)).toMatchObject({ title });
  expectSilent(arena, token, `${verdict.text}${JSON.stringify([...headers])}`);
  return verdict;
}

/** Nothing of the token in the log or the answer: no 16 characters of any segment of it. */
export function expectSilent(arena: Arena, token: string, answer: string): void {
  const said = `${JSON.stringify(arena.world.lines)}${answer}`;
  for (const part of token.split(".")) {
    for (let from = 0; from + 16 <= part.length && from < 4096; from += 8) {
      expect(said).not.toContain(part.slice(from, from + 16));
    }
  }
}

export async function expectAccepted(arena: Arena, token: string, uid = "alice"): Promise<Verdict> {
  const verdict = await arena.present(token);
  expect({ status: verdict.status, reason: verdict.reason, uid: verdict.uid }).toEqual({
    status: 201,
    reason: undefined,
    uid,
  });
  return verdict;
}

/** The keys that the attacks are made with; RSA keys are slow to make, so once. */
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

/** A session that is accepted, but for what the row changes. */
export const session = (by: Signer, claims: Record<string, unknown> = {}, header?: Part): Promise<string> =>
  sign(by, { ...CLAIMS, ...claims }, header);
