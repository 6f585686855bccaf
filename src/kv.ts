import { digestOf } from "./encoding.ts";

/**
 * The keys in the KV namespace `USERS`. Each begins with the version of its value's form. The values are described in
 * docs/architecture.md › Stored data.
 */

/** The digest by which a session is stored. It includes the issuer, since two issuers may use the same id. */
export const sessionDigest = (issuer: string, id: string): Promise<string> => digestOf(`${issuer}\n${id}`);

/** A user's mapping. */
export const mappingKey = (uid: string): string => `v1:u:${uid}`;

/** The key of a session's uid, by the provider's name of the session, for a logout that names only the session. */
export const sessionKey = async (issuer: string, name: string): Promise<string> =>
  `v1:s:${await sessionDigest(issuer, name)}`;

/** The key of the last valid copy of a provider's document. */
export const documentKey = async (address: string): Promise<string> => `v1:k:${await digestOf(address)}`;

/** A key that is never written. /readyz reads it to see whether KV answers. */
export const READY_KEY = "v1:ready";
