import { eachField, METADATA } from "../cometchat/fields.ts";
import { Refusal } from "../errors.ts";
import { SUBJECT_CHARS } from "../limits.ts";
import { isObject, isTextOf } from "../shape.ts";

/** The rule of a field: whether a value is allowed, and the text that explains the rule. */
export type Rule = readonly [fits: (value: unknown) => boolean, remedy: string];
export type Rules = Readonly<Record<string, Rule>>;

/**
 * The rules of a profile, which are CometChat's limits. Characters are code points, as MySQL's utf8mb4 counts them.
 * https://www.cometchat.com/docs/articles/properties-and-constraints
 */
export const profileRules = {
  ...eachField<Rule>(({ fits, remedy }) => [fits, remedy]),
  metadata: [METADATA.fits, METADATA.remedy],
} satisfies Rules;

export const flag: Rule = [(value) => typeof value === "boolean", "must be true or false"];

/** The rule of a subject. It is the rule for sessions, since no session could have any other subject. */
export const subjectRule: Rule = [
  (value) => isTextOf(value, SUBJECT_CHARS) && !/\p{Cc}/u.test(value),
  "must be text, the same as in the session's claim",
];

export const oneOf = (values: readonly string[], remedy: string): Rule => [
  (value) => typeof value === "string" && values.includes(value),
  remedy,
];

export const nullable = ([fits, remedy]: Rule): Rule => [(value) => value === null || fits(value), remedy];

/**
 * Checks the fields of a body; a missing body has none. Throws `body-shape` with a text that names everything wrong and
 * repeats nothing of the body.
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
    problems.push("The body has a key that is not known.");
  if (problems.length > 0) throw wrong(problems);
  return body;
}

export const wrong = (problems: readonly string[]): Refusal =>
  new Refusal({ reason: "body-shape", detail: problems.join(" ") });
