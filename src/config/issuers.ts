import { eachField } from "../cometchat/fields.ts";
import { fromBase64 } from "../encoding.ts";
import { CLOCK_TOLERANCE_SECONDS, RSA_BITS, WEBHOOK_SECRET_BYTES } from "../limits.ts";
import { ALGORITHMS, type Algorithm, algorithms } from "../session/algorithms.ts";
import type { Issuer, KeySource } from "../session/issuer.ts";
import { keyFromText } from "../session/jwk.ts";
import { anyUsable } from "../session/keys.ts";
import { SENDS_LOGOUT } from "../session/presets.ts";
import { isObject } from "../shape.ts";
import { wrongUrl } from "../urls.ts";
import type { RawApps } from "./apps.ts";
import { type RawEnv, type Report, secret } from "./report.ts";
import type { RawIssuer } from "./schema.ts";

/** All algorithms but HMAC: those that a key from the network may verify. */
const ASYMMETRIC = ALGORITHMS.filter((name) => algorithms[name].kty !== "oct");

/**
 * The algorithms of a public key in the configuration that has no `alg`, if the operator names none. Of RSA's these are
 * only RS256, which every OpenID Connect provider must support (OpenID Connect Core §15.1).
 */
const WITHOUT_ALG = ASYMMETRIC.filter((algorithm) => algorithm === "RS256" || !/^[RP]S/.test(algorithm));

/**
 * Makes the issuers of SESSION_ISSUERS, and reports what is wrong with them. `warn` is called for settings that are
 * valid but leave a check out.
 */
export function checkIssuers(
  env: RawEnv,
  raw: readonly RawIssuer[],
  apps: RawApps,
  report: Report,
  warn: Report,
): readonly Issuer[] {
  const issuers = raw.map((entry, index) => checkIssuer(env, entry, `SESSION_ISSUERS[${index}]`, apps, report));
  checkTogether(issuers, report);
  raw.forEach((entry, index) => {
    const { audience = [], authorizedParties = [], preset } = entry;
    if (authorizedParties.length > 0) return;
    if (preset === "clerk") {
      warn(
        `SESSION_ISSUERS[${index}].authorizedParties`,
        "is missing: list your app's origins. Without it, the gateway accepts sessions for any origin of the same Clerk application",
      );
    } else if (audience.length === 0) {
      warn(
        `SESSION_ISSUERS[${index}].authorizedParties`,
        "is missing, and audience as well, so the gateway accepts sessions for any client of the issuer, and refuses logout tokens: write the client's id here if the sessions have azp or client_id, or set audience if they have aud",
      );
    }
  });
  issuers.forEach((one, index) => {
    if (!issuers.slice(0, index).some((other) => haveSameKey(one, other))) return;
    warn(
      `SESSION_ISSUERS[${index}].secret`,
      "has the same value as the secret of another issuer, so each of the two can sign sessions of the other: give each issuer a secret of its own",
    );
  });
  return issuers;
}

const haveSameKey = ({ keys: one }: Issuer, { keys: other }: Issuer): boolean =>
  one.from === "secret" && other.from === "secret" && one.bytes.length > 0 && `${one.bytes}` === `${other.bytes}`;

