import type { Context, Deps } from "../context.ts";
import { digestOf, sha256 } from "../encoding.ts";
import { fail, type GatewayError } from "../errors.ts";
import {
  COPY_READ_MS,
  COPY_READ_SHARE,
  KEYS_REFRESH_MS,
  KEYS_REFRESH_SHARE,
  REMEMBERED_BYTES,
  REQUEST_MS,
  SESSION_BYTES,
} from "../limits.ts";
import { ok, type Result } from "../result.ts";
import type { Algorithm } from "./algorithms.ts";
import { algorithms } from "./algorithms.ts";
import { checkLogout, checkSession, issuerOf, type LogoutClaims } from "./claims.ts";
import { type Compact, inspect } from "./compact.ts";
import { type Copies, createCopies } from "./copies.ts";
import type { Credential } from "./extract.ts";
import type { Issuer } from "./issuer.ts";
import { type Key, keyFromSecret, keyFromText } from "./jwk.ts";
import { fixedKeys, type Keys } from "./keys.ts";
import { createSessionMemory } from "./memory.ts";
import { remoteKeys } from "./remote.ts";
import type { Session } from "./session.ts";
import { signedBy } from "./signature.ts";

export type { Session };

export interface Logout extends LogoutClaims {
  readonly issuer: Issuer;
}

export interface Verifier {
  /** Verifies a session. Fails with a reason for a 401 if the session is at fault, else with `keys-unavailable`. */
  readonly verify: (credential: Credential, context: Context) => Promise<Result<Session, GatewayError>>;
  /** Verifies a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4–2.6), except that its `jti` is new. */
  readonly verifyLogout: (token: string, context: Context) => Promise<Result<Logout, GatewayError>>;
  /** Whether each issuer's keys can be fetched. Fetches no more often than the cool-down allows. */
  readonly ready: (context: Context) => Promise<readonly { issuer: string; ok: boolean; reason?: string }[]>;
}

interface Authenticated {
  readonly issuer: Issuer;
  readonly keys: Keys;
  readonly key: Key;
  /** Milliseconds since 1970 until which the key may be used without looking again. */
  readonly until: number;
}

const SESSION_TYPES = ["jwt", "at+jwt"];
const LOGOUT_TYPES = ["jwt", "logout+jwt"];

