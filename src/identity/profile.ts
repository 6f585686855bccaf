import type { Profile } from "../cometchat/cometchat.ts";
import { fields, nameFrom } from "../cometchat/fields.ts";
import { base64url, sha256 } from "../encoding.ts";
import { METADATA_CHARS, NAME_HASH_CHARS, PROFILE_BYTES } from "../limits.ts";
import { claim } from "../session/claims.ts";
import type { Issuer } from "../session/issuer.ts";

type Claims = Readonly<Record<string, unknown>>;

export interface MappedProfile {
  /** The fields that the claims have and CometChat accepts. Other values are left out and do not fail the sign-in. */
  readonly profile: Profile;
  /** The names of mapped fields that were left out, since CometChat would have refused their values. For the log. */
  readonly dropped: readonly string[];
}

type Writable = { -readonly [K in keyof Profile]: Profile[K] };

const LEAST_TELLING_FIRST = [
  "metadata" as const,
  ...fields.flatMap(([field, { required, granted }]) => (required || granted ? [] : [field])).toReversed(),
];

/**
 * Makes a CometChat profile of the claims, within CometChat's limits.
 * https://www.cometchat.com/docs/articles/properties-and-constraints
 */
export function profileOf(issuer: Pick<Issuer, "profile" | "roles">, claims: Claims): MappedProfile {
  const { profile: paths, roles } = issuer;
  const profile: Writable = {};
  const dropped: string[] = [];

  for (const [field, { from, granted }] of fields) {
    const path = paths[field];
    const value = path === undefined ? undefined : claim(claims, path);
    if (isNothing(value) && !granted) continue;
    const taken = from(value, roles);
    if (taken !== undefined) Object.assign(profile, { [field]: taken });
    else if (!granted) dropped.push(field);
  }

  const metadata: Record<string, unknown> = {};
  let size = 2;
  for (const [key, path] of paths.metadata) {
    const value = claim(claims, path);
    if (isNothing(value)) continue;
    const taken = scalarFrom(value);
    const cost = JSON.stringify(key).length + (JSON.stringify(taken)?.length ?? 0) + 2;
    if (taken === undefined || size + cost > METADATA_CHARS) {
      dropped.push(`metadata.${key}`);
      continue;
    }
    size += cost;
    metadata[key] = taken;
  }
  if (Object.keys(metadata).length > 0) profile.metadata = metadata;

  // The fields may be too large together although each is within its limit. The least important ones are left out
  // first.
  for (const field of LEAST_TELLING_FIRST) {
    if (profile[field] === undefined || bytesOf(profile) <= PROFILE_BYTES) continue;
    delete profile[field];
    dropped.push(field);
  }
  return { profile, dropped };
}

/**
 * The name of a user whose claims have none, since CometChat requires one: another claim, or the uid. If the uid is a
 * hash, only its first characters are shown.
 */
export function fallbackName(claims: Claims, uid: string): string {
  for (const key of ["preferred_username", "nickname", "given_name"]) {
    const name = nameFrom(claim(claims, key));
    if (name !== undefined) return name;
  }
  const hash = /(?:^|[_-])x-([a-z2-7]{52})$/.exec(uid)?.[1] ?? /^x-([a-z2-7]{52})$/.exec(uid)?.[1];
  return hash === undefined ? uid : `User ${hash.slice(0, NAME_HASH_CHARS)}`;
}

/**
 * The digest of a mapped profile, by which the gateway sees whether the claims have changed. The order of the keys does
 * not matter. The digest ends in `!` if CometChat has the profile without its role, since it did not know the role.
 */
export async function profileHash(profile: Profile, hasRole?: (role: string) => boolean): Promise<string> {
  const metadata = Object.entries(profile.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const { role } = profile;
  const values = fields.map(([field]) => profile[field]);
  const digest = base64url(await sha256(JSON.stringify([...values, metadata])));
  return role !== undefined && hasRole?.(role) === false ? `${digest}!` : digest;
}

/** Accepts scalars and flat lists of scalars. A deeply nested claim could overflow the stack when it is serialised. */
function scalarFrom(value: unknown): unknown {
  if (Array.isArray(value)) return value.every(isScalar) ? value : undefined;
  return isScalar(value) ? value : undefined;
}

/** What a provider writes for a user that has no such claim. */
const isNothing = (value: unknown): boolean => value === undefined || value === null || value === "";

const isScalar = (value: unknown): boolean =>
  typeof value === "string" ? value.length <= METADATA_CHARS : typeof value === "boolean" || Number.isFinite(value);

/** The size of a profile as JSON, in bytes; see PROFILE_BYTES. */
export const bytesOf = (profile: Profile): number => new TextEncoder().encode(JSON.stringify(profile)).length;
