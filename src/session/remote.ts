import type { Context, Deps } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { KEYS_COLD_COOLDOWN_MS, KEYS_COOLDOWN_MS, KEYS_KEPT_MS, KEYS_SHARE, KEYS_STALE_WAIT_MS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { within } from "../within.ts";
import { type Cached, type CachedDocument, cachedDocument } from "./cached.ts";
import { choose, hasNamed } from "./choice.ts";
import type { Copies } from "./copies.ts";
import { discoveryAddress, metadataOf } from "./discovery.ts";
import type { Fault } from "./document.ts";
import { createFlight } from "./flight.ts";
import type { Issuer, KeySource } from "./issuer.ts";
import { type JwkSet, jwkSet } from "./jwks.ts";
import { anyUsable, type Keys, type Wanted } from "./keys.ts";

/**
 * The keys that a provider publishes, in four tiers: memory → Cache API → KV → origin.
 *
 * Fresh keys are used without I/O, and are renewed in the background before they become stale. Stale keys are renewed
 * before they are used, so that a withdrawn key stops working; if that fails, they are used for at most one more day.
 * There is at most one attempt in each cool-down, successful or not.
 *
 * @param most the time limit of one attempt in milliseconds
 */
export function remoteKeys(
  issuer: Issuer,
  source: Extract<KeySource, { from: "discovery" | "jwks" }>,
  deps: Deps,
  copies: Copies,
  most: number,
): Keys {
  const published = cachedDocument(jwkSet, deps, copies);
  const metadata = cachedDocument(metadataOf(issuer.issuer), deps, copies);
  const flight = createFlight(deps.now, most, () => (published.latest() ? KEYS_COOLDOWN_MS : KEYS_COLD_COOLDOWN_MS));
  let fault: Fault | undefined;
  /** Whether the keys could not be fetched from the address in the metadata, so that the metadata is fetched again. */
  let doubted = false;

  const begin = (context: Context) => flight.begin(context, () => refresh(undefined, context));
  const join = (context: Context, kid?: string) => flight.join(context, () => refresh(kid, context));
  const unavailable = (reason: "keys-unavailable" | "keys-cooling-down"): Result<never, GatewayError> =>
    fail(reason, {
      retryAfter: Math.max(1, Math.ceil(flight.rest() / 1000)),
      ...(fault && { remedy: `the identity provider's keys: ${fault}` }),
    });

  async function load(context: Context): Promise<Result<Cached<JwkSet>, GatewayError>> {
    const { now } = context;
    const latest = published.latest();
    if (latest && now >= latest.fetchedAt + KEYS_KEPT_MS) {
      published.forget();
      // The refused keys were older than the provider's present ones, so the next fetch may begin at once.
      flight.reopen();
    } else if (latest && now < latest.freshUntil) {
      if (now >= latest.refreshAt) context.after("keys-refresh", begin);
      return ok(latest);
    }
    // The keys are stale. Other requests do not wait for the one that renews them.
    const patience = context.deadline.left() * KEYS_SHARE;
    if (published.latest()) await within(Math.min(KEYS_STALE_WAIT_MS, patience), begin(context));
    else await within(patience, join(context));
    const renewed = published.latest();
    return renewed ? ok(renewed) : unavailable("keys-unavailable");
  }

  async function find(wanted: Wanted, context: Context) {
    const loaded = await load(context);
    if (!loaded.ok) return loaded;
    if (!hasNamed(loaded.value.value.keys, wanted)) {
      await within(context.deadline.left() * KEYS_SHARE, join(context, wanted.kid));
    }
    const latest = published.latest() ?? loaded.value;
    const chosen = choose(latest, wanted, { now: context.now, attemptedAt: flight.attemptedAt() });
    if (chosen === "unknown") return fail("key-unknown");
    return chosen === "unfetched" ? unavailable("keys-cooling-down") : ok(chosen);
  }

  /** Looks for keys outside of memory: in the copies, then at the provider. */
  async function refresh(kid: string | undefined, context: Context): Promise<void> {
    // One time limit for all that follows. It is not the request's, since other requests wait for these keys, too.
    const signal = AbortSignal.timeout(most);
    const before = published.latest()?.fetchedAt ?? 0;
    const enough = ({ fetchedAt, freshUntil, value }: Cached<JwkSet>) =>
      // A renewal needs keys that are newer than those in memory.
      kid === undefined
        ? deps.now() < freshUntil && fetchedAt > before
        : deps.now() - fetchedAt < KEYS_COOLDOWN_MS || value.keys.some((key) => key.kid === kid);
    const { address, lost } = await locate(signal, context);
    // The copy is read first, so that requests can use it if the provider takes too long.
    const copy = address === undefined ? undefined : await published.copied(address, enough);
    if (copy && lost === undefined && enough(copy)) return flight.shared(copy.fetchedAt);
    const asked = lost === undefined ? await ask(published, address, signal, context) : err(lost);
    fault = asked.ok ? undefined : asked.error;
    if (asked.ok) return;
    // The keys may have moved to another address.
    doubted = true;
    deps.log({ event: "keys-fetch-failed", issuer: issuer.issuer, fault, kept: published.latest() !== undefined });
  }

  /** The JWKS address. After a fault it is the last known one, for which there may be a copy. */
  async function locate(
    signal: AbortSignal,
    context: Context,
  ): Promise<{ address: string; lost?: undefined } | { address: string | undefined; lost: Fault }> {
    if (source.from === "jwks") return { address: source.url };
    const isFresh = ({ freshUntil }: Cached<string>) => deps.now() < freshUntil;
    const latest = metadata.latest();
    if (latest && isFresh(latest) && !doubted) return { address: latest.value };
    const address = discoveryAddress(issuer.issuer);
    const copy = await metadata.copied(address, isFresh);
    if (copy && isFresh(copy) && !doubted) return { address: copy.value };
    const asked = await ask(metadata, address, signal, context);
    if (!asked.ok) return { address: metadata.latest()?.value, lost: asked.error };
    doubted = false;
    return { address: asked.value.value };
  }

  /** Fetches from the provider. It counts as an attempt, successful or not. */
  function ask<T>(document: CachedDocument<T>, address: string, signal: AbortSignal, context: Context) {
    flight.asked(deps.now());
    return document.fetched(address, signal, context);
  }

  return {
    find,
    trusts: (key) => published.latest()?.value.keys.includes(key) ?? false,
    async ready(context) {
      const loaded = await load(context);
      if (!loaded.ok) return fault ?? "cooling-down";
      return (await anyUsable(loaded.value.value.keys, issuer.algorithms)) ? undefined : "no-usable-key";
    },
  };
}
