import { evictDurableObject, reset } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import fc from "fast-check";
import { describe, it, vi } from "vitest";
import type { Deps } from "../../src/context.ts";
import { createSimulator } from "../sandbox/cometchat/index.ts";
import { createProvider } from "../sandbox/provider/index.ts";
import { deactivateInDashboard } from "../support/dashboard.ts";
import { ledgerAround } from "../support/faults.ts";
import { keyPair, returnKeyPairs } from "../support/keys.ts";
import { createRecordingWorld, ledgerOf, request, restoreAfterEach, runAlarms } from "../support/ledger.ts";
import { sleep, virtualTime } from "../support/time.ts";
import { API_KEY, bodyOf, ISSUER, type World } from "../support/world.ts";

restoreAfterEach();

const { TOKEN_ENCRYPTION_KEY } = bindings as unknown as { TOKEN_ENCRYPTION_KEY: string };
const RUNS = 6;
const APPS = { emea: "eu", apac: "in" } as const;
type Region = keyof typeof APPS;

/** A token from a client's view. `perhaps`: it depends on KV's answer whether the gateway has revoked it. */
interface Known {
  readonly token: string;
  readonly region: Region;
  state: "live" | "ended" | "perhaps";
}

/** Two apps, a provider, and two isolates in front of the same stores. */
function places(env: Record<string, unknown>, through: (fetch: Deps["fetch"]) => Deps["fetch"] = (fetch) => fetch) {
  const provider = createProvider({ issuer: ISSUER, keyPair });
  const simulated = (region: "eu" | "in") =>
    createSimulator({ appId: `2753000000000${region}`, region, keys: { [API_KEY]: "fullAccess" } });
  const apps = { emea: simulated("eu"), apac: simulated("in") };
  const fetch = through(async (input, init) => {
    const { hostname } = new URL(input);
    const region = (["emea", "apac"] as const).find((each) => hostname.endsWith(`.api-${APPS[each]}.cometchat.io`));
    return region ? apps[region].fetch(input, init) : provider.fetch(new Request(input, init));
  });
  const COMETCHAT_APPS = {
    eu: { appId: "2753000000000eu", region: "eu" },
    in: { appId: "2753000000000in", region: "in" },
  };
  const SESSION_ISSUERS = [{ issuer: ISSUER, audience: ["chat"], appClaim: "region", appByClaim: APPS }];
  const world = () =>
    createRecordingWorld({
      deps: { fetch },
      env: { COMETCHAT_APPS, PLACEMENT: { default: "eu" }, SESSION_ISSUERS, ...env },
    });
  const isolates = [world(), world()] as const;
  const at = (index: number): World => isolates[index] as World;
  const issue = (region: Region) =>
    provider.issue({ subject: "alice", expiresIn: 1e8, claims: { jti: region, region } });
  const alive = () => [...apps.emea.tokens("alice"), ...apps.apac.tokens("alice")];
  return { apps, at, issue, alive };
}

/** Throws if a token that has ended works, or if one that should work does not. */
function compare(known: readonly Known[], alive: readonly string[]): void {
  for (const { token, region, state } of known) {
    if (state === "ended" && alive.includes(token)) throw new Error(`A token of ${region} has ended and works.`);
    if (state === "live" && !alive.includes(token)) throw new Error(`A token of ${region} should work and does not.`);
  }
}

const region = fc.constantFrom<Region>("emea", "apac");
const isolate = fc.nat(1);
const moves = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant("sign in" as const), region, isolate, late: fc.boolean() }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("name a token" as const), region, isolate, which: fc.nat(5) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("sign out everywhere" as const), region, isolate }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1000, 11_000, 120_000) }),
    },
    { weight: 1, arbitrary: fc.constantFrom({ do: "evict" as const }, { do: "alarm" as const }) },
  ),
  { minLength: 3, maxLength: 12 },
);
type Move = typeof moves extends fc.Arbitrary<readonly (infer S)[]> ? S : never;

