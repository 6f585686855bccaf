/** The distribution of a duration in milliseconds: its median and its 99th percentile. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

export interface Chance {
  /** A random number in [0, 1). */
  readonly random: () => number;
  readonly draw: (spread: Spread) => number;
  readonly happens: (probability: number) => boolean;
}

/** The 99th percentile of the standard normal distribution. */
const Z99 = 2.3263478740408408;

/** Random numbers that are the same for the same seed. Mulberry32 is good enough for tens of thousands of draws. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  // The Box–Muller transform makes a normal distribution.
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return {
    random,
    // A log-normal distribution is never below zero, and has a long tail as networks and stores have.
    draw: ({ p50, p99 }) => (p50 === p99 ? p50 : p50 * Math.exp((Math.log(p99 / p50) / Z99) * normal())),
    happens: (probability) => random() < probability,
  };
}

/** The percentile of the values by the method of the nearest rank. `share` is between 0 and 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
