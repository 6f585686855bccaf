import type { Context, Deps } from "../context.ts";
import { KEYS_EARLY_LEAST, KEYS_EARLY_MOST } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import type { Copies, Copy } from "./copies.ts";
import { type Fault, type Fetched, fetchDocument } from "./document.ts";

/** The used part of a provider's document, and its age. Times are milliseconds since 1970. */
export interface Cached<T> extends Omit<Copy, "document"> {
  readonly value: T;
  /** When it is fetched again in the background. It is random, so that isolates do not fetch at the same moment. */
  readonly refreshAt: number;
}

/** One kind of document. */
export interface Kind<T> {
  /** Reads the used part of a body, or says what is wrong with the body. `before`: the part used until now. */
  readonly parse: (body: unknown, before?: T) => Result<T, Fault>;
  /** Makes a body of the used part, for the copies. The rest of the document is not stored. */
  readonly bodyOf: (value: T) => unknown;
  /** For how many milliseconds an answer is fresh, and how many of them it has already spent in caches on its way. */
  readonly timesOf: (fetched: Fetched) => Pick<Fetched, "freshFor" | "age">;
}

/** A document of an identity provider in four tiers: memory → Cache API → KV → origin. */
export interface CachedDocument<T> {
  /** The document in this isolate's memory, without I/O. It may be stale. */
  readonly latest: () => Cached<T> | undefined;
  readonly forget: () => void;
  /**
   * Reads the data centre's copy, and if that is not `enough`, the newest of all copies. A newer one replaces memory.
   */
  readonly copied: (address: string, enough: (copy: Cached<T>) => boolean) => Promise<Cached<T> | undefined>;
  /** Fetches from the provider, and stores the answer in memory and in the copies. */
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
    // The answer of a slow fetch must not replace that of a later one.
    if (!cached || document.asOf >= cached.asOf) cached = document;
  }

  return {
    latest: () => cached,
    forget: () => {
      cached = undefined;
    },

    async copied(address, enough) {
      const found = await copies.read(address, (copy) => {
        const parsed = read(copy);
        return parsed.ok && enough(parsed.value);
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
