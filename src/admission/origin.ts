import { Refusal } from "../errors.ts";

/** Whether the value of an `Origin` header is allowed, exactly or by one leading wildcard label. */
export type Origins = (origin: string) => boolean;

/** Makes the matcher for ALLOWED_ORIGINS, whose form the configuration has checked. */
export function createOrigins(allowed: readonly string[]): Origins {
  const exact = new Set(allowed.filter((origin) => !origin.includes("*")));
  const suffixes = allowed
    .filter((origin) => origin.includes("*"))
    .map((origin) => origin.split("*") as [scheme: string, suffix: string]);
  return (origin) =>
    exact.has(origin) ||
    suffixes.some(([scheme, suffix]) => {
      if (!origin.startsWith(scheme) || !origin.endsWith(suffix)) return false;
      // The wildcard matches exactly one label: neither `a.b` nor `evil.com#`.
      return /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(origin.slice(scheme.length, -suffix.length || undefined));
    });
}

/**
 * Decides whether a request may come from its origin. An allowed origin is admitted and gets CORS headers; so is a page
 * of the gateway's own origin, which the browser reports by `Sec-Fetch-Site` (a page cannot set that header). A request
 * without an origin comes from a server or a native app, and is admitted. Any other throws `origin-other`. Returns the
 * origin for the CORS headers, if any.
 */
export function admitOrigin(headers: Headers, origins: Origins): string | undefined {
  const origin = headers.get("Origin");
  if (origin === null) return undefined;
  if (origins(origin)) return origin;
  if (isOwnOrigin(headers)) return undefined;
  throw new Refusal({ reason: "origin-other" });
}

/**
 * Decides whether a session in a cookie counts. Browsers send cookies with requests of any page, so the origin must be
 * allowed or the gateway's own (OWASP CSRF prevention). The same site is not enough: a page of any other subdomain
 * could mint so many tokens for its visitor that CometChat ends those of the visitor's devices. Throws `origin-absent`.
 */
export function admitCookie(headers: Headers, origins: Origins): void {
  const origin = headers.get("Origin");
  if ((origin !== null && origins(origin)) || isOwnOrigin(headers)) return;
  throw new Refusal({ reason: "origin-absent" });
}

/**
 * Whether the browser reports the gateway's own origin (Fetch Metadata §2.4). Two headers joined by a comma do not
 * match.
 */
const isOwnOrigin = (headers: Headers): boolean => headers.get("Sec-Fetch-Site") === "same-origin";