function checkIssuer(env: RawEnv, raw: RawIssuer, variable: string, apps: RawApps, report: Report): Issuer {
  const wrong = (key: string, remedy: string) => report(`${variable}.${key}`, remedy);
  const keys = keySource(env, raw, variable, report);

  const offline = keys.from === "secret" || keys.from === "public";
  const isUrl = /^https?:/i.test(raw.issuer);
  // If the keys are in the configuration, `issuer` may be any text. If they are fetched, it must be an address.
  const wrongIssuer = isUrl || !offline ? wrongUrl(raw.issuer) : undefined;
  if (wrongIssuer) wrong("issuer", wrongIssuer);

  const audienceRequired = raw.audienceRequired ?? true;
  if (audienceRequired && (raw.audience ?? []).length === 0) {
    wrong("audience", "is missing: name the aud of your sessions, or set audienceRequired = false");
  }

  const allowed = raw.algorithms ?? defaultAlgorithms(keys);
  for (const algorithm of allowed) {
    const { kty, signatureBytes: least } = algorithms[algorithm];
    // RFC 8725 §3.1: a public key must never be tried as an HMAC key, nor the reverse
    if ((kty === "oct") !== (keys.from === "secret")) {
      wrong(
        "algorithms",
        `contains ${algorithm}, which does not fit the source of the keys: HS… needs secret, and every other algorithm needs a public key`,
      );
    }
    // RFC 7518 §3.2: an HMAC key is as long as the hash, at least, as its signature is.
    if (keys.from === "secret" && kty === "oct" && least && keys.bytes.length > 0 && keys.bytes.length < least) {
      report(
        raw.secret ?? variable,
        `is too short for ${algorithm}, which needs ${least} bytes: openssl rand -base64 ${least}`,
      );
    }
  }

  if (raw.app !== undefined && raw.appClaim !== undefined) wrong("app", "and appClaim exclude each other: remove one");
  if ((raw.appClaim === undefined) !== (raw.appByClaim === undefined))
    wrong("appClaim", "and appByClaim need each other: set both, or none");
  const names = Object.keys(apps);
  const targets = Object.entries(raw.appByClaim ?? {}).map(([value, app]) => [`appByClaim.${value}`, app] as const);
  for (const [key, app] of [["app", raw.app] as const, ...targets]) {
    if (app === undefined || names.length === 0 || names.includes(app)) continue;
    wrong(key, `must be one of the apps in COMETCHAT_APPS: ${names.join(", ")}`);
  }
  if (raw.profile?.role !== undefined && raw.roles === undefined) {
    wrong("roles", "is missing: profile.role needs this table, which has a CometChat role for each value of the claim");
  }

  return {
    name: raw.name ?? raw.preset ?? hostOf(raw.issuer),
    issuer: raw.issuer,
    keys,
    algorithms: allowed,
    audience: raw.audience,
    audienceRequired,
    authorizedParties: raw.authorizedParties,
    cookie: raw.cookie,
    sessionIdClaim: raw.sessionIdClaim,
    sendsLogout: raw.preset === undefined || SENDS_LOGOUT.has(raw.preset),
    treatPendingAsSignedOut: raw.treatPendingAsSignedOut ?? false,
    clockTolerance: raw.clockTolerance ?? CLOCK_TOLERANCE_SECONDS,
    maxAge: raw.maxAge,
    app: raw.app,
    appClaim: raw.appClaim,
    appByClaim: new Map(Object.entries(raw.appByClaim ?? {})),
    uid: { claim: raw.uid?.claim ?? "sub", prefix: raw.uid?.prefix ?? "", shared: raw.uid?.shared ?? false },
    profile: {
      // The standard claims of OpenID Connect Core §5.1 are the defaults of name and avatar, which other users see.
      ...pathsOf(raw.profile),
      metadata: new Map(Object.entries(raw.profile?.metadata ?? {})),
    },
    roles: new Map(Object.entries(raw.roles ?? {})),
    webhookKeys: raw.webhookSecret === undefined ? [] : webhookKeys(env, raw.webhookSecret, variable, report),
  };
}

/** The claims of the text fields. If `profile` is configured, only required fields keep their default claims. */
const pathsOf = (given: RawIssuer["profile"]) =>
  eachField(({ claim, required }, field) => given?.[field] ?? (required || !given ? claim : undefined));

function defaultAlgorithms(keys: KeySource): readonly Algorithm[] {
  if (keys.from === "secret") return ["HS256"];
  return keys.from === "public" && !namesAlgorithm(keys.text) ? WITHOUT_ALG : ASYMMETRIC;
}

/** Whether the key is a JWK with a member `alg` of its own (RFC 7517 §4.4). An `alg` elsewhere in the text does not count. */
function namesAlgorithm(text: string): boolean {
  try {
    const jwk: unknown = JSON.parse(text);
    return isObject(jwk) && Object.hasOwn(jwk, "alg");
  } catch {
    return false;
  }
}

/**
 * The keys that sign an issuer's webhooks: `whsec_` and base64 (Standard Webhooks 1.0), which Supabase writes as
 * `v1,whsec_…`. During a rotation there are several, separated by a comma, or by Supabase's `|`.
 */
function webhookKeys(env: RawEnv, name: string, variable: string, report: Report): readonly Uint8Array<ArrayBuffer>[] {
  const texts = (secret(env, name, `${variable}.webhookSecret`, report) ?? "")
    .split(/[,|\s]+/)
    .filter((text) => text !== "" && text !== "v1");
  const keys = texts.map((text) => fromBase64(text.replace(/^whsec_/, "")) ?? new Uint8Array());
  if (keys.some((key) => key.length < WEBHOOK_SECRET_BYTES)) {
    report(name, `must be the webhook's signing secret: whsec_ and at least ${WEBHOOK_SECRET_BYTES} bytes in base64`);
  }
  return keys;
}

