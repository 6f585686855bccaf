import { METADATA_CHARS, NAME_CHARS, TAG_CHARS, TAGS, UID_CHARS, URL_CHARS } from "../limits.ts";
import { isObject, isTextOf } from "../shape.ts";

/** Claim value → CometChat role, as the operator grants them. */
type Roles = ReadonlyMap<string, string>;

/** One field of a profile that one claim fills, with all that the gateway needs to know of it. */
interface Field<T = unknown> {
  /** The claim that fills it where the configuration names none (OpenID Connect Core §5.1). */
  readonly claim?: string;
  /** CometChat demands it: there is always one, and it cannot be taken away. */
  readonly required?: true;
  /** Only the operator grants it: it is not left out of a profile that is too large, nor told where nothing is granted. */
  readonly granted?: true;
  /** What of a claim's value CometChat takes; undefined: nothing. */
  readonly from: (value: unknown, roles: Roles) => T | undefined;
  /** What is sent to take it away, where CometChat's `unset` does not name it. */
  readonly empty?: T;
  /** Whether an answer's value is one. */
  readonly is: (value: unknown) => boolean;
  /** Whether it takes a backend's value as it is, and what a backend is told where it does not. */
  readonly fits: (value: unknown) => boolean;
  readonly remedy: string;
  /** The same in JSON Schema, for OpenAPI. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** A character of a uid, as a pattern and in words. */
export const UID_LETTER = "[a-z0-9_-]";
export const UID_LETTERS = "a-z, 0-9, _ and -";

const isText = (value: unknown): value is string => typeof value === "string";

const address = {
  from: addressFrom,
  is: isText,
  fits: (value: unknown) => isText(value) && !/\s/.test(value) && addressFrom(value) !== undefined,
  remedy: `must be an http or https address of at most ${URL_CHARS} characters`,
  schema: { $ref: "#/components/schemas/Address" },
} as const;

/**
 * The fields of a profile. A new one is a row here; the configuration, the backend endpoints, the profile sync, the
 * import and OpenAPI have it by that. The most telling come first: from a profile that is too large the last ones are
 * left out. Metadata comes from several claims (identity/profile.ts).
 * https://www.cometchat.com/docs/articles/properties-and-constraints
 */
const FIELDS = {
  name: {
    claim: "name",
    required: true,
    from: nameFrom,
    is: isText,
    fits: (value) => isTextOf(value, NAME_CHARS),
    remedy: `must be text of 1 to ${NAME_CHARS} characters`,
    schema: { type: "string", minLength: 1, maxLength: NAME_CHARS },
  },
  avatar: { claim: "picture", ...address },
  link: address,
  role: {
    granted: true,
    // The claim's value is never a role by itself: only the operator's table grants one.
    from: (value, roles) =>
      textsIn(value)
        .map((text) => roles.get(text))
        .find(Boolean),
    empty: "default",
    is: isText,
    fits: (value) => isText(value) && isUid(value),
    remedy: `must be a role's id, of ${UID_LETTERS}`,
    schema: { $ref: "#/components/schemas/Uid" },
  },
  tags: {
    from: tagsFrom,
    empty: [],
    is: (value) => Array.isArray(value) && value.every(isText),
    fits: (value) => Array.isArray(value) && value.length <= TAGS && value.every((tag) => isTextOf(tag, TAG_CHARS)),
    remedy: `must be a list of at most ${TAGS} texts of at most ${TAG_CHARS} characters`,
    schema: { type: "array", maxItems: TAGS, items: { type: "string", maxLength: TAG_CHARS } },
  },
} as const satisfies Record<string, Field>;

/** The operator's own pairs: several claims fill it. */
export const METADATA = {
  fits: (value: unknown) => isObject(value) && JSON.stringify(value).length <= METADATA_CHARS,
  remedy: `must be an object of at most ${METADATA_CHARS} characters as JSON`,
  schema: { type: "object", description: `At most ${METADATA_CHARS} characters as JSON` },
};

export type FieldName = keyof typeof FIELDS;
type Row<F extends FieldName> = (typeof FIELDS)[F];
export type FieldValue<F extends FieldName> = Exclude<ReturnType<Row<F>["from"]>, undefined>;

/** The rows by their names. */
export const fields = Object.entries(FIELDS) as [FieldName, Field][];

/** A table with the same names, of what `make` says of each row. */
export const eachField = <T>(make: (row: Field, name: FieldName) => T): Record<FieldName, T> =>
  Object.fromEntries(fields.map(([name, row]) => [name, make(row, name)])) as Record<FieldName, T>;

/** Fields that `PUT /users/{uid}` takes away where `unset` names them. https://www.cometchat.com/docs/rest-api/users/update */
type UnsettableField = {
  [F in FieldName]: Row<F> extends { readonly required: true } | { readonly empty: unknown } ? never : F;
}[FieldName];
export type Unsettable = UnsettableField | "metadata";

export const unsettableFields = fields.flatMap(([name, { required, empty }]) =>
  required || empty !== undefined ? [] : [name as UnsettableField],
);
export const UNSETTABLE: readonly Unsettable[] = [...unsettableFields, "metadata"];

/** Regions of CometChat's. https://www.cometchat.com/docs/rest-api/chat-apis */
export const REGIONS = ["us", "eu", "in"] as const;
export type Region = (typeof REGIONS)[number];

/** What CometChat stores as a uid, or as a role's id, as it is: it lower-cases everything else, and refuses the rest. */
export const UID_PATTERN = `^${UID_LETTER}{1,${UID_CHARS}}$`;
const UID = new RegExp(UID_PATTERN);
export const isUid = (text: string): boolean => UID.test(text);

/** At most 100 characters as MySQL's utf8mb4 counts them (code points), never cut inside what a reader sees as one. */
export function nameFrom(value: unknown): string | undefined {
  if (!isText(value)) return undefined;
  const name = value
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim();
  if (name.length <= NAME_CHARS) return name === "" ? undefined : name;
  let cut = "";
  let points = 0;
  // A claim of a megabyte is not segmented as a whole: no grapheme within the limit begins later than this.
  for (const { segment } of new Intl.Segmenter().segment(name.slice(0, NAME_CHARS * 8))) {
    points += [...segment].length;
    if (points > NAME_CHARS) break;
    cut += segment;
  }
  return cut.trim() === "" ? [...name].slice(0, NAME_CHARS).join("") : cut.trim();
}

/** An address that a client may be shown, as it is sent to CometChat. */
function addressFrom(value: unknown): string | undefined {
  if (!isText(value) || value.length > URL_CHARS) return undefined;
  const url = URL.parse(value);
  // javascript: and data: addresses would run or hide in somebody else's client
  return url && (url.protocol === "https:" || url.protocol === "http:") && url.href.length <= URL_CHARS
    ? url.href
    : undefined;
}

function tagsFrom(value: unknown): readonly string[] | undefined {
  const tags = textsIn(value)
    .map((tag) => tag.toWellFormed().trim())
    .filter((tag) => tag !== "" && [...tag].length <= TAG_CHARS);
  return tags.length > 0 ? [...new Set(tags)].slice(0, TAGS) : undefined;
}

const textsIn = (value: unknown): readonly string[] => (Array.isArray(value) ? value : [value]).filter(isText);
