import type { Effect, Simulator } from "../sandbox/cometchat/index.ts";

export interface Trial {
  readonly users: number;
  readonly signIns: number;
  /** The number of sign-ins at the same time. */
  readonly concurrency: number;
  /** The share of CometChat's answers that are faulty, 0 … 1. */
  readonly faulty: number;
  readonly random: () => number;
  /** The milliseconds that a client waits before it tries again, from the seconds in `Retry-After`. */
  readonly patience: (seconds: number) => number;
  /** Called after each sign-in with the number of sign-ins that are done. */
  readonly progress?: (done: number) => void;
}

/** One answer of the gateway, as a client sees it. */
export interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly uid?: string;
  readonly authToken?: string;
  readonly retryAfter?: number;
}

export interface Outcome {
  readonly signIns: number;
  readonly users: number;
  /** The numbers of sign-ins that got a token at the first try, at a later try, and never. */
  readonly first: number;
  readonly later: number;
  readonly lost: number;
  /** The number of answers by status and code. */
  readonly answers: Readonly<Record<string, number>>;
  /** The milliseconds of the answers with a token (`good`) and of all others (`bad`), in ascending order. */
  readonly good: readonly number[];
  readonly bad: readonly number[];
  /** The number of calls to CometChat by name, and of the faults that were played. */
  readonly calls: Readonly<Record<string, number>>;
  readonly faults: number;
  /** The number of answers whose token does not belong to that user in CometChat. */
  readonly wrongTokens: number;
  /** The users in CometChat that nobody signed in as, and those that signed in and are not in CometChat. */
  readonly strangers: readonly string[];
  readonly missing: readonly string[];
  readonly seconds: number;
}

/** The faults, each with its weight. 429 is not one of them, since it pauses the whole app. It has tests of its own. */
const MIX: readonly (readonly [weight: number, effect: Effect])[] = [
  [3, { kind: "refuse" }],
  [3, { kind: "reset" }],
  [3, { kind: "drop" }],
  [2, { kind: "cut" }],
  [2, { kind: "partial" }],
  [2, { kind: "truncated" }],
  [2, { kind: "html" }],
  [2, { kind: "html", status: 200 }],
  [2, { kind: "empty", status: 503 }],
  [2, { kind: "error", code: "ERR_OPERATION_FAILED", status: 400 }],
  [2, { kind: "error", code: "ERR_EXCEPTION" }],
  [1, { kind: "token", value: "absent" }],
  [1, { kind: "token", value: "foreign" }],
  [1, { kind: "redirect", location: "https://elsewhere.example/" }],
  [1, { kind: "hang" }],
  [1, { kind: "silence" }],
];

/** After so many tries, a sign-in counts as lost. */
const TRIES = 5;

/** Signs users in, in random order, while a share of CometChat's answers is faulty. Counts the outcomes. */
export async function soak(
  trial: Trial,
  simulator: Simulator,
  ask: (subject: string) => Promise<Answer>,
): Promise<Outcome> {
  const subjects = Array.from({ length: trial.users }, (_, n) => `user-${n}`);
  const order = shuffled(
    Array.from({ length: trial.signIns }, (_, n) => subjects[n % subjects.length] ?? ""),
    trial.random,
  );
  failNowAndThen(simulator, trial.faulty);

  const answers: Record<string, number> = {};
  const calls: Record<string, number> = {};
  const good: number[] = [];
  const bad: number[] = [];
  let [first, later, lost, wrongTokens, faults, done, next] = [0, 0, 0, 0, 0, 0, 0];

  /** Counts the calls in the journal and clears it, because it stores a limited number. */
  const count = () => {
    for (const { call, fault } of simulator.journal.entries) {
      calls[call] = (calls[call] ?? 0) + 1;
      if (fault) faults += 1;
    }
    simulator.journal.clear();
  };

  const signIn = async (subject: string) => {
    for (let tried = 1; tried <= TRIES; tried++) {
      const begun = performance.now();
      const { status, code, uid, authToken, retryAfter } = await ask(subject);
      const took = performance.now() - begun;
      const kind = code === undefined ? `${status}` : `${status} ${code}`;
      answers[kind] = (answers[kind] ?? 0) + 1;
      (status === 201 ? good : bad).push(took);
      if (status === 201) {
        if (uid !== subject || !authToken || !simulator.tokens(subject).includes(authToken)) wrongTokens += 1;
        if (tried === 1) first += 1;
        else later += 1;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, trial.patience(retryAfter ?? 1)));
    }
    lost += 1;
  };

  const begun = performance.now();
  const worker = async () => {
    for (let subject = order[next++]; subject !== undefined; subject = order[next++]) {
      await signIn(subject);
      done += 1;
      if (done % 1000 === 0) count();
      trial.progress?.(done);
    }
  };
  await Promise.all(Array.from({ length: trial.concurrency }, worker));
  const seconds = (performance.now() - begun) / 1000;
  count();
  simulator.faults.clear();

  const there = new Set(simulator.users().map(({ uid }) => uid));
  const expected = new Set(subjects);
  const bySize = (a: number, b: number) => a - b;
  return {
    signIns: trial.signIns,
    users: trial.users,
    first,
    later,
    lost,
    answers,
    good: good.sort(bySize),
    bad: bad.sort(bySize),
    calls,
    faults,
    wrongTokens,
    strangers: [...there].filter((uid) => !expected.has(uid)),
    missing: subjects.filter((uid) => !there.has(uid)),
    seconds,
  };
}

/**
 * Adds the faults, so that this share of all calls has one. The simulator tries a fault only if none before it applied,
 * so its probability is higher than its share.
 */
function failNowAndThen(simulator: Simulator, share: number): void {
  const weights = MIX.reduce((sum, [weight]) => sum + weight, 0);
  let left = 1;
  for (const [weight, effect] of MIX) {
    const wanted = (share * weight) / weights;
    simulator.faults.add({ match: "any", probability: wanted / left, effect });
    left -= wanted;
  }
}

function shuffled<T>(items: T[], random: () => number): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other] as T, items[last] as T];
  }
  return items;
}

/** A generator of random numbers, which are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The quantile of the sorted values: this share of them is below it. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
