import { isDeepStrictEqual } from "node:util";
import type { Provider } from "./providers.ts";
import type { Table } from "./toml.ts";

/** The keys of an entry that setup sets. Any other one of the operator's stays. */
export const ENTRY_KEYS = [
  "preset",
  "issuer",
  "audience",
  "authorizedParties",
  "jwksUrl",
  "secret",
  "publicKey",
] as const;

/** What was answered about an identity provider; what was not stays as it is in the entry of the same issuer. */
export interface Told {
  readonly issuer: string;
  readonly audience?: readonly string[] | undefined;
  readonly parties?: readonly string[] | undefined;
  /** Which of the two it is to be, and not the other. */
  readonly only?: string | undefined;
  /** The web origins as they are to be, and as they were. */
  readonly origins?: { readonly now: readonly string[]; readonly before: readonly string[] } | undefined;
  readonly jwksUrl?: string | undefined;
  readonly publicKey?: string | undefined;
  /** Whether the sessions are signed with a shared secret. */
  readonly shared?: boolean | undefined;
}

/** The entry in SESSION_ISSUERS; undefined for a key that it is not to have. */
export function entryOf(provider: Provider, told: Told, current: Table | undefined): Table {
  const isSame = current !== undefined && current.issuer === told.issuer && isOf(provider, current);
  // What is known of the same provider stays; another one begins anew.
  const kept: Table = isSame ? Object.fromEntries(ENTRY_KEYS.map((key) => [key, current[key]])) : {};
  return {
    ...kept,
    ...(provider.isPreset && { preset: provider.name }),
    issuer: told.issuer,
    audience: told.only === "parties" ? undefined : (told.audience ?? kept.audience),
    authorizedParties: told.only === "audience" ? undefined : (told.parties ?? partiesFrom(provider, told, kept)),
    jwksUrl: told.jwksUrl ?? kept.jwksUrl,
    publicKey: told.publicKey ?? kept.publicKey,
    secret: told.shared === false ? undefined : (kept.secret ?? (told.shared ? writtenSecret(provider) : undefined)),
  };
}

/** Where a provider's parties are the web origins they follow these, unless the operator has written others. */
function partiesFrom(provider: Provider, { origins }: Told, kept: Table): unknown {
  if (provider.parties !== "origins" || origins === undefined) return kept.authorizedParties;
  const isOwn =
    kept.authorizedParties !== undefined && !isDeepStrictEqual(kept.authorizedParties, exact(origins.before));
  return isOwn ? kept.authorizedParties : exact(origins.now);
}

/** The origins that can be an authorized party: `azp` is compared to the letter, so a wildcard would match none. */
const exact = (origins: readonly string[]): readonly string[] => origins.filter((origin) => !origin.includes("*"));

/** The name of the secret with an entry's HMAC key; undefined where it has none. */
export const secretOf = (provider: Provider, entry: Table): string | undefined =>
  typeof entry.secret === "string" ? entry.secret : isShared(provider) ? provider.secret?.name : undefined;

/** Whether sessions are always signed with a shared secret. */
export const isShared = ({ secret }: Provider): boolean => secret !== undefined && secret.optional === undefined;

/** Auth.js' presets name theirs by themselves. */
const writtenSecret = (provider: Provider) =>
  provider.isPreset && isShared(provider) ? undefined : provider.secret?.name;

/** Whether an entry of the file is one of this provider's: by its preset, or by where its key comes from. */
export function isOf(provider: Provider, entry: Table): boolean {
  if (provider.isPreset) return entry.preset === provider.name;
  if (entry.preset !== undefined) return false;
  if (provider.secret) return entry.secret !== undefined;
  if (provider.publicKey) return entry.publicKey !== undefined;
  return entry.secret === undefined && entry.publicKey === undefined;
}
