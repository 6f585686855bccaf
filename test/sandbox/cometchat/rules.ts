import type { Details } from "./answers.ts";

/**
 * CometChat's rules for a user's fields (CometChat docs, articles/properties-and-constraints and rest-api/users).
 * "KB" is read as 1024 bytes.
 */
export const limits = {
  uid: 100,
  name: 100,
  url: 3000,
  tags: 25,
  tag: 100,
  metadata: 5 * 1024,
  body: 10 * 1024,
} as const;

export interface UserFields {
  name?: string;
  avatar?: string;
  link?: string;
  role?: string;
  statusMessage?: string;
  metadata?: Record<string, unknown>;
  tags?: string[];
}

type Rule = (value: unknown, field: string, roles: ReadonlySet<string>) => string | undefined;

const rules: Record<keyof UserFields, Rule> = {
  name: text(limits.name),
  avatar: address,
  link: address,
  role: (value, field, roles) =>
    text(100)(value, field, roles) ??
    (roles.has(String(value).toLowerCase())
      ? undefined
      : `The role ${value} does not exist. Please use correct role or use create role API.`),
  statusMessage: text(Number.POSITIVE_INFINITY),
  metadata: (value) => {
    // CometChat returns an empty object as an empty list, and does not distinguish the two.
    if (!isObject(value) && !(Array.isArray(value) && value.length === 0)) return "The metadata must be an object.";
    const size = new TextEncoder().encode(JSON.stringify(value)).length;
    return size > limits.metadata ? "The metadata may not be greater than 5 KB." : undefined;
  },
  tags: (value, _, roles) => {
    if (!Array.isArray(value)) return "The tags must be an array.";
    if (value.length > limits.tags) return `The tags may not have more than ${limits.tags} items.`;
    for (const tag of value) {
      const problem = blank(tag) ? "The tags must have a value" : text(limits.tag)(tag, "tags", roles);
      if (problem) return problem;
    }
    return undefined;
  },
};

/** The problem of a uid. Upper case is allowed, since CometChat lower-cases a uid before it checks it (documented). */
export function uidProblem(uid: unknown): string | undefined {
  if (uid === undefined || blank(uid)) return "The uid field is required.";
  if (typeof uid !== "string") return "The uid must be a string.";
  if ([...uid].length > limits.uid) return `The uid may not be greater than ${limits.uid} characters.`;
  // Only ASCII is allowed. The check comes before lower-casing, which makes a "k" of the Kelvin sign.
  if (!/^[A-Za-z0-9_-]+$/.test(uid)) return "The uid may only contain letters, numbers, dashes and underscores.";
  return undefined;
}

/** The fields of a create, an import or an update, and the problems of those that are wrong. */
export function readFields(
  body: Record<string, unknown>,
  required: readonly (keyof UserFields)[],
  roles: ReadonlySet<string>,
): { fields: UserFields; details: Details } {
  const details: Details = {};
  const fields: Record<string, unknown> = {};
  for (const [field, rule] of Object.entries(rules)) {
    const value = body[field];
    const must = (required as readonly string[]).includes(field);
    if (!Object.hasOwn(body, field)) {
      if (must) details[field] = [`The ${field} field is required.`];
      continue;
    }
    // CometChat refuses `avatar: null` with this text (observed). The simulator does the same for the other fields.
    const problem = !blank(value)
      ? rule(value, field, roles)
      : must
        ? `The ${field} field is required.`
        : `The ${field} must have a value`;
    if (problem) details[field] = [problem];
    else if (field === "role") fields[field] = String(value).toLowerCase();
    else fields[field] = field === "metadata" && Array.isArray(value) ? {} : value;
  }
  return { fields: fields as UserFields, details };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The problem of a flag. It has to be a JSON boolean: "true" and 1 are refused, so that tests find a client that sends
 * them.
 */
export function flagProblem(body: Record<string, unknown>, field: string): Details {
  const value = body[field];
  return value === undefined || typeof value === "boolean" ? {} : { [field]: [`The ${field} must be true or false.`] };
}

function blank(value: unknown): boolean {
  return value === null || (typeof value === "string" && value.trim() === "");
}

/** A text of at most this length. It is counted in code points, since utf8mb4 stores an emoji as one character. */
function text(most: number): Rule {
  return (value, field) => {
    if (typeof value !== "string") return `The ${field} must be a string.`;
    if (!value.isWellFormed()) return `The ${field} must be valid UTF-8.`;
    return [...value].length > most ? `The ${field} may not be greater than ${most} characters.` : undefined;
  };
}

function address(value: unknown, field: string): string | undefined {
  if (typeof value !== "string") return `The ${field} must be a string.`;
  if (value.length > limits.url) return `The ${field} may not be greater than ${limits.url} characters.`;
  if (/\s/.test(value) || !/^https?:\/\/[^/]/i.test(value) || !URL.canParse(value)) {
    return `The ${field} format is invalid.`;
  }
  return undefined;
}
