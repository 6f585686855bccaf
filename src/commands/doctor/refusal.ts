import type { Reason, reasons } from "../../errors.ts";
import { SESSION_BYTES } from "../../limits.ts";
import { claim } from "../../session/claims.ts";
import type { Json } from "../../session/compact.ts";
import type { Issuer } from "../../session/issuer.ts";
import { quoted } from "./report.ts";

/** A session that the gateway refused. */
export interface Refused {
  readonly token: string;
  readonly header: Json;
  readonly claims: Json;
  /** The entry whose `issuer` is the session's `iss`. */
  readonly issuer: Issuer | undefined;
  readonly issuers: readonly Issuer[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

type Sentence = (refused: Refused & { readonly issuer: Issuer }) => string;

const NO_JWT = "A session is a JWT: three parts of base64url with dots between them.";

/** The reasons that are about the session itself. Each must have a sentence, or the code does not compile. */
type OfSession = {
  [R in Reason]: (typeof reasons)[R] extends "session-malformed" | "session-invalid" | "session-expired" ? R : never;
}[Reason];

/**
 * For each reason, a sentence that names the claim and the setting. No sentence shows the subject or the profile, which
 * are personal data.
 */
const sentences: Record<OfSession, Sentence> & Partial<Record<Reason, Sentence>> = {
  // These three sentences are never shown: the doctor is given a token and no header or cookie, and `sentenceOf` itself
  // explains an unknown issuer.
  "authorization-form": () => NO_JWT,
  "cookie-ambiguous": () => NO_JWT,
  "issuer-unknown": () => "",
  "proof-needed": () =>
    "The session has cnf: it is bound to a key of the client (DPoP or mutual TLS), and the gateway cannot verify a proof of this key. Let the provider issue a bearer token.",
  "session-pending": () =>
    'sts is "pending" (the user has not completed the sign-in), and treatPendingAsSignedOut refuses such a session.',
  "token-too-large": ({ token }) =>
    `The session has ${token.length} characters, and the gateway accepts at most ${SESSION_BYTES}. Put fewer claims into it.`,
  "token-segments": ({ token }) => {
    const parts = token.split(".").length;
    if (parts === 5)
      return "The session is encrypted (a JWE of five parts), which the gateway cannot read. Let the provider sign it instead.";
    return `This has ${parts} part${parts === 1 ? "" : "s"}. ${NO_JWT} Auth0 and others issue opaque access tokens if the client asks for no audience.`;
  },
  "token-base64url": () => `A part of the session is not base64url, so it may be cut off or damaged. ${NO_JWT}`,
  "token-header": () => `The session's header is not a JSON object with a valid "kid" and "typ". ${NO_JWT}`,
  "token-payload": () => `The session's payload is not a JSON object. ${NO_JWT}`,
  "alg-not-allowed": ({ header, issuer }) => {
    const source =
      issuer.keys.from === "secret" ? "secret" : issuer.keys.from === "public" ? "publicKey" : "the provider's keys";
    return `alg is ${quoted(header.alg)}, and the algorithms of this issuer are ${issuer.algorithms.join(", ")} (with ${source}).`;
  },
  "crit-present": () =>
    "The session's header has crit. The gateway supports no such extension, and no setting changes that.",
  "zip-or-nested": () =>
    "The session's header has zip, or a cty of JWT. The gateway accepts neither compressed nor nested tokens.",
  "typ-other": ({ header }) =>
    `typ is ${quoted(header.typ)}, and the gateway accepts JWT, at+jwt, or no typ. This may be another kind of token.`,
  "key-unknown": ({ header, issuer }) =>
    `kid is ${quoted(header.kid)}, and no key of ${sourceOf(issuer)} has this kid and fits alg. The session may be from another environment.`,
  "signature-wrong": ({ header, issuer }) =>
    `The signature (alg ${quoted(header.alg)}) was not made with ${keyOf(issuer)}. Compare this key with the one that the provider signs with.`,
  "audience-other": ({ claims, issuer }) => {
    if (claims.aud === undefined)
      return "The session has no aud, and audience requires one. Let the provider set aud, or write audienceRequired = false.";
    const near = nearly(claims.aud, issuer.audience ?? []);
    const hint = near === undefined ? "" : ` (${near})`;
    return `aud is ${quoted(claims.aud)}, and audience is ${quoted(issuer.audience ?? [])}${hint}. If this session is meant for your app, write one of the values of aud into audience.`;
  },
  "azp-other": ({ claims, issuer }) => {
    const name = ["azp", "client_id", "cid", "appid"].find((one) => claims[one] !== undefined);
    const ours = `authorizedParties is ${quoted(issuer.authorizedParties ?? [])}`;
    return name === undefined
      ? `The session has neither azp nor client_id, and ${ours}. Let the provider set one of them, or write audience in place of authorizedParties.`
      : `${name} is ${quoted(claims[name])}, and ${ours}. If this is a client of yours, add it to authorizedParties.`;
  },
  "exp-form": ({ claims }) =>
    claims.exp === undefined
      ? "The session has no exp, and the gateway accepts only sessions that expire."
      : `exp is ${quoted(claims.exp)}: it has to be a number of seconds since 1970.`,
  "nbf-form": ({ claims }) => `nbf is ${quoted(claims.nbf)}: it has to be a number of seconds since 1970.`,
  "iat-form": ({ claims }) =>
    claims.iat === undefined
      ? "The session has no iat, which maxAge needs."
      : `iat is ${quoted(claims.iat)}: it has to be a number of seconds since 1970.`,
  "nbf-future": ({ claims, issuer, now }) =>
    `nbf is ${date(claims.nbf)}, which is after ${date(now / 1000)} by more than clockTolerance (${issuer.clockTolerance} s): compare the clocks.`,
  "iat-future": ({ claims, issuer, now }) =>
    `iat is ${date(claims.iat)}, which is after ${date(now / 1000)} by more than clockTolerance (${issuer.clockTolerance} s): compare the clocks.`,
  "session-expired": ({ claims, issuer, now }) => {
    const end = Number(claims.exp) + issuer.clockTolerance;
    if (now / 1000 >= end)
      return `The session has expired: exp is ${date(claims.exp)}. Its form, signature and other claims are right. Get a new session.`;
    return `iat is ${date(claims.iat)}, longer ago than maxAge (${issuer.maxAge} s) allows.`;
  },
  "subject-form": ({ claims, issuer: { uid } }) => {
    const subject = claim(claims, uid.claim);
    const other = uid.claim === "sub" ? "" : " (uid.claim)";
    return subject === undefined
      ? `The session has no ${uid.claim}${other}, which names the user.`
      : `${uid.claim}${other} names the user, and has to be a text without control characters.`;
  },
  "logout-token": () =>
    "The events claim shows that this is a logout token, which belongs to POST /v1/backchannel-logout.",
  "keys-unavailable": ({ issuer }) =>
    `The session could not be checked, since the keys of ${issuer.issuer} cannot be fetched (see above).`,
  "keys-cooling-down": ({ header }) =>
    `kid is ${quoted(header.kid)}, which is not among the keys that were fetched a moment ago.`,
  "subject-reserved": ({ issuer: { uid } }) =>
    `${uid.claim} (uid.claim) gives the uid app_system, which is CometChat's own.`,
  "app-claim": ({ claims, issuer }) => {
    const name = issuer.appClaim ?? "";
    const value = claim(claims, name);
    return `${value === undefined ? `The session has no ${name}` : `${name} is ${quoted(value)}`} (appClaim), and appByClaim has the values ${[...issuer.appByClaim.keys()].join(", ")}.`;
  },
};

/** Explains why a session was refused. */
export function sentenceOf(reason: Reason, refused: Refused): string {
  const { issuer, issuers, claims } = refused;
  if (reason === "issuer-unknown" || (issuer === undefined && !reason.startsWith("token-"))) {
    const near = nearly(
      claims.iss,
      issuers.map((one) => one.issuer),
    );
    const iss = claims.iss === undefined ? "The session has no iss" : `iss is ${quoted(claims.iss)}`;
    const ours = issuers.map((one) => quoted(one.issuer)).join(", ");
    return `${iss}, and issuer is ${ours}${near ? ` (${near})` : ""}: they must be equal letter by letter.`;
  }
  // Sentences about the form of the token do not look at the issuer.
  const sentence = sentences[reason]?.({ ...refused, issuer: issuer as Issuer });
  return sentence ?? `The gateway refuses the session: ${reason}.`;
}

const date = (seconds: unknown) => new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z");

/** Explains how two texts differ, if they differ only by a slash, by capital letters or by `https://`. */
function nearly(theirs: unknown, ours: readonly string[]): string | undefined {
  const named = (Array.isArray(theirs) ? theirs : [theirs]).filter((one) => typeof one === "string");
  const pairs = named.flatMap((one) => ours.map((other) => [one, other] as const));
  const bare = (text: string) => text.toLowerCase().replace(/\/$/, "");
  const scheme = (text: string) => bare(text).replace(/^https?:\/\//, "");
  if (pairs.some(([one, other]) => one.replace(/\/$/, "") === other.replace(/\/$/, "")))
    return "the slash at the end counts";
  if (pairs.some(([one, other]) => bare(one) === bare(other))) return "capital letters count";
  if (pairs.some(([one, other]) => scheme(one) === scheme(other))) return "https:// counts";
  return undefined;
}

function sourceOf({ issuer, keys }: Issuer): string {
  return keys.from === "jwks" ? `${keys.url} (jwksUrl)` : `${issuer} (issuer)`;
}

function keyOf(issuer: Issuer): string {
  if (issuer.keys.from === "secret") return "the HMAC key that secret names";
  return issuer.keys.from === "public" ? "publicKey" : `the key of its kid at ${sourceOf(issuer)}`;
}