/** Moves a user between two apps by a claim. Each isolate may remember another app, and records may come late. */
async function move(sequence: readonly Move[], keyed: boolean): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"] });
  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
  let late = false;
  /** The calls of late records, in the order in which they are to arrive: the newest is the first. */
  const records: (() => unknown)[] = [];
  const LEDGER = ledgerAround(async (call, run) => {
    if (!late || call !== "record") return run();
    records.unshift(run);
    return undefined;
  });
  const env = { LEDGER, TOKEN_ENCRYPTION_KEY: keyed ? TOKEN_ENCRYPTION_KEY : undefined };
  const { at, issue, alive } = places(env);
  const sessions = { emea: await issue("emea"), apac: await issue("apac") };
  const known: Known[] = [];
  const recorded = async () => {
    for (const record of records.splice(0)) await record();
  };
  const end = (one: Known) => {
    one.state = "ended";
  };

  for (const step of sequence) {
    pass(20);
    switch (step.do) {
      case "sign in": {
        late = step.late;
        const response = await at(step.isolate).signIn(sessions[step.region]);
        late = false;
        const { authToken: token } = await bodyOf(response);
        for (const one of known.filter(({ region, state }) => region !== step.region && state === "live")) {
          one.state = keyed ? "ended" : "perhaps";
        }
        known.push({ token, region: step.region, state: "live" });
        break;
      }
      case "name a token": {
        const one = known.at(step.which % Math.max(1, known.length));
        if (!one) break;
        const init = request("DELETE", sessions[step.region], { authToken: one.token });
        if ((await at(step.isolate).call("/v1/token", init)).ok) end(one);
        break;
      }
      case "sign out everywhere":
        await recorded();
        if ((await at(step.isolate).call("/v1/tokens", request("DELETE", sessions[step.region]))).ok)
          known.forEach(end);
        break;
      case "wait":
        await recorded();
        pass(step.ms);
        break;
      case "evict":
        await recorded();
        await evictDurableObject(ledgerOf("alice")).catch(() => undefined);
        break;
      case "alarm":
        await recorded();
        await runAlarms();
    }
  }
  await recorded();
  await runAlarms();
  compare(known, alive());
}

describe("after any moves of a user by a claim, in isolates that remember different apps, when all is recorded,", () => {
  it.each([
    ["the tokens of the last app work, and neither revoked tokens nor those of the other app do", true],
    ["the tokens of the last app work, and revoked tokens do not (no TOKEN_ENCRYPTION_KEY)", false],
  ])("%s", (_, records) => afterAny(moves, (sequence) => move(sequence, records)), 120_000);
});

const revivals = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant("sign in" as const), isolate }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("sign in twice at once" as const),
        pauses: fc.array(fc.constantFrom(0, 0, 5, 20), { minLength: 4, maxLength: 12 }),
      }),
    },
    { weight: 3, arbitrary: fc.constant({ do: "deactivate" as const }) },
  ),
  { minLength: 3, maxLength: 8 },
);
type Revival = typeof revivals extends fc.Arbitrary<readonly (infer S)[]> ? S : never;

/** Deactivates a user again and again in CometChat's dashboard. Sign-ins in two isolates reactivate it. */
async function revive(sequence: readonly Revival[], records: boolean): Promise<void> {
  let pauses: number[] = [];
  let answeredMissing = 0;
  const env = {
    PROVISIONING: { reactivate: true },
    TOKEN_ENCRYPTION_KEY: records ? TOKEN_ENCRYPTION_KEY : undefined,
  };
  const { apps, at, issue, alive } = places(env, (fetch) => async (input, init) => {
    // The first reactivation waits until both sign-ins have had the answer that the user does not exist.
    for (let ms = 0; init.method === "PUT" && answeredMissing === 1 && ms < 1000; ms += 1) await sleep(1);
    // A token that is minted in the same millisecond as a flush counts as older, so each call takes some time.
    await sleep(1 + (pauses.shift() ?? 0));
    const response = await fetch(input, init);
    if (response.status === 404) answeredMissing += 1;
    return response;
  });
  const session = await issue("emea");
  const known: Known[] = [];
  let deactivated = false;

  for (const step of sequence) {
    await sleep(2);
    switch (step.do) {
      case "sign in":
      case "sign in twice at once": {
        const twice = step.do === "sign in twice at once";
        pauses = twice ? [...step.pauses] : [];
        answeredMissing = twice ? 0 : 2;
        const isolates = twice ? [0, 1] : [step.isolate];
        const answers = await Promise.all(isolates.map((index) => at(index).signIn(session)));
        for (const one of known) if (deactivated) one.state = "ended";
        deactivated = false;
        for (const answer of answers) {
          if (answer.status !== 201) throw new Error(`A sign-in was answered ${answer.status}.`);
          const { authToken: token } = await bodyOf(answer);
          known.push({ token, region: "emea", state: "live" });
        }
        break;
      }
      case "deactivate":
        if (!apps.emea.user("alice")) break;
        await deactivateInDashboard({ simulator: apps.emea }, "2753000000000eu.api-eu");
        deactivated = true;
    }
    if (!deactivated) compare(known, alive());
  }
}

/** Empties the stores before each case. The key pairs of the case before are used again. */
async function emptyStores(): Promise<void> {
  vi.useRealTimers();
  returnKeyPairs();
  await reset();
}

/** That holds after any sequence of steps, in empty stores. */
const afterAny = <Steps>(sequences: fc.Arbitrary<Steps>, holds: (sequence: Steps) => Promise<void>) =>
  fc.assert(fc.asyncProperty(sequences, holds).beforeEach(emptyStores), { numRuns: RUNS, endOnFailure: false });

describe("a user whom concurrent sign-ins in two isolates reactivate (PROVISIONING.reactivate)", () => {
  virtualTime();

  it.each([
    ["gets only tokens that work, and none from before works again", true],
    ["gets only tokens that work, and none from before works again (no TOKEN_ENCRYPTION_KEY)", false],
  ])("%s", (_, records) => afterAny(revivals, (sequence) => revive(sequence, records)), 120_000);
});
