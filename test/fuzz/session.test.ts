import fc from "fast-check";
import { beforeAll, describe, it } from "vitest";
import { createArena, JWKS } from "../attacks/arena.ts";
import { type Signer, signer } from "../attacks/forge.ts";
import { fuzzes, type Target } from "./properties.ts";

// Another seed each time; a failure prints it, and the path to the smallest case.
const seed = Date.now() & 0x7fffffff;
const RUNS = 300;

let keys: { es: Signer; stranger: Signer };
beforeAll(async () => {
  const [es, stranger] = await Promise.all([signer("ES256", "es"), signer("ES256", "es")]);
  keys = { es, stranger };
});

function gateway(): Target {
  const arena = createArena({ keys: [keys.es.jwk] });
  const answer = async (send: () => ReturnType<typeof arena.send>): Promise<string> => {
    const { code, uid, status } = await send();
    if (status === 201) return `yes:${uid}`;
    return status < 500 || code === "keys-unavailable" ? code : `${status} ${code}`;
  };
  return {
    present: (token) => {
      // What cannot be sent in a header never arrives.
      if (!canBeSent(token)) return Promise.resolve("session-malformed");
      return answer(() => arena.present(token));
    },
    logout: async (token) => {
      const body = new URLSearchParams({ logout_token: token });
      const { status } = await arena.send("/v1/backchannel-logout", { body });
      return status === 200 ? "yes" : status === 400 ? "no" : "internal";
    },
    withKeys: (body, token) => {
      const cold = createArena();
      cold.respond = (address) => (address === JWKS ? new Response(body) : undefined);
      return answer(() => cold.present(token));
    },
  };
}

describe(`the gateway, by fast-check with seed ${seed}`, { timeout: 120_000 }, () => {
  it.each(fuzzes)("$name", async ({ property, cost = 1 }) => {
    await fc.assert(property(gateway(), keys), { seed, numRuns: Math.ceil(RUNS / cost) });
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
