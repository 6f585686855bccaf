import type { Profile } from "../cometchat/cometchat.ts";
import { nameFrom, textFields, unsettableTexts } from "../cometchat/fields.ts";
import { base64url, sha256 } from "../encoding.ts";
import { METADATA_CHARS, PROFILE_BYTES, TAG_CHARS, TAGS } from "../limits.ts";
import { claim } from "../session/claims.ts";
import type { Issuer } from "../session/issuer.ts";

type Claims = Readonly<Record<string, unknown>>;

export interface MappedProfile {
  /** Only what the claims hold and CometChat takes; what does not fit is left out, and the sign-in goes on. */
  readonly profile: Profile;
  /** Names of the mapped fields that the claims held but CometChat would have refused: for the log. */
  readonly dropped: readonly string[];
}

/** The claims as a CometChat profile, within CometChat's limits (docs, articles/properties-and-constraints). */
export function profileOf(issuer: Pick<Issuer, "profile" | "roles">, claims: Claims): MappedProfile {
  const { profile: paths, roles } = issuer;
  const profile: { -readonly [K in keyof Profile]: Profile[K] } = {};
  const dropped: string[] = [];
  const map = <T>(field: string, path: string | undefined, read: (value: unknown) => T | undefined): T | undefined => {
    const value = path === undefined ? undefined : claim(claims, path);
    if (value === undefined || value === null || value === "") return undefined;
    const taken = read(value);
    if (taken === undefined) dropped.push(field);
    return taken;
  };

  for (const [field, { from }] of textFields) {
    const value = map(field, paths[field], from);
    if (value !== undefined) profile[field] = value;
  }
  // The claim's value is never a role by itself: only the operator's table grants one.
  const granted = paths.role === undefined ? [] : texts(claim(claims, paths.role));
  const role = granted.map((value) => roles.get(value)).find(Boolean);
  if (role !== undefined) profile.role = role;
  const tags = map("tags", paths.tags, tagsFrom);
  if (tags !== undefined) profile.tags = tags;

  const metadata: Record<string, unknown> = {};
  let size = 2;
  for (const [key, path] of paths.metadata) {
    const value = map(`metadata.${key}`, path, scalarFrom);
    if (value === undefined) continue;
    const cost = JSON.stringify(key).length + JSON.stringify(value).length + 2;
    if (size + cost > METADATA_CHARS) {
      dropped.push(`metadata.${key}`);
      continue;
    }
    size += cost;
    metadata[key] = value;
  }
  if (Object.keys(metadata).length > 0) profile.metadata = metadata;

  // Each field within its limit, and together still more than CometChat takes: the least telling go first.
  for (const field of ["metadata", "tags", ...unsettableTexts.toReversed()] as const) {
    if (profile[field] === undefined || bytesOf(profile) <= PROFILE_BYTES) continue;
    delete profile[field];
    dropped.push(field);
  }
  return { profile, dropped };
}

/**
 * A name for a user whose claims hold none: CometChat demands one.
 * A subject that is its own uid is what people typed to sign up; a hash is shown to nobody.
 */
export function fallbackName(claims: Claims, uid: string): string {
  for (const key of ["preferred_username", "nickname", "given_name"]) {
    const name = nameFrom(claim(claims, key));
    if (name !== undefined) return name;
  }
  const hash = /(?:^|[_-])x-([a-z2-7]{52})$/.exec(uid)?.[1] ?? /^x-([a-z2-7]{52})$/.exec(uid)?.[1];
  return hash === undefined ? uid : `User ${hash.slice(0, 6)}`;
}

/**
 * A digest of the mapped profile, to see whether the claims have changed: the order of keys does not matter. It ends in
 * `!` where CometChat has all of it but the role, which it did not know.
 */
export async function profileHash(profile: Profile, knows?: (role: string) => boolean): Promise<string> {
  const metadata = Object.entries(profile.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const { role, tags } = profile;
  const texts = textFields.map(([field]) => profile[field]);
  const digest = base64url(await sha256(JSON.stringify([...texts, role, tags, metadata])));
  return role !== undefined && knows?.(role) === false ? `${digest}!` : digest;
}

function tagsFrom(value: unknown): readonly string[] | undefined {
  const tags = texts(value)
    .map((tag) => tag.toWellFormed().trim())
    .filter((tag) => tag !== "" && [...tag].length <= TAG_CHARS);
  return tags.length > 0 ? [...new Set(tags)].slice(0, TAGS) : undefined;
}

/** Scalars, and flat lists of them: claims are never serialised as they came (a deep one would overflow the stack). */
function scalarFrom(value: unknown): unknown {
  if (Array.isArray(value)) return value.every(isScalar) ? value : undefined;
  return isScalar(value) ? value : undefined;
}

const isScalar = (value: unknown): boolean =>
  typeof value === "string" ? value.length <= METADATA_CHARS : typeof value === "boolean" || Number.isFinite(value);

/** What CometChat is sent of a profile; see PROFILE_BYTES. */
export const bytesOf = (profile: Profile): number => new TextEncoder().encode(JSON.stringify(profile)).length;

const texts = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter((each) => typeof each === "string");
