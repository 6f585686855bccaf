import { METADATA_CHARS, NAME_CHARS, NAME_READ_CHARS, TAG_CHARS, TAGS, UID_CHARS, URL_CHARS } from "../limits.ts";
import { isObject, isTextOf } from "../shape.ts";

/** The CometChat role for each value of the claim, as the operator has configured it. */
type Roles = ReadonlyMap<string, string>;

/** A field of a profile that one claim fills, with everything that the gateway needs to know about it. */
interface Field<T = unknown> {
  /** The default claim, if the configuration names none (OpenID Connect Core §5.1). */
  readonly claim?: string;
  /** Whether CometChat requires the field, so that it cannot be removed. */
  readonly required?: true;
  /**
   * Whether only the operator grants it. It is then never left out, and a value that grants nothing is not reported.
   */
  readonly granted?: true;
  /** Makes of a claim's value one that CometChat accepts; undefined if that is not possible. */
  readonly from: (value: unknown, roles: Roles) => T | undefined;
  /** The value that removes the field, if CometChat's `unset` cannot. */
  readonly empty?: T;
  /** Whether a value in CometChat's answer has the documented type. */
  readonly is: (value: unknown) => boolean;
  /** Whether CometChat accepts a backend's value as it is. */
  readonly fits: (value: unknown) => boolean;
  /** What a backend is told about a value that does not fit. */
  readonly remedy: string;
  /** The rule as JSON Schema, for OpenAPI. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** The characters of a uid, as a pattern and in words. */
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
 * The fields of a profile. A new field is one row here: the configuration, the backend endpoints, the profile sync, the
 * import and OpenAPI use this table. The order is that of importance: if a profile is too large, the last fields are
 * left out. Metadata comes from several claims (src/identity/profile.ts).
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

/** The rows of the table, each with its field's name. */
export const fields = Object.entries(FIELDS) as [FieldName, Field][];

/** Makes an object with the same names, whose values `make` returns for each row. */
export const eachField = <T>(make: (row: Field, name: FieldName) => T): Record<FieldName, T> =>
  Object.fromEntries(fields.map(([name, row]) => [name, make(row, name)])) as Record<FieldName, T>;

/** Fields that `PUT /users/{uid}` can remove by `unset`. https://www.cometchat.com/docs/rest-api/users/update */
type UnsettableField = {
  [F in FieldName]: Row<F> extends { readonly required: true } | { readonly empty: unknown } ? never : F;
}[FieldName];
export type Unsettable = UnsettableField | "metadata";

export const unsettableFields = fields.flatMap(([name, { required, empty }]) =>
  required || empty !== undefined ? [] : [name as UnsettableField],
);
export const UNSETTABLE: readonly Unsettable[] = [...unsettableFields, "metadata"];

/** CometChat's regions. https://www.cometchat.com/docs/rest-api/chat-apis */
export const REGIONS = ["us", "eu", "in"] as const;
export type Region = (typeof REGIONS)[number];

/**
 * The form of a uid and of a role's id. CometChat changes capital letters to lower case and refuses other characters.
 */
export const UID_PATTERN = `^${UID_LETTER}{1,${UID_CHARS}}$`;
const UID = new RegExp(UID_PATTERN);
export const isUid = (text: string): boolean => UID.test(text);

/**
 * Makes a name of a claim: at most 100 code points, as MySQL's utf8mb4 counts characters. A longer one is cut, but not
 * inside a grapheme (a character as readers see it). Undefined if there is no text.
 */
export function nameFrom(value: unknown): string | undefined {
  if (!isText(value)) return undefined;
  const name = value
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim();
  if (name.length <= NAME_CHARS) return name === "" ? undefined : name;
  let cut = "";
  let points = 0;
  // Only the first part is segmented, since a claim may be very long.
  for (const { segment } of new Intl.Segmenter().segment(name.slice(0, NAME_READ_CHARS))) {
    points += [...segment].length;
    if (points > NAME_CHARS) break;
    cut += segment;
  }
  return cut.trim() === "" ? [...name].slice(0, NAME_CHARS).join("") : cut.trim();
}

/** Makes an address of a claim, as it is sent to CometChat. Undefined if it is too long or not http or https. */
function addressFrom(value: unknown): string | undefined {
  if (!isText(value) || value.length > URL_CHARS) return undefined;
  const url = URL.parse(value);
  // Other users' clients open this address, so schemes such as javascript: and data: are refused.
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
