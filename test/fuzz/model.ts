/**
 * The rules for a signed token, written a second time and more simply than in the gateway. The property tests compare
 * the two. They are for one issuer with `audience = ["chat"]`, a tolerance of 30 seconds and the key `es`.
 */

export const ISSUER = "https://idp.example";
/** 2026-11-25T12:00:00Z, in seconds. */
export const NOON = 1_795_608_000;
const EVENT = "http://schemas.openid.net/event/backchannel-logout";

export const CLAIMS = { iss: ISSUER, aud: "chat", sub: "alice", iat: NOON - 60, exp: NOON + 3600 };

export type Json = Record<string, unknown>;

const own = (object: Json, key: string) => (Object.hasOwn(object, key) ? object[key] : undefined);
const date = (value: unknown) => typeof value === "number" && value >= 0 && value <= 253_402_300_799;
const plain = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

export function headerIsGood(header: unknown): boolean {
  if (!plain(header)) return false;
  const [alg, kid, typ, cty] = ["alg", "kid", "typ", "cty"].map((name) => own(header, name));
  const media = (text: unknown) =>
    String(text)
      .toLowerCase()
      .replace(/^application\//, "");
  if (alg !== "ES256" || Object.hasOwn(header, "crit") || Object.hasOwn(header, "zip")) return false;
  if (kid !== undefined && kid !== "es") return false;
  if (typ !== undefined && !(typeof typ === "string" && ["jwt", "at+jwt"].includes(media(typ)))) return false;
  return cty === undefined || (typeof cty === "string" && media(cty) !== "jwt");
}

/** `yes`, `no`, or `expired` if nothing else is wrong. */
export function claimsVerdict(claims: unknown): "yes" | "expired" | "no" {
  if (!plain(claims)) return "no";
  const [iss, aud, sub, iat, nbf, exp, events] = ["iss", "aud", "sub", "iat", "nbf", "exp", "events"].map((name) =>
    own(claims, name),
  );
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  const text = typeof sub === "string" && sub.length > 0 && sub.length <= 4096 && sub.isWellFormed();
  const control = (code: number) => code < 32 || (code > 126 && code < 160);
  const good =
    iss === ISSUER &&
    audiences.every((one) => typeof one === "string") &&
    audiences.includes("chat") &&
    text &&
    ![...sub].some((one) => control(one.codePointAt(0) ?? 0)) &&
    (iat === undefined || (date(iat) && Number(iat) <= NOON + 30)) &&
    (nbf === undefined || (date(nbf) && Number(nbf) <= NOON + 30)) &&
    date(exp) &&
    !(plain(events) && Object.hasOwn(events, EVENT)) &&
    !Object.hasOwn(claims, "cnf");
  if (!good) return "no";
  return NOON < Number(exp) + 30 ? "yes" : "expired";
}

export function logoutIsGood(claims: unknown): boolean {
  if (!plain(claims)) return false;
  const [aud, sub, sid, iat, exp, jti, events] = ["aud", "sub", "sid", "iat", "exp", "jti", "events"].map((name) =>
    own(claims, name),
  );
  const name = (value: unknown, longest: number) =>
    typeof value === "string" &&
    value !== "" &&
    value.length <= longest &&
    value.isWellFormed() &&
    !/\p{Cc}/u.test(value);
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  const nbf = own(claims, "nbf");
  return (
    own(claims, "iss") === ISSUER &&
    audiences.every((one) => typeof one === "string") &&
    audiences.includes("chat") &&
    date(iat) &&
    Number(iat) <= NOON + 30 &&
    NOON < Number(iat) + 330 &&
    (exp === undefined || (date(exp) && NOON < Number(exp) + 30)) &&
    (nbf === undefined || (date(nbf) && Number(nbf) <= NOON + 30)) &&
    name(jti, 1024) &&
    plain(events) &&
    Object.hasOwn(events, EVENT) &&
    plain(events[EVENT]) &&
    !Object.hasOwn(claims, "nonce") &&
    (sub === undefined || name(sub, 4096)) &&
    (sid === undefined || name(sid, 4096)) &&
    (sub !== undefined || sid !== undefined)
  );
}

/** The seed and the number of cases of each property, from vitest.config.ts. */
declare module "vitest" {
  export interface ProvidedContext {
    fuzz: { readonly seed: number; readonly cases: number };
  }
}
