import { isDeepStrictEqual } from "node:util";
import type { Provider } from "./providers.ts";
import type { Table } from "./toml.ts";

/** The keys of an entry in SESSION_ISSUERS that setup sets. It leaves all other keys as they are. */
export const ENTRY_KEYS = [
  "preset",
  "issuer",
  "audience",
  "authorizedParties",
  "jwksUrl",
  "secret",
  "publicKey",
] as const;

/** The answers about an identity provider. What is left out stays as it is in the present entry of the same issuer. */
export interface IssuerAnswers {
  readonly issuer: string;
  readonly audience?: readonly string[] | undefined;
  readonly parties?: readonly string[] | undefined;
  /** "audience" or "parties": which of the two is set; the other is removed. */
  readonly only?: string | undefined;
  /** The new web origins, and those before. */
  readonly origins?: { readonly now: readonly string[]; readonly before: readonly string[] } | undefined;
  readonly jwksUrl?: string | undefined;
  readonly publicKey?: string | undefined;
  /** Whether the sessions are signed with a shared secret. */
  readonly shared?: boolean | undefined;
  /** Names of secrets that other issuers use. */
  readonly taken?: ReadonlySet<string> | undefined;
}

/** Makes the entry in SESSION_ISSUERS. A key with the value undefined is to be removed. */
export function entryOf(provider: Provider, answers: IssuerAnswers, current: Table | undefined): Table {
  const isSame = current !== undefined && current.issuer === answers.issuer && isOf(provider, current);
  // Settings of the same provider stay. For another provider none of them apply.
  const kept: Table = isSame ? Object.fromEntries(ENTRY_KEYS.map((key) => [key, current[key]])) : {};
  return {
    ...kept,
    ...(provider.isPreset && { preset: provider.name }),
    issuer: answers.issuer,
    audience: answers.only === "parties" ? undefined : (answers.audience ?? kept.audience),
    authorizedParties:
      answers.only === "audience" ? undefined : (answers.parties ?? partiesFrom(provider, answers, kept)),
    jwksUrl: answers.jwksUrl ?? kept.jwksUrl,
    publicKey: answers.publicKey ?? kept.publicKey,
    secret:
      answers.shared === false
        ? undefined
        : (kept.secret ?? (answers.shared ? writtenSecret(provider, answers.taken) : undefined)),
  };
}

/**
 * The parties of a provider that uses the web origins: they change with the origins unless the operator wrote others.
 */
function partiesFrom(provider: Provider, { origins }: IssuerAnswers, kept: Table): unknown {
  if (provider.parties !== "origins" || origins === undefined) return kept.authorizedParties;
  const isCustom =
    kept.authorizedParties !== undefined && !isDeepStrictEqual(kept.authorizedParties, exact(origins.before));
  return isCustom ? kept.authorizedParties : exact(origins.now);
}

/** The origins without wildcards. `azp` is compared letter by letter, so a wildcard would match no session. */
const exact = (origins: readonly string[]): readonly string[] => origins.filter((origin) => !origin.includes("*"));

/** The name of the secret with an entry's HMAC key; undefined if the entry has none. */
export const secretOf = (provider: Provider, entry: Table): string | undefined =>
  typeof entry.secret === "string" ? entry.secret : isShared(provider) ? provider.secret?.name : undefined;

/** Whether the provider always signs sessions with a shared secret. */
export const isShared = ({ secret }: Provider): boolean => secret !== undefined && secret.optional === undefined;

/**
 * The name of the secret to write into the entry, which is none of those taken. Undefined for Auth.js, whose presets
 * name the secret themselves, unless that name is taken.
 */
function writtenSecret(provider: Provider, taken: ReadonlySet<string> = new Set()): string | undefined {
  const { secret } = provider;
  if (secret === undefined) return undefined;
  if (!taken.has(secret.name)) return provider.isPreset && isShared(provider) ? undefined : secret.name;
  let number = 2;
  while (taken.has(`${secret.name}_${number}`)) number += 1;
  return `${secret.name}_${number}`;
}

/** Whether an entry in the file is of this provider, judged by its preset or by where its key comes from. */
export function isOf(provider: Provider, entry: Table): boolean {
  if (provider.isPreset) return entry.preset === provider.name;
  if (entry.preset !== undefined) return false;
  if (provider.secret) return entry.secret !== undefined;
  if (provider.publicKey) return entry.publicKey !== undefined;
  return entry.secret === undefined && entry.publicKey === undefined;
}
