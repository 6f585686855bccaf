import { eachField, REGIONS, UID_LETTER, UID_LETTERS } from "../cometchat/fields.ts";
import { PREFIX_CHARS, TOKENS_ALIVE } from "../limits.ts";
import { ALGORITHMS } from "../session/algorithms.ts";
import {
  text as anyText,
  flag,
  is,
  list,
  type Output,
  optional,
  type Rule,
  record,
  rules,
  type Shape,
  table,
} from "../shape.ts";
import { UNKNOWN } from "./report.ts";

/**
 * The form of each structured variable. Checks of several values together are in apps.ts, env.ts and issuers.ts. Each
 * message says what to write, since the operator sees nothing else.
 */

const matches = (pattern: RegExp, message: string): Rule<string> => [(value) => pattern.test(value), message];
const whole = (least: number, most: number, message: string) =>
  is<number>((value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most, message);

const text = rules(anyText, [(value) => value !== "", "must not be empty"]);
const texts = list(text, 'must be a list of texts, for instance ["a", "b"]');
const oneAtLeast: Rule<readonly unknown[]> = [(list) => list.length > 0, "must contain at least one value"];
const seconds = (least: number, most: number) =>
  whole(least, most, `must be a whole number of seconds from ${least} to ${most}`);
const choice = <const T extends string>(...values: T[]) =>
  is<T>(
    (value) => values.some((one) => one === value),
    `must be one of ${values.map((value) => JSON.stringify(value)).join(", ")}`,
  );
const strict = <M extends Parameters<typeof table>[0]>(members: M) => table(members, "must be a table", UNKNOWN);
const tableOf = <T>(of: Shape<T>) => record(of, "must be a table whose values are texts");

const PREFIX = "must spell its prefix exactly __Host- or __Secure-, since older browsers recognize no other spelling";

const app = strict({
  appId: rules(text, matches(/^[A-Za-z0-9_-]+$/, "must be the app ID, as on the CometChat dashboard")),
  region: choice(...REGIONS),
  apiKeySecret: optional(text),
  baseUrl: optional(text),
});

const issuer = strict({
  issuer: text,
  name: optional(rules(text, matches(/^[a-z0-9-]{1,64}$/, "must consist of a-z, 0-9 and -, at most 64 characters"))),
  preset: optional(text),
  audience: optional(texts),
  audienceRequired: optional(flag),
  jwksUrl: optional(text),
  publicKey: optional(text),
  secret: optional(text),
  algorithms: optional(rules(list(choice(...ALGORITHMS), 'must be a list, for instance ["RS256"]'), oneAtLeast)),
  authorizedParties: optional(rules(texts, oneAtLeast)),
  // The name is a token (RFC 6265 §4.1.1). Newer browsers recognize its prefix in any case, older ones only in this
  // spelling (RFC 6265bis §4.1.3).
  cookie: optional(
    rules(text, matches(/^[!#$%&'*+.^_`|~A-Za-z0-9-]+$/, "must be a cookie's name"), [
      (value) => !/^__(host|secure)-/i.test(value) || /^__(Host|Secure)-/.test(value),
      PREFIX,
    ]),
  ),
  sessionIdClaim: optional(text),
  treatPendingAsSignedOut: optional(flag),
  clockTolerance: optional(seconds(0, 300)),
  maxAge: optional(seconds(1, 31_536_000)),
  app: optional(text),
  appClaim: optional(text),
  appByClaim: optional(tableOf(text)),
  uid: optional(
    strict({
      claim: optional(text),
      prefix: optional(
        rules(
          anyText,
          matches(
            new RegExp(`^${UID_LETTER}{0,${PREFIX_CHARS}}$`),
            `must be of ${UID_LETTERS}, at most ${PREFIX_CHARS} characters`,
          ),
        ),
      ),
      shared: optional(flag),
    }),
  ),
  profile: optional(
    strict({
      ...eachField(() => optional(text)),
      metadata: optional(tableOf(text)),
    }),
  ),
  roles: optional(tableOf(text)),
  webhookSecret: optional(text),
});

export const schemas = {
  ALLOWED_ORIGINS: optional(texts),
  COMETCHAT_APPS: record(app, "must be a table with one table per app: [vars.COMETCHAT_APPS.main]"),
  SESSION_ISSUERS: rules(
    list(issuer, "must be a list with one table per identity provider: [[vars.SESSION_ISSUERS]]"),
    [(list) => list.length > 0, "must name at least one identity provider: [[vars.SESSION_ISSUERS]]"],
  ),
  TOKENS: optional(
    strict({
      reuse: optional(choice("never", "session")),
      ttl: optional(seconds(1, 315_360_000)),
      maxPerSession: optional(whole(1, TOKENS_ALIVE, `must be a whole number from 1 to ${TOKENS_ALIVE}`)),
    }),
  ),
  PROVISIONING: optional(
    strict({
      mode: optional(choice("create", "existing")),
      sync: optional(flag),
      reactivate: optional(flag),
    }),
  ),
  PLACEMENT: optional(
    strict({
      default: optional(text),
      continents: optional(tableOf(text)),
      countries: optional(tableOf(text)),
      jurisdictions: optional(record(choice("eu", "fedramp"), "must be a table whose values are texts")),
    }),
  ),
  REQUEST_TIMEOUT_MS: optional(whole(100, 30_000, "must be a whole number of milliseconds from 100 to 30000")),
};

export type RawApp = Output<typeof app>;
export type RawIssuer = Output<typeof issuer>;
