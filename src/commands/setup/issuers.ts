import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../shape.ts";
import { isExampleIssuer } from "../examples.ts";
import type { Deployment } from "./deployment.ts";
import { entryOf, isOf } from "./entry.ts";
import { type Provider, providers } from "./providers.ts";
import { at, type Path, read, type Table } from "./toml.ts";

/** An entry of SESSION_ISSUERS and its index. */
export interface Indexed {
  readonly index: number;
  readonly entry: Table;
}

/** The entries of SESSION_ISSUERS without the example, which the first issuer replaces. */
export const presentIssuers = ({ vars }: Pick<Deployment, "vars">): readonly Indexed[] =>
  entriesOf(vars.SESSION_ISSUERS).filter(({ entry }) => !isExampleIssuer(entry));

/** The index at which a new issuer is written: the example's, or the one after the last entry. */
export function newIndex({ vars }: Deployment): number {
  const entries = entriesOf(vars.SESSION_ISSUERS);
  const example = entries.find(({ entry }) => isExampleIssuer(entry));
  return example?.index ?? entries.length;
}

/** The entry of an issuer, named as it is in the file or as the provider's dashboard names it. */
export function findIssuer(deployment: Deployment, text: string, provider?: Provider): Indexed | undefined {
  const isNamed = ({ entry }: Indexed) => {
    const { issuer } = provider ?? providers.find((one) => isOf(one, entry)) ?? {};
    return entry.issuer === text || (issuer !== undefined && entry.issuer === issuer.from(text));
  };
  return presentIssuers(deployment).find(isNamed);
}

/** The names of the secrets that the entries at other indexes use. A new entry must not overwrite them. */
export function otherSecrets(deployment: Deployment, index: number): ReadonlySet<string> {
  const others = presentIssuers(deployment).filter((one) => one.index !== index);
  const names = others.map(({ entry }) => entry.secret ?? providers.find((one) => isOf(one, entry))?.secret?.name);
  return new Set(names.filter((name) => typeof name === "string"));
}

/** The entries at other indexes whose authorized parties are the web origins, with the new origins. */
export function followers(deployment: Deployment, now: readonly string[] | undefined, index?: number): Indexed[] {
  const { ALLOWED_ORIGINS: before } = deployment.vars;
  if (now === undefined) return [];
  return presentIssuers(deployment).flatMap(({ index: other, entry }) => {
    const provider = providers.find((one) => isOf(one, entry));
    if (other === index || provider?.parties !== "origins" || typeof entry.issuer !== "string") return [];
    const origins = { now, before: Array.isArray(before) ? before : [] };
    return [{ index: other, entry: entryOf(provider, { issuer: entry.issuer, origins }, entry) }];
  });
}

/** Sentences about what a change takes away: an issuer whose sessions end, or uids that are no longer the same. */
export function losses(deployment: Deployment, toml: string): string[] {
  const path: Path = [...deployment.level, "vars", "SESSION_ISSUERS"];
  const after = entriesOf(at(read(toml), path)).map(({ entry }) => entry);
  return presentIssuers(deployment).flatMap(({ entry }) => {
    const now = after.find(({ issuer }) => issuer === entry.issuer);
    if (!now) return [`${entry.issuer} is removed: the gateway will refuse its sessions.`];
    const [old, fresh] = [uidOf(entry), uidOf(now)];
    if (isDeepStrictEqual(old, fresh)) return [];
    const who = old.prefix === fresh.prefix ? "whose subject is hashed" : "that exist";
    return [`Users of ${entry.issuer} ${who} get new uids, and a new uid is a new CometChat user.`];
  });
}

function uidOf({ uid }: Table): { readonly prefix: unknown; readonly shared: unknown } {
  const { prefix = "", shared = false } = isObject(uid) ? uid : {};
  return { prefix, shared };
}

const entriesOf = (value: unknown): readonly Indexed[] =>
  (Array.isArray(value) ? value : []).map((entry: unknown, index) => ({ index, entry: isObject(entry) ? entry : {} }));
