import { NAME_CHARS, UID_CHARS, URL_CHARS } from "../limits.ts";
import { isTextOf } from "../shape.ts";

/** One field of a profile that is a text, with all that the gateway needs to know of it. */
interface TextField {
  /** The claim that fills it where the configuration names none (OpenID Connect Core §5.1). */
  readonly claim?: string;
  /** CometChat demands it: there is always one, and it cannot be taken away. */
  readonly required?: true;
  /** What of a claim's value CometChat takes; undefined: nothing. */
  readonly from: (value: unknown) => string | undefined;
  /** Whether it takes a backend's value as it is, and what a backend is told where it does not. */
  readonly fits: (value: unknown) => boolean;
  readonly remedy: string;
  /** The same in JSON Schema, for OpenAPI. */
  readonly schema: Readonly<Record<string, unknown>>;
}

const address = {
  from: addressFrom,
  fits: (value: unknown) => typeof value === "string" && !/\s/.test(value) && addressFrom(value) !== undefined,
  remedy: `must be an http or https address of at most ${URL_CHARS} characters`,
  schema: { $ref: "#/components/schemas/Address" },
} as const;

/**
 * The text fields of a profile; a new one is a row here, and the configuration, the backend endpoints, the profile sync
 * and OpenAPI have it. Role, tags and metadata have rules of their own (identity/profile.ts). The most telling come
 * first: from a profile that is too large the last ones are left out.
 * https://www.cometchat.com/docs/articles/properties-and-constraints
 */
const TEXT_FIELDS = {
  name: {
    claim: "name",
    required: true,
    from: nameFrom,
    fits: (value) => isTextOf(value, NAME_CHARS),
    remedy: `must be text of 1 to ${NAME_CHARS} characters`,
    schema: { type: "string", minLength: 1, maxLength: NAME_CHARS },
  },
  avatar: { claim: "picture", ...address },
  link: address,
} as const satisfies Record<string, TextField>;

export type TextFieldName = keyof typeof TEXT_FIELDS;

/** The rows by their names. */
export const textFields = Object.entries(TEXT_FIELDS) as [TextFieldName, TextField][];

/** A table with the same names, of what `make` says of each row. */
export const eachTextField = <T>(make: (row: TextField, name: TextFieldName) => T): Record<TextFieldName, T> =>
  Object.fromEntries(textFields.map(([name, row]) => [name, make(row, name)])) as Record<TextFieldName, T>;

/** Fields that `PUT /users/{uid}` takes away where `unset` names them. https://www.cometchat.com/docs/rest-api/users/update */
export type Unsettable = Exclude<TextFieldName, "name"> | "metadata";

export const unsettableTexts = textFields.flatMap(([name, { required }]) =>
  required ? [] : [name as Exclude<Unsettable, "metadata">],
);
export const UNSETTABLE: readonly Unsettable[] = [...unsettableTexts, "metadata"];

/** Regions of CometChat's. https://www.cometchat.com/docs/rest-api/chat-apis */
export const REGIONS = ["us", "eu", "in"] as const;
export type Region = (typeof REGIONS)[number];

/** What CometChat stores as a uid, or as a role's id, as it is: it lower-cases everything else, and refuses the rest. */
export const UID_PATTERN = `^[a-z0-9_-]{1,${UID_CHARS}}$`;
const UID = new RegExp(UID_PATTERN);
export const isUid = (text: string): boolean => UID.test(text);

/** At most 100 characters as MySQL's utf8mb4 counts them (code points), never cut inside what a reader sees as one. */
export function nameFrom(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
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
  if (typeof value !== "string" || value.length > URL_CHARS) return undefined;
  const url = URL.parse(value);
  // javascript: and data: addresses would run or hide in somebody else's client
  return url && (url.protocol === "https:" || url.protocol === "http:") && url.href.length <= URL_CHARS
    ? url.href
    : undefined;
}
