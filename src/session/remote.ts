import type { Context, Deps } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import {
  KEYS_COLD_COOLDOWN_MS,
  KEYS_COOLDOWN_MS,
  KEYS_FRESH_MOST_MS,
  KEYS_KEPT_MS,
  KEYS_POLL_MS,
  KEYS_SHARE,
  KEYS_STALE_WAIT_MS,
} from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { within } from "../within.ts";
import type { Copies, Copy } from "./copies.ts";
import { discoveryAddress, parseDiscovery } from "./discovery.ts";
import { type Fault, fetchDocument } from "./document.ts";
import type { Issuer, KeySource } from "./issuer.ts";
import { type Key, keyFromJwk, type PublicJwk } from "./jwk.ts";
import { parseJwks } from "./jwks.ts";
import { anyUsable, candidates, type Keys, type Wanted } from "./keys.ts";

/** Keys as they were fetched. Times in milliseconds since 1970. */
interface CachedKeys {
  readonly keys: readonly Key[];
  readonly fetchedAt: number;
  /** What they say was so at that time, at least: a cache on the way may have had them for long. */
  readonly asOf: number;
  readonly freshUntil: number;
  /** From here on they are fetched again in the background: spread, so that isolates do not ask all at once. */
  readonly refreshAt: number;
}

/**
 * Keys that the provider publishes: memory → Cache API → KV → origin.
 *
 * Fresh keys are used without I/O, and renewed after an answer before they go stale. Stale ones are renewed before they
 * are used, so that a withdrawn key stops working; where that fails they go on for a day at most. At most one attempt
 * per cool-down, failed ones counted, whatever asks for it.
 *
 * @param most milliseconds that one attempt may take
 */
