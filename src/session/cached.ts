import type { Context, Deps } from "../context.ts";
import { KEYS_EARLY_LEAST, KEYS_EARLY_MOST } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import type { Copies, Copy } from "./copies.ts";
import { type Fault, type Fetched, fetchDocument } from "./document.ts";

/** What is used of a provider's document, and from when it is. Times in milliseconds since 1970. */
export interface Cached<T> extends Omit<Copy, "document"> {
  readonly value: T;
  /** From here on it is fetched again in the background: spread, so that isolates do not ask all at once. */
  readonly refreshAt: number;
}

/** One kind of document. */
export interface Kind<T> {
  /** What is used of a body, or what is wrong with it; `before` is what was used until now. */
  readonly parse: (body: unknown, before?: T) => Result<T, Fault>;
  /** The same as a body again, for the copies: what is not used is not kept. */
  readonly bodyOf: (value: T) => unknown;
  /** Milliseconds for which an answer is fresh, and those that it had spent in caches on its way. */
  readonly timesOf: (fetched: Fetched) => Pick<Fetched, "freshFor" | "age">;
}

/** A document of an identity provider in four tiers: memory → Cache API → KV → origin. */
export interface CachedDocument<T> {
  /** What this isolate has, without I/O; it may be stale. */
  readonly latest: () => Cached<T> | undefined;
  readonly forget: () => void;
  /** The data centre's copy if that is `enough`, else the newest of the copies. Memory has it afterwards, unless that is newer. */
  readonly copied: (address: string, enough: (copy: Cached<T>) => boolean) => Promise<Cached<T> | undefined>;
  /** Asks the origin. Memory and copies have its answer afterwards. */
  readonly fetched: (address: string, signal: AbortSignal, context: Context) => Promise<Result<Cached<T>, Fault>>;
}

export function cachedDocument<T>(
  kind: Kind<T>,
  deps: Pick<Deps, "fetch" | "now" | "random">,
  copies: Copies,
): CachedDocument<T> {
  let cached: Cached<T> | undefined;

  function read({ document, ...times }: Copy): Result<Cached<T>, Fault> {
    const parsed = kind.parse(document, cached?.value);
    if (!parsed.ok) return parsed;
    const early =
      (times.freshUntil - deps.now()) * (KEYS_EARLY_LEAST + (KEYS_EARLY_MOST - KEYS_EARLY_LEAST) * deps.random());
    return ok({ ...times, value: parsed.value, refreshAt: times.freshUntil - Math.max(0, early) });
  }

  function adopt(document: Cached<T>): void {
    // A slower fetch must not bring back what a later one has replaced.
    if (!cached || document.asOf >= cached.asOf) cached = document;
  }

  return {
    latest: () => cached,
    forget: () => {
      cached = undefined;
    },

    async copied(address, enough) {
      const found = await copies.read(address, (copy) => {
        const known = read(copy);
        return known.ok && enough(known.value);
      });
      const copy = found && read(found);
      if (!copy?.ok) return undefined;
      adopt(copy.value);
      return copy.value;
    },

    async fetched(address, signal, context) {
      const sent = deps.now();
      const answer = await fetchDocument(address, deps.fetch, signal);
      if (!answer.ok) return answer;
      const { freshFor, age } = kind.timesOf(answer.value);
      const times = { fetchedAt: sent, asOf: sent - age, freshUntil: sent + freshFor };
      const document = read({ ...times, document: answer.value.body });
      if (!document.ok) return document;
      adopt(document.value);
      const copy = { ...times, document: kind.bodyOf(document.value.value) };
      context.after("keys-copy", () => copies.write(address, copy));
      return document;
    },
  };
}
