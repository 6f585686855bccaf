import type { RawEnv } from "../config/report.ts";
import { isObject } from "../shape.ts";

/** The examples of wrangler.toml, which the operator replaces. */
export const EXAMPLE_APP = "your-app-id";
export const EXAMPLE_ORIGIN = "https://app.example.com";
const EXAMPLE_ISSUER = "https://auth.example.com";

export const isExampleApp = (app: unknown): boolean => isObject(app) && app.appId === EXAMPLE_APP;
export const isExampleIssuer = (entry: unknown): boolean => isObject(entry) && entry.issuer === EXAMPLE_ISSUER;

/** What the pages in docs/providers have where an operator's own names belong. */
const PLACEHOLDERS = [
  ...[/\byour-(tenant|project-id|client-id|app-client-id|org|realm)\b/, /\bclient_01EXAMPLE\b/],
  ...[/\beu-west-1_abcdefghi\b/, /\bfa15d692-e9c7-4460-a743-29f29522229c\b/, /^https:\/\/project\.supabase\.co\b/],
];
/** Presets whose sessions are signed with a shared secret. */
const SHARED = new Set(["authjs", "nextauth"]);
/** Domains that are nobody's (RFC 2606 §3). */
const NOBODYS = /^https?:\/\/([\w-]+\.)*example\.(com|net|org)(?![\w.-])/;

/** The settings of one issuer that are still an example. Where its keys are fetched from nobody's domain, that check tells. */
export function examplesIn(
  entry: Readonly<Record<string, unknown>>,
): readonly (readonly [key: string, text: string])[] {
  const isFetched = entry.secret === undefined && entry.publicKey === undefined && !SHARED.has(String(entry.preset));
  const keys = ["issuer", "audience", "authorizedParties", "jwksUrl"] as const;
  return keys.flatMap((key) => {
    const texts = [entry[key]].flat().filter((text) => typeof text === "string");
    const found = texts.find(
      (text) => PLACEHOLDERS.some((one) => one.test(text)) || (key === "issuer" && !isFetched && NOBODYS.test(text)),
    );
    return found === undefined ? [] : [[key, found] as const];
  });
}

/** The entries of SESSION_ISSUERS, as they were written. */
export function entriesIn(env: RawEnv): readonly unknown[] {
  const { SESSION_ISSUERS: value } = env;
  try {
    const entries: unknown = typeof value === "string" ? JSON.parse(value) : value;
    return Array.isArray(entries) ? entries : [];
  } catch {
    return [];
  }
}
