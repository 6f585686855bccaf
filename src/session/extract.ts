import { fail, type GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import type { Issuer } from "./issuer.ts";

export interface Credential {
  readonly token: string;
  readonly from: "bearer" | "cookie";
  /** The issuers whose cookie it came in; undefined for a bearer token, which may be of any issuer. */
  readonly issuers: readonly Issuer[] | undefined;
}

/**
 * Reads the session of a request. `Authorization: Bearer` takes precedence over a cookie; of several issuers' cookies
 * the first in the order of the configuration counts. With another scheme (Basic in front of a preview, for instance)
 * the cookie is read.
 */
export function extract(headers: Headers, issuers: readonly Issuer[]): Result<Credential, GatewayError> {
  const authorization = headers.get("authorization") || undefined;
  const scheme = authorization === undefined ? undefined : /^[^\s,]+(?= )/.exec(authorization)?.[0];
  if (authorization !== undefined && scheme === undefined) return fail("authorization-form");
  if (authorization !== undefined && scheme?.toLowerCase() === "bearer") return bearer(authorization);
  const cookie = fromCookie(headers.get("cookie"), issuers);
  if (cookie) return cookie;
  return fail(authorization === undefined ? "credential-absent" : "scheme-other");
}

/** One scheme, one space, one token (RFC 6750 §2.1); a comma means that two headers were joined (RFC 9110 §5.3). */
function bearer(authorization: string): Result<Credential, GatewayError> {
  const token = /^\S+ ([^\s,]+)$/.exec(authorization)?.[1];
  return token === undefined ? fail("authorization-form") : ok({ token, from: "bearer", issuers: undefined });
}

function fromCookie(header: string | null, issuers: readonly Issuer[]): Result<Credential, GatewayError> | undefined {
  if (!header) return undefined;
  for (const { cookie: name } of issuers) {
    if (name === undefined) continue;
    const [token, ...others] = new Set(values(header, name));
    // Unless the name begins with `__Host-`, a page on a sibling domain can plant a second cookie of that name: which
    // one is meant cannot be told.
    if (others.length > 0) return fail("cookie-ambiguous");
    if (token === undefined) continue;
    // A cookie of one issuer carries only that issuer's sessions.
    return ok({ token, from: "cookie", issuers: issuers.filter((issuer) => issuer.cookie === name) });
  }
  return undefined;
}

/** Values of the cookies of that name (RFC 6265 §4.2.1); an empty one is how a site signs out, and counts as absent. */
function values(header: string, name: string): string[] {
  return header
    .split(";")
    .map(withoutSpace)
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
    .filter((value) => value !== "");
}

/**
 * SP and HTAB alone are around a cookie (RFC 6265 §5.2). `trim` would take Unicode's white space too, which browsers
 * leave in a name: no prefix binds U+2000 `__Host-session`, so a plain http page of a sibling domain may set it.
 */
function withoutSpace(text: string): string {
  const isSpace = (at: number) => text[at] === " " || text[at] === "\t";
  let [from, to] = [0, text.length];
  while (isSpace(from)) from += 1;
  while (to > from && isSpace(to - 1)) to -= 1;
  return text.slice(from, to);
}