export function remoteKeys(
  issuer: Issuer,
  source: Extract<KeySource, { from: "discovery" | "jwks" }>,
  deps: Deps,
  copies: Copies,
  most: number,
): Keys {
  let cached: CachedKeys | undefined;
  /** Where discovery said that the keys are, and until when that is used. */
  let location: { readonly address: string; readonly until: number } | undefined;
  /** The keys could not be had there: discovery is asked again, whatever is remembered of it. */
  let doubted = false;
  let attemptedAt = Number.NEGATIVE_INFINITY;
  let fault: Fault | undefined;
  /** The fetch under way in some request of this isolate. Only this mark is shared: its promise is that request's own. */
  let pending: { readonly startedAt: number } | undefined;

  /** When an attempt may be made again. A clock that was put back does not hold it up. */
  const restMs = () => {
    const sinceAttempt = deps.now() - attemptedAt;
    const cooldown = cached ? KEYS_COOLDOWN_MS : KEYS_COLD_COOLDOWN_MS;
    return sinceAttempt < 0 ? 0 : Math.max(0, cooldown - sinceAttempt);
  };
  // The runtime ends a request whose caller has gone, and its fetch with it. Its mark then expires.
  const busy = () => pending !== undefined && deps.now() - pending.startedAt <= most + KEYS_POLL_MS;
  const unavailable = (reason: "keys-unavailable" | "keys-cooling-down"): Result<never, GatewayError> =>
    fail(reason, {
      retryAfter: Math.max(1, Math.ceil(restMs() / 1000)),
      ...(fault && { remedy: `the identity provider's keys: ${fault}` }),
    });

  async function load(context: Context): Promise<Result<CachedKeys, GatewayError>> {
    if (cached && context.now >= cached.fetchedAt + KEYS_KEPT_MS) {
      cached = undefined;
      // What was refused beside them, as older, may be asked for at once.
      attemptedAt = Number.NEGATIVE_INFINITY;
    }
    if (cached && context.now < cached.freshUntil) {
      if (context.now >= cached.refreshAt) context.after("keys-refresh", attempt);
      return ok(cached);
    }
    // Stale: others need not wait for the one that renews it.
    const patience = context.deadline.left() * KEYS_SHARE;
    if (cached) await within(Math.min(KEYS_STALE_WAIT_MS, patience), attempt(context));
    else await within(patience, renew(context));
    return cached ? ok(cached) : unavailable("keys-unavailable");
  }

  async function find(wanted: Wanted, context: Context) {
    const loaded = await load(context);
    if (!loaded.ok) return loaded;
    const { alg, kid, issuedAt, refused } = wanted;
    const named = (keys: readonly Key[]) =>
      keys.some((key) => (kid === undefined ? key.fits(alg) && !refused.includes(key) : key.kid === kid));
    if (!named(loaded.value.keys)) await within(context.deadline.left() * KEYS_SHARE, renew(context, kid));
    const now = cached ?? loaded.value;
    if (!named(now.keys)) return missing(now, issuedAt, context);
    const until = context.now < now.freshUntil ? now.freshUntil : attemptedAt + KEYS_COOLDOWN_MS;
    return ok({ keys: candidates(now.keys, wanted), until: Math.min(until, now.fetchedAt + KEYS_KEPT_MS) });
  }

  /**
   * No key of that name. Keys fetched after the token came do not have it: a forgery, or withdrawn. Otherwise the token
   * may be signed with a newer key, if it says that it is newer (`iat` counts whole seconds): then a 401 would sign a
   * good user out.
   */
  function missing({ asOf }: CachedKeys, issuedAt: number | undefined, context: Context): Result<never, GatewayError> {
    if (asOf >= context.now) return fail("key-unknown");
    const newer = issuedAt !== undefined && issuedAt >= Math.floor(asOf / 1000);
    return newer ? unavailable("keys-cooling-down") : fail("key-unknown");
  }

  /** Waits for another request's fetch, by looking: true where there was one and it came to an end. */
  async function followed(context: Context): Promise<boolean> {
    if (!busy()) return false;
    const { left, signal } = context.deadline;
    let leader = pending;
    let since = left();
    while (pending && left() > 0 && !signal?.aborted) {
      if (pending !== leader) {
        leader = pending;
        since = left();
      } else if (since - left() > most) {
        // Its request was ended before it: as if it had never asked.
        pending = undefined;
        attemptedAt = Number.NEGATIVE_INFINITY;
        return false;
      }
      await sleep(KEYS_POLL_MS);
    }
    return true;
  }

  /** Newer keys: another request's, where one is fetching them, else our own. */
  async function renew(context: Context, kid?: string): Promise<void> {
    if (await followed(context)) return;
    // Of requests that came in the same instant one was first, and the others follow it after all.
    if (busy()) await followed(context);
    else await attempt(context, kid);
  }

  /** One look beyond memory, if none is under way and the last attempt is long enough ago. Never fails. */
  async function attempt(context: Context, kid?: string): Promise<void> {
    if (busy() || restMs() > 0) return;
    const mark = { startedAt: deps.now() };
    pending = mark;
    const work = refresh(kid, context).finally(() => {
      if (pending === mark) pending = undefined;
    });
    // Not to be ended with this request, should its caller go: others wait for it.
    context.after("keys-fetch", () => work);
    await work;
  }

  async function refresh(kid: string | undefined, context: Context): Promise<void> {
    // Not the request's own signal: that aborts when the caller goes, and a caller could keep the keys from everybody.
    const signal = AbortSignal.timeout(most);
    const enough = (copy: Copy) => {
      const parsed = parseJwks(copy.document);
      if (!parsed.ok) return false;
      // A renewal wants keys that are newer than ours.
      if (kid === undefined) return deps.now() < copy.freshUntil && copy.fetchedAt > (cached?.fetchedAt ?? 0);
      return deps.now() - copy.fetchedAt < KEYS_COOLDOWN_MS || parsed.value.some((jwk) => jwk.kid === kid);
    };
    const found = await locate(signal, context);
    const copy = found.address === undefined ? undefined : await copies.read(found.address, enough);
    if (copy && !found.fault && enough(copy)) {
      attemptedAt = Math.max(attemptedAt, copy.fetchedAt);
      return adopt(copy);
    }
    // Whoever waits for the provider has something, should it take too long.
    if (copy) adopt(copy);
    const fetched = found.fault ? err(found.fault) : await ask(found.address, parseJwks, signal);
    if (fetched.ok) {
      const { value: jwks, ...times } = fetched.value;
      const fresh = { ...times, document: { keys: jwks } };
      fault = undefined;
      adopt(fresh);
      context.after("keys-copy", () => copies.write(found.address ?? "", fresh));
      return;
    }
    fault = fetched.error;
    // Where the keys were may be where they are no longer.
    location = undefined;
    doubted = true;
    deps.log({ event: "keys-fetch-failed", issuer: issuer.issuer, fault, kept: cached !== undefined });
  }

  /** The JWKS address; after a fault the last one known, under which there may be a copy. */
  async function locate(
    signal: AbortSignal,
    context: Context,
  ): Promise<{ address: string; fault?: undefined } | { address: string | undefined; fault: Fault }> {
    if (source.from === "jwks") return { address: source.url };
    if (location && deps.now() < location.until) return location;
    const metadata = discoveryAddress(issuer.issuer);
    const parse = (body: unknown) => parseDiscovery(body, issuer.issuer);
    const copy = await copies.read(metadata, ({ freshUntil }) => deps.now() < freshUntil);
    const known = copy ? parse(copy.document) : undefined;
    if (copy && known?.ok && !doubted && deps.now() < copy.freshUntil) {
      location = { address: known.value, until: copy.freshUntil };
      return location;
    }
    const fetched = await ask(metadata, parse, signal);
    if (!fetched.ok) return { address: known?.ok ? known.value : location?.address, fault: fetched.error };
    const { value: address, fetchedAt } = fetched.value;
    doubted = false;
    location = { address, until: fetchedAt + KEYS_FRESH_MOST_MS };
    const document = { issuer: issuer.issuer, jwks_uri: address };
    const fresh = { fetchedAt, asOf: fetchedAt, freshUntil: location.until, document };
    context.after("keys-copy", () => copies.write(metadata, fresh));
    return location;
  }

  /** The origin's own answer; counts as the attempt, whatever comes of it. */
  async function ask<T>(
    address: string,
    parse: (body: unknown) => Result<T, Fault>,
    signal: AbortSignal,
  ): Promise<Result<{ value: T; fetchedAt: number; asOf: number; freshUntil: number }, Fault>> {
    const sent = deps.now();
    attemptedAt = sent;
    const fetched = await fetchDocument(address, deps.fetch, signal);
    if (!fetched.ok) return fetched;
    const parsed = parse(fetched.value.body);
    if (!parsed.ok) return parsed;
    return ok({
      value: parsed.value,
      fetchedAt: sent,
      asOf: sent - fetched.value.age,
      freshUntil: sent + fetched.value.freshFor,
    });
  }

  function adopt({ fetchedAt, asOf, freshUntil, document }: Copy): void {
    // A slower fetch must not bring back what a later one has replaced.
    if (cached && asOf < cached.asOf) return;
    const parsed = parseJwks(document);
    if (!parsed.ok) return;
    const known = new Map(cached?.keys.map((key) => [key.text, key]));
    const keep = (jwk: PublicJwk) => known.get(JSON.stringify(jwk)) ?? keyFromJwk(jwk);
    const early = (freshUntil - deps.now()) * (0.1 + 0.2 * deps.random());
    cached = { keys: parsed.value.map(keep), fetchedAt, asOf, freshUntil, refreshAt: freshUntil - Math.max(0, early) };
  }

  return {
    find,
    trusts: (key) => cached?.keys.includes(key) ?? false,
    async ready(context) {
      const loaded = await load(context);
      if (!loaded.ok) return fault ?? "cooling-down";
      return (await anyUsable(loaded.value.keys, issuer.algorithms)) ? undefined : "no-usable-key";
    },
  };
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
