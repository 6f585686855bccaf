import { createProvider } from "../../sandbox/provider/index.ts";
import { request } from "./load.ts";
import { KNOWN } from "./world.ts";

/** One kind of request to one server. */
export interface Variant {
  readonly title: string;
  /** The name of the Worker, or `express`. */
  readonly server: string;
  readonly status: number;
  /** Returns the bytes of the next request. */
  readonly next: () => Buffer;
  /** The key of the variant that it is compared with. */
  readonly against?: string;
}

export const ISSUER = "https://idp.example";
/** The number of known users. */
export const USERS = 100;
/** An isolate remembers fewer sessions than these, so it verifies each one at every request. */
const SESSIONS = 3_000;

const token = (session?: string, uid = "alice") =>
  request("POST", "/v1/token", {
    ...(session === undefined ? {} : { authorization: `Bearer ${session}` }),
    "x-user": uid,
  });

/** Returns the requests one after the other, and then begins again. */
function inTurn(requests: readonly Buffer[]): () => Buffer {
  let last = 0;
  return () => requests[last++ % requests.length] as Buffer;
}

/** Makes all requests of the benchmark. Returns them, and the JWKS for their sessions. */
export async function createVariants(newUsers: number) {
  const provider = createProvider({ issuer: ISSUER, algorithms: ["RS256", "ES256"] });
  const claims = { name: "Alice Liddell", picture: "https://app.example.com/alice.png" };
  const sessions = (count: number, alg: string, subject: (index: number) => string, forged = false) =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const session = await provider.issue({ alg, subject: subject(index), claims, forged });
        return token(session, subject(index));
      }),
    );
  const user = (index: number) => `${KNOWN}${index % USERS}`;
  const same = await sessions(USERS, "RS256", user);
  const bare = inTurn(Array.from({ length: USERS }, (_, index) => token(undefined, user(index))));

  const gateway: Record<string, Variant> = {
    refused: {
      title: "refused: no session",
      server: "fresh",
      status: 401,
      next: inTurn([token()]),
      against: "empty",
    },
    forged: {
      title: "refused: RS256, signature wrong",
      server: "fresh",
      status: 401,
      next: inTurn(await sessions(USERS, "RS256", user, true)),
      against: "empty",
    },
    fresh: {
      title: "token, known user, the same session",
      server: "fresh",
      status: 201,
      next: inTurn(same),
      against: "forward",
    },
    RS256: {
      title: "token, known user, a new session each time, RS256",
      server: "fresh",
      status: 201,
      next: inTurn(await sessions(SESSIONS, "RS256", user)),
      against: "forward",
    },
    ES256: {
      title: "token, known user, a new session each time, ES256",
      server: "fresh",
      status: 201,
      next: inTurn(await sessions(SESSIONS, "ES256", user)),
      against: "forward",
    },
    first: {
      title: "token, a new user each time, ES256",
      server: "fresh",
      status: 201,
      next: inTurn(await sessions(newUsers, "ES256", (index) => `user-${index}`)),
      against: "forward",
    },
    records: {
      title: "token recorded, known user, the same session",
      server: "records",
      status: 201,
      next: inTurn(same),
      against: "record",
    },
    reuse: {
      title: "token used again (`reuse`), the same session",
      server: "reuse",
      status: 200,
      next: inTurn(same),
      against: "row",
    },
  };
  const others: Record<string, Variant> = {
    empty: { title: "bare Worker: answers", server: "empty", status: 200, next: bare },
    forward: { title: "bare Worker: forwards one fetch", server: "forward", status: 200, next: bare },
    row: { title: "bare Worker: reads one row", server: "row", status: 200, next: bare },
    record: { title: "bare Worker: forwards, then writes one row", server: "record", status: 200, next: bare },
    demanded: {
      title: "bare Worker: the calls that a token demands",
      server: "demanded",
      status: 201,
      next: inTurn(same),
      against: "forward",
    },
    demandedrow: {
      title: "bare Worker: the calls that a token used again demands",
      server: "demandedrow",
      status: 200,
      next: inTurn(same),
      against: "row",
    },
    recipe: { title: "Worker with jose: mints", server: "recipe", status: 201, next: inTurn(same), against: "forward" },
    create: {
      title: "Worker with jose: creates, then mints",
      server: "create",
      status: 201,
      next: inTurn(same),
      against: "forward",
    },
    jwk: {
      title: "Worker with Hono's `jwk`: mints",
      server: "jwk",
      status: 201,
      next: inTurn(same),
      against: "forward",
    },
    express: {
      title: "Express on Node, jsonwebtoken, jwks-rsa: mints",
      server: "express",
      status: 201,
      next: inTurn(same),
      against: "forward",
    },
  };
  return { jwks: await provider.jwks(), gateway, others };
}
