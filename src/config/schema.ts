import * as z from "zod/mini";

/**
 * The form of each structured variable. What depends on more than one value is in check.ts.
 * Every message says what to write instead, since it is all that an operator sees.
 */

/** What is absent is said to be missing; zod reports it as a wrong type. */
const says = (message: string) => ({
  error: (issue: { readonly input?: unknown }) => (issue.input === undefined ? "is missing" : message),
});

const text = z.string(says("must be text")).check(z.minLength(1, "must not be empty"));
const texts = z.array(text, says('must be a list of texts, as in ["a", "b"]'));
const seconds = (least: number, most: number) => {
  const message = `must be a whole number of seconds from ${least} to ${most}`;
  return z.number(message).check(z.int(message), z.minimum(least, message), z.maximum(most, message));
};
const flag = z.boolean("must be true or false");
const choice = <const T extends string[]>(...values: T) =>
  z.enum(values, says(`must be one of ${values.map((value) => JSON.stringify(value)).join(", ")}`));
const table = (of: z.ZodMiniType<string>) => z.record(z.string(), of, "must be a table of texts");

const ALGORITHMS = [
  ...(["HS256", "HS384", "HS512"] as const),
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const),
] as const;

const app = z.strictObject({
  appId: text.check(z.regex(/^[A-Za-z0-9_-]+$/, "must be the app id from the CometChat dashboard")),
  region: choice("us", "eu", "in"),
  apiKeySecret: z.optional(text),
  baseUrl: z.optional(text),
});

const issuer = z.strictObject({
  issuer: text,
  name: z.optional(text.check(z.regex(/^[a-z0-9-]{1,64}$/, "must be of a-z, 0-9 and -, at most 64 characters"))),
  preset: z.optional(text),
  audience: z.optional(texts),
  audienceRequired: z.optional(flag),
  jwksUrl: z.optional(text),
  publicKey: z.optional(text),
  secret: z.optional(text),
  algorithms: z.optional(z.array(choice(...ALGORITHMS), 'must be a list, as in ["RS256"]').check(z.minLength(1))),
  authorizedParties: z.optional(texts.check(z.minLength(1, "must name at least one"))),
  // RFC 6265 §4.1.1: a token
  cookie: z.optional(text.check(z.regex(/^[!#$%&'*+.^_`|~A-Za-z0-9-]+$/, "must be a cookie's name"))),
  sessionIdClaim: z.optional(text),
  clockTolerance: z.optional(seconds(0, 300)),
  maxAge: z.optional(seconds(1, 31_536_000)),
  app: z.optional(text),
  appClaim: z.optional(text),
  appByClaim: z.optional(table(text)),
  uid: z.optional(
    z.strictObject({
      claim: z.optional(text),
      prefix: z.optional(
        z.string().check(z.regex(/^[a-z0-9_-]{0,46}$/, "must be of a-z, 0-9, _ and -, at most 46 characters")),
      ),
      shared: z.optional(flag),
    }),
  ),
  profile: z.optional(
    z.strictObject({
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
  ALLOWED_ORIGINS: z._default(texts, []),
  COMETCHAT_APPS: z.record(z.string(), app, says("must be a table with one table per app: [vars.COMETCHAT_APPS.main]")),
  SESSION_ISSUERS: z
    .array(issuer, says("must be a list with one table per identity provider: [[vars.SESSION_ISSUERS]]"))
    .check(z.minLength(1, "must name at least one identity provider: [[vars.SESSION_ISSUERS]]")),
  TOKENS: z._default(
    z.strictObject({
      reuse: z._default(choice("never", "session"), "never"),
      ttl: z.optional(seconds(1, 315_360_000)),
      maxPerSession: z.optional(
        z
          .number("must be a whole number from 1 to 100")
          .check(z.int("must be a whole number from 1 to 100"), z.minimum(1), z.maximum(100)),
      ),
    }),
    { reuse: "never" },
  ),
  PROVISIONING: z._default(
    z.strictObject({
      mode: z._default(choice("create", "existing"), "create"),
      sync: z._default(flag, true),
      reactivate: z._default(flag, false),
    }),
    { mode: "create", sync: true, reactivate: false },
  ),
  PLACEMENT: z._default(
    z.strictObject({
      default: z.optional(text),
      continents: z._default(table(text), {}),
      countries: z._default(table(text), {}),
      jurisdictions: z._default(z.record(z.string(), choice("eu", "fedramp")), {}),
    }),
    { continents: {}, countries: {}, jurisdictions: {} },
  ),
  REQUEST_TIMEOUT_MS: z.optional(
    z
      .number("must be a whole number of milliseconds from 100 to 30000")
      .check(z.int(), z.minimum(100, "must be at least 100"), z.maximum(30_000, "must be at most 30000")),
  ),
};

export type RawApp = z.output<typeof app>;
export type RawIssuer = z.output<typeof issuer>;
