import { eachField } from "../cometchat/fields.ts";
import { fromBase64 } from "../encoding.ts";
import { CLOCK_TOLERANCE_SECONDS, RSA_BITS, WEBHOOK_SECRET_BYTES } from "../limits.ts";
import { ALGORITHMS, type Algorithm, algorithms } from "../session/algorithms.ts";
import type { Issuer, KeySource } from "../session/issuer.ts";
import { keyFromText } from "../session/jwk.ts";
import { anyUsable } from "../session/keys.ts";
import { SENDS_LOGOUT } from "../session/presets.ts";
import { wrongUrl } from "../urls.ts";
import type { RawApps } from "./apps.ts";
import { type RawEnv, type Report, secret } from "./report.ts";
import type { RawIssuer } from "./schema.ts";

/** Everything but HMAC: what a key from the network may verify. */
const ASYMMETRIC = ALGORITHMS.filter((name) => algorithms[name].kty !== "oct");

/**
 * What RSA keys verify where the operator names no algorithm: the one that OpenID Connect Core §15.1 has everybody
 * support. A key from the configuration that says its own `alg`, and the keys of a provider's JWKS, may verify more.
 */
const NARROW = ASYMMETRIC.filter((algorithm) => algorithm === "RS256" || !/^[RP]S/.test(algorithm));

/** `warn` is told what works, but leaves a check out. */
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
        "is missing: list your app's origins. A session made for any other origin of the same Clerk application is taken",
      );
    } else if (audience.length === 0) {
      warn(
        `SESSION_ISSUERS[${index}].authorizedParties`,
        "names nobody, nor does audience, so that whom a session is for is not checked, and logout tokens are refused: name the client's id, if the sessions have azp or client_id; else the audience, if they have aud",
      );
    }
  });
  return issuers;
}

