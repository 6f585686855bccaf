import { evictDurableObject, reset } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { faultyKv, ledgerAround } from "../support/faults.ts";
import { returnKeyPairs } from "../support/keys.ts";
import {
  createRecordingWorld,
  ledgerOf,
  request,
  restoreAfterEach,
  runAlarms,
  shareWithObjects,
} from "../support/ledger.ts";
import { bodyOf, ISSUER, type World } from "../support/world.ts";

restoreAfterEach();

const RUNS = 6;

/** A token from a client's view. `perhaps`: a client has asked to revoke it, and the gateway answered a failure. */
interface Known {
  readonly token: string;
  readonly session: string;
  readonly recorded: boolean;
  readonly expiresAt: number;
  state: "live" | "ended" | "perhaps";
}

const SESSIONS = ["phone", "laptop", "nameless"] as const;
type Session = (typeof SESSIONS)[number];
type Ledger = "fine" | "unreachable" | "answers late";

type Step =
  | { readonly do: "sign in"; readonly session: Session; readonly fresh: boolean; readonly isolate: number }
  | { readonly do: "sign out"; readonly session: Session; readonly isolate: number }
  | { readonly do: "name the token"; readonly session: Session; readonly isolate: number }
  | { readonly do: "sign out everywhere"; readonly session: Session; readonly isolate: number }
  | { readonly do: "log out"; readonly sid: "phone" | "laptop" | undefined; readonly isolate: number }
  | { readonly do: "CometChat"; readonly up: boolean }
  | { readonly do: "KV"; readonly up: boolean }
  | { readonly do: "the ledger"; readonly is: Ledger }
  | { readonly do: "evict" }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "alarm" };

const session = fc.constantFrom(...SESSIONS);
const isolate = fc.nat(1);
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("sign in" as const), session, fresh: fc.boolean(), isolate }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("sign out" as const), session, isolate }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("name the token" as const), session, isolate }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("sign out everywhere" as const), session, isolate }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("log out" as const),
        sid: fc.constantFrom("phone" as const, "laptop" as const, undefined),
        isolate,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("CometChat" as const, "KV" as const), up: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("the ledger" as const),
        is: fc.constantFrom<Ledger>("fine", "unreachable", "answers late"),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ do: "evict" as const }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1000, 60_000, 4_000_000) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: "alarm" as const }) },
  ),
  { minLength: 3, maxLength: 16 },
);

