import fc from "fast-check";
import { reasons } from "../../src/errors.ts";
import { type Signer, signer } from "../support/forge.ts";
import { createVerifierWorld, issuerEntry } from "../support/verifier.ts";
import { faces } from "./faces.ts";
import { ISSUER } from "./model.ts";
import { createOutside, type Outside } from "./outside.ts";
import { fuzzes, type Target } from "./properties.ts";

/**
 * The long run, in Node: the same properties, of sessions against the verifier alone and of the outer faces against the
 * whole gateway, with the time and the memory of each case. `npm run fuzz -- [cases] [seed]`
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
 * garbage or a compilation falls into the rest. A request of the faces may be refused for its body alone, of 40 KB.
 */
const BOUNDS = { ms: 5, bytes: 1024 * 1024 };
/** Cases at the beginning that are not counted: they are compiled, not run. */
const WARM_UP = 1_000;

const keys: { es: Signer; stranger: Signer } = {
  es: await signer("ES256", "es"),
  stranger: await signer("ES256", "es"),
};
/** This thread's processor time and the heap that each case took, of what is tried now. */
let times: number[] = [];
let heaps: number[] = [];

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
  const world = createVerifierWorld({
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

/** Node lacks it; what it compares here is nobody's secret. */
Object.defineProperty(Object.getPrototypeOf(crypto.subtle), "timingSafeEqual", {
  value: (one: ArrayBufferView, other: ArrayBuffer | ArrayBufferView) => `${bytes(one)}` === `${bytes(other)}`,
});
const bytes = (data: ArrayBuffer | ArrayBufferView) =>
  ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);

/** The whole gateway, each of whose answers is timed. */
function gateway(): Outside {
  const outside = createOutside(keys);
  return { ...outside, ask: (asked) => timed(() => outside.ask(asked)) };
}

async function run(name: string, property: fc.IAsyncPropertyWithHooks<never>, numRuns: number): Promise<void> {
  const details = await fc.check(property, { seed, numRuns });
  console.log(`${details.failed ? "FAILED" : "ok"}  ${details.numRuns} × ${name}`);
  if (!details.failed) return;
  console.error(fc.defaultReportMessage(details));
  process.exitCode = 1;
}

function report(what: string): void {
  const measured = [times, heaps].map((all) => all.slice(WARM_UP).sort((a, b) => a - b));
  const at = (which: number, share: number) => {
    const sorted = measured[which] ?? [];
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  };
  const kib = (bytes: number) => `${Math.round(bytes / 1024)} KiB`;
  // The kernel counts in steps that are longer than a case: many cases together say more than one in the middle.
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  const ms = [mean, at(0, 0.999), at(0, 1)].map((one) => one.toFixed(2));
  const heap = [0.5, 0.999, 1].map((share) => kib(at(1, share)));
  gc?.();
  console.log(`${times.length} cases of ${what} survived, seed ${seed}`);
  console.log(`a case: ${ms[0]} ms (mean), ${ms[1]} ms (99.9 %), ${ms[2]} ms (worst)`);
  console.log(`        ${heap[0]} (median), ${heap[1]} (99.9 %), ${heap[2]} (worst)`);
  console.log(`the heap afterwards: ${kib(process.memoryUsage().heapUsed)}`);
  if (at(0, 0.999) > BOUNDS.ms || at(1, 0.999) > BOUNDS.bytes) {
    console.error("cases took more than they may");
    process.exitCode = 1;
  }
  times = [];
  heaps = [];
}

console.log(`seed ${seed}, ${cases} cases`);
// Half of the cases each.
const weight = 2 * fuzzes.reduce((sum, { cost = 1 }) => sum + 1 / cost, 0);
for (const { name, property, cost = 1 } of fuzzes) {
  await run(name, property(verifier(), keys), Math.ceil(Number(cases) / weight / cost));
}
report("sessions");
for (const { name, property } of faces) {
  await run(name, property(gateway()), Math.ceil(Number(cases) / 2 / faces.length));
}
report("the outer faces");
