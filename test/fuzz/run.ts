import fc from "fast-check";
import { reasons } from "../../src/errors.ts";
import { type Signer, signer } from "../attacks/forge.ts";
import { createWorld, issuerEntry } from "../unit/session/setup.ts";
import { ISSUER } from "./model.ts";
import { fuzzes, type Target } from "./properties.ts";

/**
 * The long run, in Node: the same properties against the verifier alone, with the time and the memory of each case.
 * `npm run fuzz -- [cases] [seed]`
 */
declare const process: {
  argv: string[];
  exitCode?: number;
  memoryUsage: () => { heapUsed: number };
  threadCpuUsage: () => { user: number; system: number };
};
declare const gc: (() => void) | undefined;

const [, , cases = "200000", seedText = String(Date.now() & 0x7fffffff)] = process.argv;
const seed = Number(seedText);
/**
 * What 999 of 1000 cases may take, in milliseconds of this thread's processor time and in bytes: a collection of
 * garbage or a compilation falls into the rest.
 */
const BOUNDS = { ms: 5, bytes: 1024 * 1024 };
/** Cases at the beginning that are not counted: they are compiled, not run. */
const WARM_UP = 1_000;

const keys: { es: Signer; stranger: Signer } = {
  es: await signer("ES256", "es"),
  stranger: await signer("ES256", "es"),
};
const times: number[] = [];
const heaps: number[] = [];

async function timed<T>(work: () => Promise<T>): Promise<T> {
  const [heap, start] = [process.memoryUsage().heapUsed, processorMs()];
  try {
    return await work();
  } finally {
    times.push(processorMs() - start);
    // Negative where garbage was collected meanwhile: such a case says nothing.
    heaps.push(process.memoryUsage().heapUsed - heap);
  }
}

function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function worldWith(body: BodyInit) {
  const world = createWorld({
    providers: [],
    issuers: [issuerEntry({ issuer: ISSUER, keys: { from: "jwks", url: `${ISSUER}/jwks` } })],
  });
  world.intercept = () => Promise.resolve(new Response(body));
  return world;
}

function verifier(): Target {
  const usual = worldWith(JSON.stringify({ keys: [keys.es.jwk] }));
  const answer = async (world: typeof usual, token: string) => {
    const result = await timed(() => world.verify(token)).catch(() => undefined);
    if (!result) return "internal";
    return result.ok ? `yes:${result.value.subject}` : reasons[result.error.reason];
  };
  return {
    present: (token) => answer(usual, token),
    withKeys: (body, token) => answer(worldWith(body as BodyInit), token),
    logout: async (token) => {
      const result = await timed(() => usual.verifier.verifyLogout(token, usual.context())).catch(() => undefined);
      if (!result) return "internal";
      return result.ok ? "yes" : result.error.reason === "logout-token-refused" ? "no" : "internal";
    },
  };
}

const weight = fuzzes.reduce((sum, { cost = 1 }) => sum + 1 / cost, 0);
console.log(`seed ${seed}, ${cases} cases`);
for (const { name, property, cost = 1 } of fuzzes) {
  const numRuns = Math.ceil(Number(cases) / weight / cost);
  const details = await fc.check(property(verifier(), keys), { seed, numRuns });
  console.log(`${details.failed ? "FAILED" : "ok"}  ${details.numRuns} × ${name}`);
  if (details.failed) {
    console.error(fc.defaultReportMessage(details));
    process.exitCode = 1;
  }
}

const measured = [times, heaps].map((all) => all.slice(WARM_UP).sort((a, b) => a - b));
const at = (which: number, share: number) => {
  const sorted = measured[which] ?? [];
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
};
const kib = (bytes: number) => `${Math.round(bytes / 1024)} KiB`;
gc?.();
console.log(`${times.length} cases survived, seed ${seed}`);
console.log(
  `a case: ${at(0, 0.5).toFixed(2)} ms (median), ${at(0, 0.999).toFixed(2)} ms (99.9 %), ${at(0, 1).toFixed(1)} ms (worst)`,
);
console.log(`        ${kib(at(1, 0.5))} (median), ${kib(at(1, 0.999))} (99.9 %), ${kib(at(1, 1))} (worst)`);
console.log(`the heap afterwards: ${kib(process.memoryUsage().heapUsed)}`);
if (at(0, 0.999) > BOUNDS.ms || at(1, 0.999) > BOUNDS.bytes) {
  console.error("cases took more than they may");
  process.exitCode = 1;
}