/** @param requestTimeout milliseconds that a request has altogether */
export function createVerifier({
  issuers,
  deps,
  kv,
  requestTimeout = REQUEST_MS,
}: {
  readonly issuers: readonly Issuer[];
  readonly deps: Deps;
  readonly kv: KVNamespace;
  readonly requestTimeout?: number;
}): Verifier {
  // The time limits of copies and provider leave enough time for the next step, up to the mint.
  const copies = createCopies(deps, kv, Math.min(COPY_READ_MS, requestTimeout * COPY_READ_SHARE));
  const most = Math.min(KEYS_REFRESH_MS, requestTimeout * KEYS_REFRESH_SHARE);
  const sources = issuers.map((issuer) => ({ issuer, keys: keysOf(issuer, deps, copies, most) }));
  const memory = createSessionMemory(deps.now);

  /** Finds the issuer and checks the signature. No claim but `iss` and `iat` is read before that. */
  async function authenticate(
    compact: Compact,
    among: readonly Issuer[],
    types: readonly string[],
    context: Context,
  ): Promise<Result<Authenticated, GatewayError>> {
    const { header, kid, typ, claims } = compact;
    const issuer = issuerOf(claims, among);
    if (!issuer.ok) return issuer;
    context.timing.names.issuer = issuer.value.name;
    const alg = allowed(header.alg, issuer.value);
    if (!alg) return fail("alg-not-allowed");
    // The gateway supports no extension, so every `crit` is refused, even an empty one (RFC 7515 §4.1.11).
    if (Object.hasOwn(header, "crit")) return fail("crit-present");
    // RFC 8725 §3.6, RFC 7519 §5.2: neither compressed nor nested.
    if (Object.hasOwn(header, "zip") || isNested(header.cty)) return fail("zip-or-nested");
    // RFC 8725 §3.11: a token whose `typ` names another kind of token is refused.
    if (typ !== undefined && !types.includes(mediaType(typ))) return fail("typ-other");

    const keys = sources.find((source) => source.issuer === issuer.value)?.keys;
    if (!keys) return fail("issuer-unknown");
    const issuedAt = typeof claims.iat === "number" ? claims.iat : undefined;
    const refused: Key[] = [];
    for (;;) {
      const found = await keys.find({ alg, kid, issuedAt, refused }, context);
      if (!found.ok && found.error.reason !== "key-unknown") return found;
      const untried = found.ok ? found.value.keys.filter((key) => !refused.includes(key)) : [];
      if (!found.ok || untried.length === 0) return fail(refused.length > 0 ? "signature-wrong" : "key-unknown");
      for (const key of untried) {
        if (await signedBy(compact, alg, key)) {
          return ok({ issuer: issuer.value, keys, key, until: found.value.until });
        }
      }
      // A key without `kid` (OpenID Connect Core §10.1) may have been replaced, so the keys are fetched once more.
      if (kid !== undefined) return fail("signature-wrong");
      refused.push(...untried);
    }
  }

  return {
    async verify({ token, issuers: named = issuers }, context) {
      // The size is checked before the digest is computed.
      if (token.length > SESSION_BYTES) return fail("token-too-large");
      // The digest is only a key of the memory, so its bytes are not encoded further.
      const digest = String.fromCharCode(...(await sha256(token)));
      const verified = memory.get(digest, context.now);
      if (verified && named.includes(verified.session.issuer)) {
        const { session, key } = verified;
        if (sources.some(({ issuer, keys }) => issuer === session.issuer && keys.trusts(key))) {
          context.timing.names.issuer = session.issuer.name;
          return ok(session);
        }
      }

      const compact = inspect(token);
      if (!compact.ok) return compact;
      const { claims } = compact.value;
      const authenticated = await authenticate(compact.value, named, SESSION_TYPES, context);
      if (!authenticated.ok) return authenticated;
      const { issuer, key, until } = authenticated.value;
      const checked = checkSession(claims, issuer, context.now / 1000);
      if (!checked.ok) return checked;
      // The signature is not a part of the digest: a second valid one (ES256's r, n − s) must not make another session.
      const sessionId = checked.value.sessionId ?? (await digestOf(compact.value.signed));
      const session = { ...checked.value, sessionId, issuer, claims };
      const oldest = ageLimit(session);
      // Larger sessions are rare and not remembered: parsed claims may need sixteen times the memory of their text.
      if (token.length <= REMEMBERED_BYTES) {
        memory.set(digest, session, key, context.now, Math.min(until, oldest));
      }
      return ok(session);
    },

    async verifyLogout(token, context) {
      const compact = inspect(token);
      if (!compact.ok) return fail("logout-token-refused");
      const authenticated = await authenticate(compact.value, issuers, LOGOUT_TYPES, context);
      if (!authenticated.ok) return isAbout(authenticated.error) ? fail("logout-token-refused") : authenticated;
      const { issuer } = authenticated.value;
      const checked = checkLogout(compact.value.claims, issuer, context.now / 1000);
      return checked.ok ? ok({ ...checked.value, issuer }) : checked;
    },

    ready: (context) =>
      Promise.all(
        sources.map(async ({ issuer: { issuer }, keys }) => {
          const reason = await keys.ready(context);
          return reason === undefined ? { issuer, ok: true } : { issuer, ok: false, reason };
        }),
      ),
  };
}

function keysOf(issuer: Issuer, deps: Deps, copies: Copies, most: number): Keys {
  const { keys: source } = issuer;
  if (source.from === "secret") return fixedKeys(issuer, keyFromSecret(source.bytes));
  if (source.from === "public") return fixedKeys(issuer, keyFromText(source.text));
  return remoteKeys(issuer, source, deps, copies, most);
}

/** When a session becomes too old by `maxAge`, in milliseconds since 1970. */
function ageLimit({ issuer: { maxAge }, issuedAt }: Session): number {
  return maxAge === undefined || issuedAt === undefined ? Number.POSITIVE_INFINITY : (issuedAt + maxAge) * 1000;
}

/**
 * The token's algorithm if the issuer's entry allows it. A symmetric algorithm is never allowed with a public key,
 * whose text would then be the secret (RFC 8725 §2.1, CVE-2015-9235).
 */
function allowed(alg: unknown, { algorithms: ours, keys }: Issuer): Algorithm | undefined {
  const named = ours.find((one) => one === alg);
  return named && (algorithms[named].kty === "oct") === (keys.from === "secret") ? named : undefined;
}

const isNested = (cty: unknown) => cty !== undefined && (typeof cty !== "string" || mediaType(cty) === "jwt");

/** RFC 7515 §4.1.9: case does not matter, and `application/` may be left out. */
const mediaType = (typ: string) => typ.toLowerCase().replace(/^application\//, "");

/** Whether the token is at fault, and not a provider that is down or the gateway's configuration. */
const isAbout = ({ reason }: GatewayError) =>
  !["keys-unavailable", "keys-cooling-down", "config-invalid"].includes(reason);
