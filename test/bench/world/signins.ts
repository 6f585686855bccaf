import type { Clock } from "../../support/clock.ts";
import type { Chance } from "./chance.ts";
import { type Counts, combine } from "./counts.ts";
import { type City, KV, SESSION_SECONDS, SIGN_IN_EVERY, type Upstream } from "./facts.ts";
import { createWorld, type Mode } from "./world.ts";

export type Variant = "server" | "least" | Mode;

/** The milliseconds of each user's first sign-in in one city, and of a later one. */
export interface Met {
  readonly first: readonly number[];
  readonly later: readonly number[];
}

/** The average costs of one sign-in. */
interface Cost {
  readonly first: Counts;
  readonly later: Counts;
  /** A known user's sign-in with a new session. */
  readonly anew: Counts;
}

export interface Outcome {
  readonly met: ReadonlyMap<City, Met>;
  readonly cost: Cost;
  /** The bytes that are stored for one user. */
  readonly bytes: { readonly kv: number; readonly ledger: number };
}

/** The number of users for a round whose costs only are of interest, since they hardly vary. */
const FEW = 60;

/**
 * In each of the cities, `users` new people sign in to an app of that region. Later all of them sign in again with the
 * same session, and then some of them with a new one. Throws if a sign-in is refused, since its time would mean
 * nothing.
 */
export async function signIns(
  variant: Variant,
  upstream: Upstream,
  cities: readonly City[],
  users: number,
  clock: Clock,
  chance: Chance,
): Promise<Outcome> {
  const simple = variant === "server" || variant === "least" ? variant : undefined;
  const world = createWorld(upstream, variant === "server" || variant === "least" ? "fresh" : variant, clock, chance);
  const doors = new Map(cities.map((city) => [city, world[simple ?? "gateway"](city)]));
  const sessions = new Map<string, string>();

  async function round(people: number) {
    const before = { ...world.counts };
    const times = new Map<City, number[]>();
    for (const [city, door] of doors) {
      const spent: number[] = [];
      for (let number = 0; number < people; number += 1) {
        const uid = `${city.toLowerCase().replaceAll(/[^a-z]/g, "-")}-${number}`;
        const session =
          sessions.get(uid) ??
          (await world.provider.issue({ subject: uid, sid: crypto.randomUUID(), expiresIn: SESSION_SECONDS }));
        sessions.set(uid, session);
        const { ms, status } = await clock.run(() => door(uid, session));
        if (status >= 300) throw new Error(`${variant}: a sign-in was answered ${status}`);
        spent.push(ms);
        await clock.pass(SIGN_IN_EVERY);
      }
      times.set(city, spent);
    }
    const each = cities.length * people;
    return { times, cost: combine(before, world.counts, (then, now) => (now - then) / each) };
  }

  const first = await round(users);
  // After this time, no location has anything in its cache.
  await clock.pass(2 * KV.cacheTtl);
  const later = await round(users);
  const bytes = { kv: world.kvBytes() / (cities.length * users), ledger: world.objects.bytes() };
  await clock.pass(2 * KV.cacheTtl);
  sessions.clear();
  const anew = await round(Math.min(users, FEW));
  world.objects.close();
  return {
    met: new Map(
      cities.map((city) => [city, { first: first.times.get(city) ?? [], later: later.times.get(city) ?? [] }]),
    ),
    cost: { first: first.cost, later: later.cost, anew: anew.cost },
    bytes,
  };
}
