import { fields } from "../../cometchat/fields.ts";
import type { Profile } from "../../cometchat/types.ts";
import type { Mapping } from "../../directory/directory.ts";
import { profileHash } from "../../identity/profile.ts";
import { mappingKey } from "../../kv.ts";
import type { Issuer } from "../../session/issuer.ts";
import type { User } from "./user.ts";

/**
 * Makes one entry for `wrangler kv bulk put`: the mapping that the gateway itself writes for a user who was created
 * without a session (src/profile/provisioned.ts). With it, the user's first sign-in mints a token at once.
 * @param known whether CometChat's profile of the user is that of the input
 * @param now milliseconds since 1970
 */
export async function mappingOf(
  { uid, app, profile }: User,
  issuer: Issuer,
  known: boolean,
  now: number,
): Promise<{ readonly key: string; readonly value: string }> {
  const digest = known ? await profileHash(claimed(profile, issuer)) : "";
  const mapping: Mapping = { app, profile: digest, createdAt: now, syncedAt: 0 };
  return { key: mappingKey(uid), value: JSON.stringify(mapping) };
}

/**
 * The part of the profile that a session's claims can contain. The digest must be of this part only, or the profile
 * would seem changed at the first sign-in.
 */
function claimed(profile: Profile, { profile: paths }: Issuer): Profile {
  const mapped = Object.entries(profile.metadata ?? {}).filter(([key]) => paths.metadata.has(key));
  const named = fields.filter(([field]) => profile[field] !== undefined && paths[field] !== undefined);
  return {
    ...Object.fromEntries(named.map(([field]) => [field, profile[field]])),
    ...(mapped.length > 0 && { metadata: Object.fromEntries(mapped) }),
  };
}
