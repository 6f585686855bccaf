import type { Provider } from "./providers.ts";
import type { Table } from "./toml.ts";

/** What was answered about an identity provider. */
export interface Told {
  readonly issuer: string;
  readonly audience?: readonly string[] | undefined;
  readonly parties?: readonly string[] | undefined;
  readonly jwksUrl?: string | undefined;
  readonly publicKey?: string | undefined;
  /** The sessions are signed with the secret that the provider's entry names. */
  readonly shared?: boolean;
}

/** The entry in SESSION_ISSUERS; no key for what was not told. */
export function entryOf(provider: Provider, told: Told): Table {
  const { issuer, audience, parties, jwksUrl, publicKey, shared } = told;
  return {
    ...(provider.isPreset && { preset: provider.name }),
    issuer,
    ...(audience && { audience: [...audience] }),
    ...(parties && { authorizedParties: [...parties] }),
    ...(jwksUrl !== undefined && { jwksUrl }),
    ...(publicKey !== undefined && { publicKey }),
    ...(shared && namesSecret(provider) && { secret: provider.secret?.name }),
  };
}

/** The secret with its HMAC key, where it has one. Auth.js' presets name it themselves. */
export const secretOf = (provider: Provider, shared: boolean): string | undefined =>
  shared ? provider.secret?.name : undefined;

/** The origins that can be an authorized party: `azp` is compared to the letter, so a wildcard would match none. */
export const partiesOf = (origins: readonly string[]): readonly string[] =>
  origins.filter((origin) => !origin.includes("*"));

/** Whether sessions are always signed with a shared secret. */
export const isShared = ({ secret }: Provider): boolean => secret !== undefined && secret.optional === undefined;

const namesSecret = (provider: Provider) => !provider.isPreset || !isShared(provider);

/** Whether an entry of the file is one of this provider's. */
export const isOf = ({ isPreset, name }: Provider, { preset }: Table): boolean =>
  isPreset ? preset === name : preset === undefined;
