import * as z from "zod/mini";
import { text as anyText, flag, is, says } from "../shape.ts";

/**
 * The form of each structured variable. What depends on more than one value is in apps.ts, env.ts and issuers.ts.
 * Every message says what to write instead, since it is all that an operator sees.
 */

/** Every rule beyond the type, for the reason that `is` has. */
const holds = z.refine;
const matches = (pattern: RegExp, message: string) => holds<string>((value) => pattern.test(value), message);
const whole = (least: number, most: number, message: string) =>
  is<number>((value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most, message);
const record = <T extends z.ZodMiniType>(of: T, message: string) => z.catchall(z.object({}, says(message)), of);

const text = anyText.check(holds((value) => value !== "", "must not be empty"));
const texts = z.array(text, says('must be a list of texts, as in ["a", "b"]'));
const seconds = (least: number, most: number) =>
  whole(least, most, `must be a whole number of seconds from ${least} to ${most}`);
const choice = <const T extends string>(...values: T[]) =>
  is<T>(
    (value) => values.some((one) => one === value),
    `must be one of ${values.map((value) => JSON.stringify(value)).join(", ")}`,
  );
const strict = <T extends z.core.$ZodLooseShape>(shape: T) => z.strictObject(shape, says("must be a table"));
const table = (of: z.ZodMiniType<string>) => record(of, "must be a table of texts");

const ALGORITHMS = [
  ...(["HS256", "HS384", "HS512"] as const),
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const),
] as const;

const PREFIX = "must have its prefix as older browsers know it too: __Host- or __Secure-";

const app = strict({
  appId: text.check(matches(/^[A-Za-z0-9_-]+$/, "must be the app id from the CometChat dashboard")),
  region: choice("us", "eu", "in"),
  apiKeySecret: z.optional(text),
  baseUrl: z.optional(text),
});

const issuer = strict({
  issuer: text,
  name: z.optional(text.check(matches(/^[a-z0-9-]{1,64}$/, "must be of a-z, 0-9 and -, at most 64 characters"))),
  preset: z.optional(text),
  audience: z.optional(texts),
  audienceRequired: z.optional(flag),
  jwksUrl: z.optional(text),
  publicKey: z.optional(text),
  secret: z.optional(text),
  algorithms: z.optional(
    z
      .array(choice(...ALGORITHMS), 'must be a list, as in ["RS256"]')
      .check(holds((list) => list.length > 0, "must name at least one")),
  ),
  authorizedParties: z.optional(texts.check(holds((list) => list.length > 0, "must name at least one"))),
  // RFC 6265 §4.1.1: a token. Browsers look at a prefix in any case, and older ones only at this (RFC 6265bis §4.1.3).
  cookie: z.optional(
    text.check(
      matches(/^[!#$%&'*+.^_`|~A-Za-z0-9-]+$/, "must be a cookie's name"),
      holds((value) => !/^__(host|secure)-/i.test(value) || /^__(Host|Secure)-/.test(value), PREFIX),
    ),
  ),
  sessionIdClaim: z.optional(text),
  treatPendingAsSignedOut: z.optional(flag),
  clockTolerance: z.optional(seconds(0, 300)),
  maxAge: z.optional(seconds(1, 31_536_000)),
  app: z.optional(text),
  appClaim: z.optional(text),
  appByClaim: z.optional(table(text)),
  uid: z.optional(
    strict({
      claim: z.optional(text),
      prefix: z.optional(
        anyText.check(matches(/^[a-z0-9_-]{0,46}$/, "must be of a-z, 0-9, _ and -, at most 46 characters")),
      ),
      shared: z.optional(flag),
    }),
  ),
  profile: z.optional(
    strict({
      name: z.optional(text),
      avatar: z.optional(text),
      link: z.optional(text),
      role: z.optional(text),
      tags: z.optional(text),
      metadata: z.optional(table(text)),
    }),
  ),
  roles: z.optional(table(text)),
  webhookSecret: z.optional(text),
});

export const schemas = {
  ALLOWED_ORIGINS: z.optional(texts),
  COMETCHAT_APPS: record(app, "must be a table with one table per app: [vars.COMETCHAT_APPS.main]"),
  SESSION_ISSUERS: z
    .array(issuer, says("must be a list with one table per identity provider: [[vars.SESSION_ISSUERS]]"))
    .check(holds((list) => list.length > 0, "must name at least one identity provider: [[vars.SESSION_ISSUERS]]")),
  TOKENS: z.optional(
    strict({
      reuse: z.optional(choice("never", "session")),
      ttl: z.optional(seconds(1, 315_360_000)),
      maxPerSession: z.optional(whole(1, 100, "must be a whole number from 1 to 100")),
    }),
  ),
  PROVISIONING: z.optional(
    strict({
      mode: z.optional(choice("create", "existing")),
      sync: z.optional(flag),
      reactivate: z.optional(flag),
    }),
  ),
  PLACEMENT: z.optional(
    strict({
      default: z.optional(text),
      continents: z.optional(table(text)),
      countries: z.optional(table(text)),
      jurisdictions: z.optional(record(choice("eu", "fedramp"), "must be a table of texts")),
    }),
  ),
  REQUEST_TIMEOUT_MS: z.optional(whole(100, 30_000, "must be a whole number of milliseconds from 100 to 30000")),
};

export type RawApp = z.output<typeof app>;
export type RawIssuer = z.output<typeof issuer>;
