import fc from "fast-check";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { type Signer, signer } from "../support/forge.ts";
import { createTarget, JWKS } from "../support/target.ts";
import { type Target, tokenProperties } from "./tokens.ts";

const { seed, cases: RUNS } = inject("fuzz");

/**
 * The longest time of a case. This is far more than the usual millisecond, because test machines are slow and shared. A
 * slow case is tried again with a new gateway, and fails only if it is slow each time.
 * workerd does not tell how much memory a case needs. `npm run fuzz` measures it in Node.
 */
const CASE_MS = 250;
const TRIES = 4;

let keys: { es: Signer; stranger: Signer };
beforeAll(async () => {
  const [es, stranger] = await Promise.all([signer("ES256", "es"), signer("ES256", "es")]);
  keys = { es, stranger };
});

function gateway(): Target {
  const target = createTarget({ keys: [keys.es.jwk] });
  const answer = async (send: () => ReturnType<typeof target.send>): Promise<string> => {
    const { code, uid, status } = await send();
    if (status === 201) return `yes:${uid}`;
    return status < 500 || code === "keys-unavailable" ? code : `${status} ${code}`;
  };
  return {
    present: (token) => {
      // A token that no header can have never arrives.
      if (!canBeSent(token)) return Promise.resolve("session-malformed");
      return answer(() => target.present(token));
    },
    logout: async (token) => {
      const body = new URLSearchParams({ logout_token: token });
      const { status } = await target.send("/v1/backchannel-logout", { body });
      return status === 200 ? "yes" : status === 400 ? "no" : "internal";
    },
    withKeys: (body, token) => {
      const cold = createTarget();
      cold.respond = (address) => (address === JWKS ? new Response(body) : undefined);
      return answer(() => cold.present(token));
    },
  };
}

/** A target that fails if an answer takes too long. */
function timely(fresh: () => Target, now = Date.now): Target {
  const usual = fresh();
  const timed = async <T>(ask: (target: Target) => Promise<T>): Promise<T> => {
    const start = now();
    const answer = await ask(usual);
    let least = now() - start;
    for (let tries = 1; least > CASE_MS && tries < TRIES; tries += 1) {
      const other = fresh();
      const begun = now();
      await ask(other);
      least = Math.min(least, now() - begun);
    }
    if (least > CASE_MS) throw new Error(`a case took ${least} ms in its fastest run, and may take ${CASE_MS}`);
    return answer;
  };
  return {
    present: (token) => timed((target) => target.present(token)),
    logout: (token) => timed((target) => target.logout(token)),
    withKeys: (body, token) => timed((target) => target.withKeys(body, token)),
  };
}

describe(`the gateway, given tokens of any form (seed ${seed}):`, { timeout: 120_000 }, () => {
  it.each(tokenProperties)("$name", async ({ name, property, cost = 1 }) => {
    console.log(`fuzz: seed ${seed}, ${Math.ceil(RUNS / cost)} cases: ${name}`);
    await fc.assert(property(timely(gateway), keys), { seed, numRuns: Math.ceil(RUNS / cost) });
  });

  it.each([
    ["fails if it is slow each time", [300, 300, 300, 300], false],
    ["passes if it is slow and then fast", [300, 300, 300, 20], true],
    ["passes if it is fast", [20], true],
  ] as const)("a case %s", async (_, times, expected) => {
    let clock = 0;
    const left: number[] = [...times];
    const present = async () => {
      clock += left.shift() ?? Number.NaN;
      return "session-malformed";
    };
    const answer = timely(
      () => ({ ...gateway(), present }),
      () => clock,
    ).present("token");
    if (expected) await expect(answer).resolves.toBe("session-malformed");
    else await expect(answer).rejects.toThrow("a case took 300 ms");
    expect(left).toEqual([]);
  });
});

function canBeSent(token: string): boolean {
  try {
    new Headers({ Authorization: `Bearer ${token}` });
    return true;
  } catch {
    return false;
  }
}