function checkIssuer(env: RawEnv, raw: RawIssuer, variable: string, apps: RawApps, report: Report): Issuer {
  const wrong = (key: string, remedy: string) => report(`${variable}.${key}`, remedy);
  const keys = keySource(env, raw, variable, report);

  const offline = keys.from === "secret" || keys.from === "public";
  const isUrl = /^https?:/i.test(raw.issuer);
  // An issuer whose keys are given here may be any text; one whose keys are fetched is an address.
  const wrongIssuer = isUrl || !offline ? wrongUrl(raw.issuer) : undefined;
  if (wrongIssuer) wrong("issuer", wrongIssuer);

  const audienceRequired = raw.audienceRequired ?? true;
  if (audienceRequired && (raw.audience ?? []).length === 0) {
    wrong("audience", "is missing: name whom the sessions are for, or set audienceRequired = false");
  }

  const allowed = raw.algorithms ?? defaultAlgorithms(keys);
  for (const algorithm of allowed) {
    const { kty, signatureBytes: least } = algorithms[algorithm];
    // RFC 8725 §3.1: a public key must never be tried as an HMAC key, nor the reverse
    if ((kty === "oct") !== (keys.from === "secret")) {
      wrong(
        "algorithms",
        `${algorithm} does not go with this key source: HS… needs secret, everything else a public key`,
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
    wrong("appClaim", "and appByClaim need each other");
  const names = Object.keys(apps);
  const targets = Object.entries(raw.appByClaim ?? {}).map(([value, app]) => [`appByClaim.${value}`, app] as const);
  for (const [key, app] of [["app", raw.app] as const, ...targets]) {
    if (app === undefined || names.length === 0 || names.includes(app)) continue;
    wrong(key, `must be one of the apps in COMETCHAT_APPS: ${names.join(", ")}`);
  }
  if (raw.profile?.role !== undefined && raw.roles === undefined) {
    wrong("roles", "is missing: profile.role needs this table of claim value to CometChat role");
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
      // OpenID Connect Core §5.1: the standard claims are the defaults for what is shown to everybody anyway
      ...pathsOf(raw.profile),
      metadata: new Map(Object.entries(raw.profile?.metadata ?? {})),
    },
    roles: new Map(Object.entries(raw.roles ?? {})),
    webhookKeys: raw.webhookSecret === undefined ? [] : webhookKeys(env, raw.webhookSecret, variable, report),
  };
}

/** A profile that is configured says all of it, but for what CometChat demands. */
const pathsOf = (given: RawIssuer["profile"]) =>
  eachField(({ claim, required }, field) => given?.[field] ?? (required || !given ? claim : undefined));

function defaultAlgorithms(keys: KeySource): readonly Algorithm[] {
  if (keys.from === "secret") return ["HS256"];
  return keys.from === "public" && !/"alg"\s*:/.test(keys.text) ? NARROW : ASYMMETRIC;
}

/**
 * What its webhooks are signed with: `whsec_` and base64 (Standard Webhooks 1.0), which Supabase writes as `v1,whsec_…`.
 * Several, comma-separated or as Supabase has them with `|`, while one is rotated out.
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

/** A public key of the configuration is tried out: at a sign-in it would be too late (RFC 7518 §3.3, §3.4). */
export async function checkPublicKeys(issuers: readonly Issuer[], report: Report): Promise<void> {
  for (const [index, { keys, algorithms }] of issuers.entries()) {
    if (keys.from !== "public") continue;
    const key = keyFromText(keys.text);
    if (key && (await anyUsable([key], algorithms))) continue;
    report(
      `SESSION_ISSUERS[${index}].publicKey`,
      `must be a PEM (-----BEGIN PUBLIC KEY-----) or a JWK, RSA of ${RSA_BITS} bits or more, EC or Ed25519, for one of the algorithms`,
    );
  }
}

function keySource(env: RawEnv, raw: RawIssuer, variable: string, report: Report): KeySource {
  const given = (["jwksUrl", "publicKey", "secret"] as const).filter((key) => raw[key] !== undefined);
  if (given.length > 1)
    report(`${variable}.${given[1]}`, `and ${given[0]} exclude each other: keys come from one source`);
  if (raw.jwksUrl !== undefined) {
    const wrong = wrongUrl(raw.jwksUrl);
    if (wrong) report(`${variable}.jwksUrl`, wrong);
    return { from: "jwks", url: raw.jwksUrl };
  }
  if (raw.publicKey !== undefined) return { from: "public", text: raw.publicKey };
  if (raw.secret !== undefined) {
    const value = secret(env, raw.secret, `${variable}.secret`, report) ?? "";
    // A public key used as an HMAC secret lets anyone sign (CVE-2023-48223, and CVE-2026-34950 by leading white space).
    // PEM, JWK, or the bare base64 of a SubjectPublicKeyInfo (RFC 5280 §4.1) for RSA, P-256, P-384, P-521 or Ed25519.
    const bare = /^M.{2,6}(ANBgkqhkiG9w|wEwYHKoZI|wEAYHKoZI|BAGByqGSM|BQYDK2Vw)/;
    const text = value.replace(/^[\s\uFEFF]+/, "");
    if (/^(-----BEGIN|\{)/.test(text) || bare.test(text)) {
      report(raw.secret, "looks like a public key, which is no secret: give it as publicKey");
    }
    return { from: "secret", bytes: Uint8Array.from(new TextEncoder().encode(value)) };
  }
  return { from: "discovery" };
}

/** Refuses issuers of which two users could get the same uid: no two pairs of issuer and subject share one. */
function checkTogether(issuers: readonly Issuer[], report: Report): void {
  issuers.forEach((one, index) => {
    for (const [before, other] of issuers.slice(0, index).entries()) {
      const variable = `SESSION_ISSUERS[${index}]`;
      if (one.issuer === other.issuer) {
        report(`${variable}.issuer`, "is configured twice: one entry may have several audiences");
        continue;
      }
      if (one.name === other.name && one.webhookKeys.length > 0 && other.webhookKeys.length > 0) {
        report(`${variable}.name`, "is another's name too, and part of the address of its webhooks: give each its own");
      }
      // Each could deliver to the other's endpoint what it has signed for its own, and deactivate the other's users.
      if (one.webhookKeys.some((key) => other.webhookKeys.some((their) => `${their}` === `${key}`))) {
        report(
          `${variable}.webhookSecret`,
          "is another issuer's too: each endpoint at a provider has a secret of its own",
        );
      }
      const shared = one.uid.shared && other.uid.shared;
      if (shared && one.uid.prefix !== other.uid.prefix) {
        report(`${variable}.uid.prefix`, "must be the same for all with uid.shared = true");
      }
      if (!shared && (one.uid.prefix.startsWith(other.uid.prefix) || other.uid.prefix.startsWith(one.uid.prefix))) {
        const none = other.uid.prefix === "" ? `; SESSION_ISSUERS[${before}] has none` : "";
        report(
          `${variable}.uid.prefix`,
          `must differ from every other issuer's, and none may begin with another, so each needs one${none}: uid = { prefix = "b_" }, which gives users that an issuer has already new uids; or uid = { shared = true } on each that shares its users`,
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
