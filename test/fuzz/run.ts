import fc from "fast-check";
import { reasons } from "../../src/errors.ts";
import { type Signer, signer } from "../support/forge.ts";
import { createVerifierWorld, issuerEntry } from "../support/verifier.ts";
import { ISSUER } from "./model.ts";
import { createOutside, type Outside } from "./outside.ts";
import { requestProperties } from "./requests.ts";
import { type Target, tokenProperties } from "./tokens.ts";

/**
 * The long run of the same properties in Node, which measures time and memory of each case. Tokens are given to the
 * verifier alone, and requests to the whole gateway. `npm run fuzz -- [cases] [seed]`
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
 * The limits for 999 of 1000 cases, in milliseconds of this thread's processor time and in bytes of the heap. The other
 * cases are those during which garbage is collected or code is compiled. A request may have a body of 40 KB.
 */
const BOUNDS = { ms: 5, bytes: 1024 * 1024 };
/** The first cases are not counted, because code is compiled during them. */
const WARM_UP = 1_000;

const keys: { es: Signer; stranger: Signer } = {
  es: await signer("ES256", "es"),
  stranger: await signer("ES256", "es"),
};
/** This thread's processor time and the growth of the heap in each case of the current part. */
let times: number[] = [];
let heaps: number[] = [];

async function timed<T>(work: () => Promise<T>): Promise<T> {
  const [heap, start] = [process.memoryUsage().heapUsed, processorMs()];
  try {
    return await work();
  } finally {
    times.push(processorMs() - start);
    // The value is negative if garbage was collected during the case, and then means nothing.
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

/** Node does not have this function. It compares no real secrets here. */
Object.defineProperty(Object.getPrototypeOf(crypto.subtle), "timingSafeEqual", {
  value: (one: ArrayBufferView, other: ArrayBuffer | ArrayBufferView) => `${bytes(one)}` === `${bytes(other)}`,
});
const bytes = (data: ArrayBuffer | ArrayBufferView) =>
  ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);

/** The whole gateway, with the time and memory of each request measured. */
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
  // The kernel counts time in steps that are longer than a case, so the mean of many cases is more exact than a median.
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  const ms = [mean, at(0, 0.999), at(0, 1)].map((one) => one.toFixed(2));
  const heap = [0.5, 0.999, 1].map((share) => kib(at(1, share)));
  gc?.();
  console.log(`${times.length} cases of ${what} survived, seed ${seed}`);
  console.log(`a case: ${ms[0]} ms (mean), ${ms[1]} ms (99.9 %), ${ms[2]} ms (worst)`);
  console.log(`        ${heap[0]} (median), ${heap[1]} (99.9 %), ${heap[2]} (worst)`);
  console.log(`the heap afterwards: ${kib(process.memoryUsage().heapUsed)}`);
  if (at(0, 0.999) > BOUNDS.ms || at(1, 0.999) > BOUNDS.bytes) {
    console.error("Cases needed more time or memory than they may.");
    process.exitCode = 1;
  }
  times = [];
  heaps = [];
}

console.log(`seed ${seed}, ${cases} cases`);
// Each of the two parts gets half of the cases.
const weight = 2 * tokenProperties.reduce((sum, { cost = 1 }) => sum + 1 / cost, 0);
for (const { name, property, cost = 1 } of tokenProperties) {
  await run(name, property(verifier(), keys), Math.ceil(Number(cases) / weight / cost));
}
report("sessions");
for (const { name, property } of requestProperties) {
  await run(name, property(gateway()), Math.ceil(Number(cases) / 2 / requestProperties.length));
}
report("requests");
