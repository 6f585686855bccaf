import { eachField, METADATA } from "../cometchat/fields.ts";
import { Refusal } from "../errors.ts";
import { SUBJECT_CHARS } from "../limits.ts";
import { isObject, isTextOf } from "../shape.ts";

/** Whether a value may stand in a field, and what is said where it may not: one text per field tells all of its rule. */
export type Rule = readonly [fits: (value: unknown) => boolean, remedy: string];
export type Rules = Readonly<Record<string, Rule>>;

/** CometChat's own limits (docs, articles/properties-and-constraints); characters are code points, as utf8mb4 has them. */
export const profileRules = {
  ...eachField<Rule>(({ fits, remedy }) => [fits, remedy]),
  metadata: [METADATA.fits, METADATA.remedy],
} satisfies Rules;

export const flag: Rule = [(value) => typeof value === "boolean", "must be true or false"];

/** What a session's subject may be: another one would be provisioned for nobody. */
export const subjectRule: Rule = [
  (value) => isTextOf(value, SUBJECT_CHARS) && !/\p{Cc}/u.test(value),
  "must be text, as in the session's claim",
];

export const oneOf = (values: readonly string[], remedy: string): Rule => [
  (value) => typeof value === "string" && values.includes(value),
  remedy,
];

export const nullable = ([fits, remedy]: Rule): Rule => [(value) => value === null || fits(value), remedy];

/**
 * The body's fields; no body has none. Throws `body-shape` with everything named that is wrong, in our own words:
 * nothing of the body is repeated.
 */
export function readFields(
  body: unknown = {},
  rules: Rules = {},
  required: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  if (!isObject(body)) throw wrong(["The body must be an object."]);
  const problems: string[] = [];
  for (const [field, [fits, remedy]] of Object.entries(rules)) {
    if (!Object.hasOwn(body, field)) {
      if (required.includes(field)) problems.push(`${field}: is missing.`);
    } else if (!fits(body[field])) problems.push(`${field}: ${remedy}.`);
  }
  if (Object.keys(body).some((key) => !Object.hasOwn(rules, key)))
    problems.push("The body holds a key that is not known.");
  if (problems.length > 0) throw wrong(problems);
  return body;
}

export const wrong = (problems: readonly string[]): Refusal =>
  new Refusal({ reason: "body-shape", detail: problems.join(" ") });