/** Runs the steps for one user with three sessions, with two isolates that share stores and CometChat. */
async function play(sequence: readonly Step[], TOKENS: { reuse: string; ttl?: number }): Promise<void> {
  // Each case has the keys of the one before, since KV still has them.
  returnKeyPairs();
  vi.useFakeTimers({ toFake: ["Date"] });
  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
  let kvUp = true;
  let ledger: Ledger = "fine";
  const USERS = faultyKv(() => (kvUp ? undefined : Promise.reject(new Error("KV failed: 503"))));
  const LEDGER = ledgerAround(async (_, run) => {
    if (ledger === "unreachable") throw new Error("unreachable");
    const answer = await run();
    if (ledger === "answers late") throw new Error("lost");
    return answer;
  });
  const env = { LEDGER, USERS, TOKENS, SESSION_ISSUERS: [{ issuer: ISSUER, audience: ["chat"] }] };
  const first = createRecordingWorld({ env });
  const isolates = [first, createRecordingWorld({ env, deps: { fetch: first.fetch } })] as const;
  shareWithObjects(first);
  const at = (index: number) => isolates[index] as World;
  const issue = (name: Session) =>
    first.provider.issue({
      subject: "alice",
      expiresIn: 1e8,
      ...(name === "nameless" ? { claims: { jti: name } } : { sid: name }),
    });
  const sessions = new Map(await Promise.all(SESSIONS.map(async (name) => [name, await issue(name)] as const)));
  const sessionOf = (name: Session) => String(sessions.get(name));
  const known: Known[] = [];
  let down: string | undefined;

  /** The state of the tokens that a request was to revoke, by the status of its answer. */
  const conclude = (status: number, concerned: (one: Known) => boolean) => {
    for (const one of known) {
      if (one.state === "ended" || !concerned(one)) continue;
      one.state = status < 300 ? "ended" : "perhaps";
    }
  };

  for (const step of sequence) {
    // No two requests come at the same millisecond.
    pass(20);
    switch (step.do) {
      case "sign in": {
        const init = step.fresh ? { body: '{"fresh":true}', headers: { "Content-Type": "application/json" } } : {};
        const response = await at(step.isolate).signIn(sessionOf(step.session), init);
        if (response.status >= 500) break;
        const { authToken: token, expiresAt } = await bodyOf(response);
        const end = expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
        if (response.status === 201) {
          const recorded = ledger !== "unreachable";
          known.push({ token, session: step.session, recorded, expiresAt: end, state: "live" });
          // After this time, the other isolate no longer has the user in its memory.
          if (!recorded) pass(11_000);
        } else {
          const given = known.find((one) => one.token === token);
          expect(given?.session).toBe(step.session);
          expect(given?.state).not.toBe("ended");
          expect(Number(given?.expiresAt)).toBeGreaterThan(Date.now() - 20);
        }
        break;
      }
      case "sign out": {
        const { status } = await at(step.isolate).call("/v1/token", request("DELETE", sessionOf(step.session)));
        conclude(status, (one) => one.session === step.session);
        break;
      }
      case "name the token": {
        const last = known.findLast((one) => one.session === step.session);
        if (!last) break;
        const init = request("DELETE", sessionOf(step.session), { authToken: last.token });
        const { status } = await at(step.isolate).call("/v1/token", init);
        conclude(status, (one) => one === last);
        break;
      }
      case "sign out everywhere": {
        const { status } = await at(step.isolate).call("/v1/tokens", request("DELETE", sessionOf(step.session)));
        conclude(status, () => true);
        break;
      }
      case "log out": {
        const { sid } = step;
        const token = await first.provider.issueLogoutToken({ sub: "alice", ...(sid && { sid }) });
        const { status } = await at(step.isolate).call("/v1/backchannel-logout", {
          method: "POST",
          headers: { "Content-Type": "application/x-www-form-urlencoded" },
          body: `logout_token=${token}`,
        });
        conclude(status, (one) => sid === undefined || one.session === sid || one.session === "nameless");
        // If one of the user's tokens could not be recorded, a logout may revoke all of them.
        for (const one of known)
          if (one.state === "live" && known.some(({ recorded }) => !recorded)) one.state = "perhaps";
        break;
      }
      case "CometChat":
        if (step.up && down !== undefined) first.simulator.faults.remove(down);
        down = step.up ? undefined : (down ?? first.simulator.faults.add({ match: "any", effect: { kind: "refuse" } }));
        break;
      case "KV":
        // KV and the ledger are never down together, since KV records that the ledger has failed.
        kvUp = step.up || ledger === "unreachable";
        break;
      case "the ledger":
        ledger = kvUp ? step.is : "fine";
        break;
      case "evict":
        // An object that is not running cannot be evicted.
        await evictDurableObject(ledgerOf("alice")).catch(() => undefined);
        break;
      case "wait":
        pass(step.ms);
        break;
      case "alarm":
        await runAlarms();
    }
  }

  // Everything works again.
  kvUp = true;
  ledger = "fine";
  first.simulator.faults.clear();
  pass(60_000);
  for (let round = 0; round < 3; round += 1) {
    await runAlarms();
    pass(3_600_000);
  }
  const alive = first.simulator.tokens("alice");
  for (const one of known) {
    const expired = one.expiresAt <= Date.now() - 11_000_000;
    if (one.state === "ended" || (expired && one.recorded)) expect(alive).not.toContain(one.token);
    if (one.state === "live" && one.expiresAt > Date.now()) expect(alive).toContain(one.token);
  }
  vi.useRealTimers();
  await reset();
}

describe("after any sequence of requests and failures", () => {
  it.each([
    ["fresh tokens", { reuse: "never" }],
    ["tokens that are reused", { reuse: "session" }],
    ["tokens that are reused and have an end", { reuse: "session", ttl: 3600 }],
  ])(
    "each token works exactly if it should, and no revoked one was given out: %s",
    async (_, TOKENS) => {
      await fc.assert(
        fc.asyncProperty(steps, (sequence) => play(sequence, TOKENS)),
        { numRuns: RUNS, endOnFailure: false },
      );
    },
    120_000,
  );
});
