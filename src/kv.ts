import { digestOf } from "./encoding.ts";

/**
 * What is where in the KV namespace `USERS`; every key begins with the version of its form. What each holds:
 * docs/architecture.md › Stored data.
 */

/** How a session's id or name stands in any store: with its issuer, since two of them may use the same. */
export const sessionDigest = (issuer: string, id: string): Promise<string> => digestOf(`${issuer}\n${id}`);

/** A user's mapping. */
export const mappingKey = (uid: string): string => `v1:u:${uid}`;

/** The uid of a session, by what its provider calls it: for a logout that names nothing else. */
export const sessionKey = async (issuer: string, name: string): Promise<string> =>
  `v1:s:${await sessionDigest(issuer, name)}`;

/** The last good copy of a provider's document. */
export const documentKey = async (address: string): Promise<string> => `v1:k:${await digestOf(address)}`;

/** Never written: /readyz reads it, to see that KV answers. */
export const READY_KEY = "v1:ready";
