/** An operator's entry in SESSION_ISSUERS, as it was written. */
export type RawIssuer = { readonly issuer: string } & Readonly<Record<string, unknown>>;

/** What is known of a provider: defaults for an entry, which the operator's own keys override. */
export const presets: Readonly<Record<string, (entry: RawIssuer) => Readonly<Record<string, unknown>>>> = {};
