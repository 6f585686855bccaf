import type { Profile } from "../cometchat/cometchat.ts";
import { fields, nameFrom } from "../cometchat/fields.ts";
import { base64url, sha256 } from "../encoding.ts";
import { METADATA_CHARS, PROFILE_BYTES } from "../limits.ts";
import { claim } from "../session/claims.ts";
import type { Issuer } from "../session/issuer.ts";

type Claims = Readonly<Record<string, unknown>>;

export interface MappedProfile {
  /** Only what the claims hold and CometChat takes; what does not fit is left out, and the sign-in goes on. */
  readonly profile: Profile;
  /** Names of the mapped fields that the claims held but CometChat would have refused: for the log. */
  readonly dropped: readonly string[];
}

type Writable = { -readonly [K in keyof Profile]: Profile[K] };

const LEAST_TELLING_FIRST = [
  "metadata" as const,
  ...fields.flatMap(([field, { required, granted }]) => (required || granted ? [] : [field])).toReversed(),
];

/** The claims as a CometChat profile, within CometChat's limits (docs, articles/properties-and-constraints). */
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

  // Each field within its limit, and together still more than CometChat takes: the least telling go first.
  for (const field of LEAST_TELLING_FIRST) {
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
  const { role } = profile;
  const values = fields.map(([field]) => profile[field]);
  const digest = base64url(await sha256(JSON.stringify([...values, metadata])));
  return role !== undefined && knows?.(role) === false ? `${digest}!` : digest;
}

/** Scalars, and flat lists of them: claims are never serialised as they came (a deep one would overflow the stack). */
function scalarFrom(value: unknown): unknown {
  if (Array.isArray(value)) return value.every(isScalar) ? value : undefined;
  return isScalar(value) ? value : undefined;
}

/** What a provider writes for a user that has no such claim. */
const isNothing = (value: unknown): boolean => value === undefined || value === null || value === "";

const isScalar = (value: unknown): boolean =>
  typeof value === "string" ? value.length <= METADATA_CHARS : typeof value === "boolean" || Number.isFinite(value);

/** What CometChat is sent of a profile; see PROFILE_BYTES. */
export const bytesOf = (profile: Profile): number => new TextEncoder().encode(JSON.stringify(profile)).length;
