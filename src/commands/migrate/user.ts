import { eachField } from "../../cometchat/fields.ts";
import type { Profile } from "../../cometchat/types.ts";
import type { Config } from "../../config/types.ts";
import { profileRules, type Rule, subjectRule } from "../../http/fields.ts";
import { bytesOf, fallbackName, profileOf } from "../../identity/profile.ts";
import { uidOf } from "../../identity/uid.ts";
import { PROFILE_BYTES } from "../../limits.ts";
import { place } from "../../placement/placement.ts";
import type { Issuer } from "../../session/issuer.ts";
import { isObject } from "../../shape.ts";
import type { Entry, Problem } from "./entry.ts";
import { FIELDS, type Field, type Picked, PROFILE_FIELDS } from "./fields.ts";

/** A user that can be imported. */
export interface User {
  readonly subject: string;
  readonly uid: string;
  /** The configured name of the app that the user is imported into. */
  readonly app: string;
  readonly profile: Profile & { readonly name: string };
}

export type Outcome =
  | { readonly user: User; readonly problems?: undefined }
  | { readonly user?: undefined; readonly problems: readonly Problem[] };

/** How to make a user of a row. */
export interface Rules {
  readonly config: Pick<Config, "apps" | "placement">;
  readonly issuer: Issuer;
  /** The app that `--app` names for all users. */
  readonly app: string | undefined;
  readonly pick: (row: Readonly<Record<string, unknown>>) => Picked;
  /** Whether a user without a name gets the name that the gateway would give to a session without one. */
  readonly nameless: boolean;
}

/** The mapping of a profile whose fields already have their own names. */
const OWN_NAMES = {
  profile: { ...eachField((_, field) => field), role: undefined, metadata: new Map() },
  roles: new Map(),
} as const;

const MISSING = "is missing";

/**
 * Makes a user of a row, by the gateway's own rules for uid, app and profile, or lists everything that is wrong with
 * it. A field that is too long is an error here, although a session's would be shortened: the operator can correct the
 * input.
 */
export async function userOf(entry: Entry, rules: Rules): Promise<Outcome> {
  if (!entry.row) return { problems: [entry.problem ?? { field: "row", reason: MISSING }] };
  const { fields: raw, claims } = rules.pick(entry.row);
  const fields = readable(raw);
  const problems: Problem[] = [];
  const check = (field: Field, [fits, reason]: Rule) => {
    if (fields[field] !== undefined && !fits(fields[field])) problems.push({ field, reason });
  };
  for (const field of PROFILE_FIELDS) check(field, profileRules[field]);
  if (fields.name === undefined && !rules.nameless) problems.push({ field: "name", reason: MISSING });

  const uid = await identify(fields.subject, rules.issuer, problems);
  const app = placed(rules, fields, claims, problems);
  if (uid === undefined || app === undefined || problems.length > 0) return { problems };

  const { profile, dropped } = profileOf(OWN_NAMES, fields);
  if (typeof fields.role === "string") profile.role = fields.role;
  if (isObject(fields.metadata) && Object.keys(fields.metadata).length > 0) profile.metadata = fields.metadata;
  const name = profile.name ?? (rules.nameless ? fallbackName(claims, uid) : undefined);
  if (name === undefined) return { problems: [{ field: "name", reason: MISSING }] };
  if (dropped.length > 0 || bytesOf(profile) > PROFILE_BYTES) {
    return { problems: [{ field: "row", reason: `must be at most ${PROFILE_BYTES} bytes as a profile` }] };
  }
  return { user: { subject: String(fields.subject), uid, app, profile: { ...profile, name } } };
}

/** The uid of a subject. Undefined if it has none; the reason is then added to `problems`. */
export async function identify(subject: unknown, issuer: Issuer, problems: Problem[]): Promise<string | undefined> {
  const [fits, remedy] = subjectRule;
  let reason: string | undefined;
  if (subject === undefined) reason = MISSING;
  else if (typeof subject !== "string" || !fits(subject)) reason = remedy;
  // No provider's subjects have white space at their ends. The uid would not be that of the user's sessions.
  else if (subject.trim() !== subject) reason = "must not begin or end with white space";
  // Nor with this: an export of Auth0 has it, which is not read as one.
  else if (subject.startsWith("'")) reason = "must not begin with an apostrophe; an export of Auth0 needs --from auth0";
  else {
    const uid = await uidOf(issuer, subject);
    if (uid.ok) return uid.value;
    reason = "must not be app_system, which is CometChat's own user";
  }
  problems.push({ field: "subject", reason });
  return undefined;
}

/** Converts a row's values: a number becomes a subject, a text becomes a list of tags or a metadata object. */
export function readable(raw: Picked["fields"]): Partial<Record<Field, unknown>> {
  const fields: Partial<Record<Field, unknown>> = { ...raw };
  if (Number.isSafeInteger(raw.subject)) fields.subject = String(raw.subject);
  for (const field of FIELDS) {
    const text = fields[field];
    if (field !== "subject" && field !== "name" && typeof text === "string") fields[field] = text.trim();
  }
  if (typeof raw.tags === "string") {
    fields.tags = raw.tags.trimStart().startsWith("[") ? json(raw.tags) : split(raw.tags);
  }
  if (typeof raw.metadata === "string") fields.metadata = json(raw.metadata);
  return fields;
}

const split = (text: string): readonly string[] =>
  text
    .split(/[,;]/)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");

/** Parses JSON. A text that is not JSON stays as it is, and is refused by the field's rule. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function placed(
  { config, issuer, app }: Rules,
  { country, continent }: Partial<Record<Field, unknown>>,
  claims: Readonly<Record<string, unknown>>,
  problems: Problem[],
): string | undefined {
  if (app !== undefined) return app;
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  const found = place(config, issuer, claims, { country: text(country), continent: text(continent) });
  if (found.ok) return found.value.app;
  problems.push({ field: issuer.appClaim ?? "app", reason: "must be one of the values in this issuer's appByClaim" });
  return undefined;
}
