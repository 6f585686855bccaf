import type { Deps } from "../context.ts";
import { DOCUMENT_BYTES, KEYS_FRESH_LEAST_MS, KEYS_FRESH_MOST_MS, KEYS_FRESH_MS } from "../limits.ts";
import { readAtMost, until } from "../read.ts";
import { err, ok, type Result } from "../result.ts";
import { wrongUrl } from "../urls.ts";

/** What can be wrong with a provider's document, for the log and for `/readyz`. */
export type Fault =
  | "address"
  | "unreachable"
  | "timeout"
  | "redirect"
  | "status"
  | "too-large"
  | "not-json"
  | "issuer-differs"
  | "jwks-address"
  | "no-usable-key"
  | "too-many-keys";

export interface Fetched {
  readonly body: unknown;
  /** For how many milliseconds the answer is fresh, by its headers and within the gateway's limits. */
  readonly freshFor: number;
  /** Milliseconds that it had spent in caches on its way (RFC 9111 §5.1). */
  readonly age: number;
}

/** Fetches a JSON document of an identity provider. `signal` limits the whole fetch, with the body. */
export async function fetchDocument(
  address: string,
  fetch: Deps["fetch"],
  signal: AbortSignal,
): Promise<Result<Fetched, Fault>> {
  if (wrongUrl(address)) return err("address");
  try {
    signal.throwIfAborted();
    const response = await until(signal, fetch(address, request(signal)));
    if (response.status !== 200) {
      response.body?.cancel().catch(() => {});
      return err(response.status >= 300 && response.status < 400 ? "redirect" : "status");
    }
    const bytes = await readAtMost(response.body, DOCUMENT_BYTES, signal);
    if (!bytes) return err("too-large");
    const age = seconds(response.headers.get("age"));
    return ok({
      body: JSON.parse(new TextDecoder().decode(bytes)) as unknown,
      age,
      freshFor: freshness(response.headers, age),
    });
  } catch (error) {
    if (signal.aborted) return err("timeout");
    return err(error instanceof SyntaxError ? "not-json" : "unreachable");
  }
}

/**
 * Redirects are not followed, since one could lead to another host or to plain http. Caches on the way are bypassed.
 */
function request(signal: AbortSignal): RequestInit {
  return { headers: { accept: "application/json" }, redirect: "manual", cache: "no-store", signal };
}

/** What is left of `max-age`, within our bounds (RFC 9111 §4.2); what says nothing is fresh for the default. */
function freshness(headers: Headers, age: number): number {
  const control = headers.get("cache-control") ?? "";
  const maxAge = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(control)?.[1];
  if (/\bno-(?:store|cache)\b/i.test(control)) return KEYS_FRESH_LEAST_MS;
  if (maxAge === undefined) return KEYS_FRESH_MS;
  return Math.min(Math.max(Number(maxAge) * 1000 - age, KEYS_FRESH_LEAST_MS), KEYS_FRESH_MOST_MS);
}

function seconds(text: string | null): number {
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : 0;
}
