import { Refusal } from "../errors.ts";

/** Whether an `Origin` header's value is listed, to the letter or by one leading wildcard label. */
export type Origins = (origin: string) => boolean;

/** A matcher for ALLOWED_ORIGINS, whose form the configuration has checked. */
export function createOrigins(allowed: readonly string[]): Origins {
  const exact = new Set(allowed.filter((origin) => !origin.includes("*")));
  const suffixes = allowed
    .filter((origin) => origin.includes("*"))
    .map((origin) => origin.split("*") as [scheme: string, suffix: string]);
  return (origin) =>
    exact.has(origin) ||
    suffixes.some(([scheme, suffix]) => {
      if (!origin.startsWith(scheme) || !origin.endsWith(suffix)) return false;
      // One label, and only what may stand in one: not `a.b`, not `evil.com#`
      return /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(origin.slice(scheme.length, -suffix.length || undefined));
    });
}

/**
 * Who may call from a browser. A listed origin may, and is given CORS headers. Any other origin may not, unless the
 * browser itself says that the page is of the gateway's own origin (`Sec-Fetch-Site`, which no page can set). No origin
 * at all: a server or a native app. Throws `origin-other`. Returns the origin to answer to, if any.
 */
export function admitOrigin(headers: Headers, origins: Origins): string | undefined {
  const origin = headers.get("Origin");
  if (origin === null) return undefined;
  if (origins(origin)) return origin;
  if (isOwnOrigin(headers)) return undefined;
  throw new Refusal({ reason: "origin-other" });
}

/**
 * A cookie travels whether or not its owner meant it to, so it counts only from a listed origin, or where the browser
 * says that the page is of the gateway's own (OWASP CSRF prevention). Being of the same site is not enough: a page of
 * any other subdomain could mint tokens for its visitor until CometChat forgets those of all devices. Throws
 * `origin-absent`.
 */
export function admitCookie(headers: Headers, origins: Origins): void {
  const origin = headers.get("Origin");
  if ((origin !== null && origins(origin)) || isOwnOrigin(headers)) return;
  throw new Refusal({ reason: "origin-absent" });
}

/** Fetch Metadata §2.4. Two headers joined by a comma are neither. */
const isOwnOrigin = (headers: Headers): boolean => headers.get("Sec-Fetch-Site") === "same-origin";