/**
 * Imports each public key of the configuration, so that a bad one is reported before a sign-in (RFC 7518 §3.3, §3.4).
 */
export async function checkPublicKeys(issuers: readonly Issuer[], report: Report): Promise<void> {
  for (const [index, { keys, algorithms }] of issuers.entries()) {
    if (keys.from !== "public") continue;
    const key = keyFromText(keys.text);
    if (key && (await anyUsable([key], algorithms))) continue;
    report(
      `SESSION_ISSUERS[${index}].publicKey`,
      `must be a public key as PEM (-----BEGIN PUBLIC KEY-----) or JWK, which is RSA of ${RSA_BITS} bits or more, EC or Ed25519, and fits one of the algorithms`,
    );
  }
}

function keySource(env: RawEnv, raw: RawIssuer, variable: string, report: Report): KeySource {
  const given = (["jwksUrl", "publicKey", "secret"] as const).filter((key) => raw[key] !== undefined);
  if (given.length > 1)
    report(
      `${variable}.${given[1]}`,
      `and ${given[0]} exclude each other: remove one, since keys come from one source`,
    );
  if (raw.jwksUrl !== undefined) {
    const wrong = wrongUrl(raw.jwksUrl);
    if (wrong) report(`${variable}.jwksUrl`, wrong);
    return { from: "jwks", url: raw.jwksUrl };
  }
  if (raw.publicKey !== undefined) return { from: "public", text: raw.publicKey };
  if (raw.secret !== undefined) {
    const value = secret(env, raw.secret, `${variable}.secret`, report) ?? "";
    // Anyone can sign with a public key that is used as an HMAC secret (CVE-2023-48223; CVE-2026-34950 with white space
    // in front). It is recognized as PEM, as JWK, or as the base64 of a SubjectPublicKeyInfo (RFC 5280 §4.1) of an RSA,
    // P-256, P-384, P-521 or Ed25519 key.
    const spki = /^M.{2,6}(ANBgkqhkiG9w|wEwYHKoZI|wEAYHKoZI|BAGByqGSM|BQYDK2Vw)/;
    const text = value.replace(/^[\s\uFEFF]+/, "");
    if (/^(-----BEGIN|\{)/.test(text) || spki.test(text)) {
      report(raw.secret, "looks like a public key, which is not a secret: set it as publicKey instead");
    }
    return { from: "secret", bytes: Uint8Array.from(new TextEncoder().encode(value)) };
  }
  return { from: "discovery" };
}

/** Reports issuers that conflict with each other, for instance if users of both could get the same uid. */
function checkTogether(issuers: readonly Issuer[], report: Report): void {
  issuers.forEach((one, index) => {
    for (const [before, other] of issuers.slice(0, index).entries()) {
      const variable = `SESSION_ISSUERS[${index}]`;
      if (one.issuer === other.issuer) {
        report(`${variable}.issuer`, "is configured twice: keep one entry, which may have several audiences");
        continue;
      }
      if (one.name === other.name && one.webhookKeys.length > 0 && other.webhookKeys.length > 0) {
        report(
          `${variable}.name`,
          "is also the name of another issuer, and part of the address for its webhooks: set a different name",
        );
      }
      // With the same secret, one issuer's signed events would be valid at the other's endpoint, and could deactivate
      // its users.
      if (one.webhookKeys.some((key) => other.webhookKeys.some((their) => `${their}` === `${key}`))) {
        report(
          `${variable}.webhookSecret`,
          "is also the secret of another issuer: use the one that this provider shows for its own endpoint",
        );
      }
      const shared = one.uid.shared && other.uid.shared;
      if (shared && one.uid.prefix !== other.uid.prefix) {
        report(`${variable}.uid.prefix`, "must be the same for all issuers with uid.shared = true");
      }
      if (!shared && (one.uid.prefix.startsWith(other.uid.prefix) || other.uid.prefix.startsWith(one.uid.prefix))) {
        const none = other.uid.prefix === "" ? ` (SESSION_ISSUERS[${before}] has none)` : "";
        report(
          `${variable}.uid.prefix`,
          `must differ from the prefix of every other issuer, and no prefix may begin with another one, so each issuer needs one${none}. Write, for instance, uid = { prefix = "b_" }, which gives this issuer's existing users new uids. If the issuers share their users, write uid = { shared = true } in each entry instead`,
        );
      }
    }
  });
}

function hostOf(issuer: string): string {
  try {
    return new URL(issuer).hostname;
  } catch {
    return issuer;
  }
}
