/** A text that has this many characters of a secret in a row is a leak. Fewer can be in a text by chance. */
const LEAK_LENGTH = 16;

/** Of a longer secret only this many characters are looked for, because some tests present megabytes. */
const MAX_SECRET = 8192;

/** The texts that contain 16 characters in a row of any of the secrets. */
export function findLeaks(texts: Iterable<string>, secrets: Iterable<string>): string[] {
  const pieces = new Set<string>();
  for (const secret of secrets) {
    for (let from = 0; from + LEAK_LENGTH <= Math.min(secret.length, MAX_SECRET); from += 1) {
      pieces.add(secret.slice(from, from + LEAK_LENGTH));
    }
  }
  return [...texts].filter((text) => {
    for (let from = 0; from + LEAK_LENGTH <= text.length; from += 1) {
      if (pieces.has(text.slice(from, from + LEAK_LENGTH))) return true;
    }
    return false;
  });
}

const secrets = new Set<string>();
const texts = new Set<string>();

/**
 * Collects what the gateway writes during a test (log lines, the console, answers), and every session, auth token, key
 * and secret of that test. After each test, `test/support/setup.ts` fails it if a text contains a secret.
 */
export const leaks = {
  /** Adds a credential as a caller presents it, a key, or a secret. */
  addSecret(secret: string): void {
    // Each segment of a session is a secret by itself.
    for (const part of secret.slice(0, MAX_SECRET).split(".")) if (part.length >= LEAK_LENGTH) secrets.add(part);
  },
  /** Adds an auth token. It begins with the user's uid, which is no secret. */
  addToken(authToken: string): void {
    leaks.addSecret(authToken.slice(authToken.lastIndexOf("_") + 1));
  },
  /** Adds every credential of a request: in its address, its headers, its cookies, and a body that is text. */
  addRequest(url: string, headers: Headers, body: unknown): void {
    for (const value of new URL(url).searchParams.values()) leaks.addSecret(value);
    for (const credential of (headers.get("Authorization") ?? "").split(/[\s,]+/)) leaks.addSecret(credential);
    for (const cookie of (headers.get("Cookie") ?? "").split(/[=;\s]+/)) leaks.addSecret(cookie);
    if (typeof body !== "string" || body.length > MAX_SECRET) return;
    for (const [, authToken] of body.matchAll(/"authToken":\s*"([\w-]+)"/g)) leaks.addToken(authToken ?? "");
    for (const [, session] of body.matchAll(/logout_token=([\w.-]+)/g)) leaks.addSecret(session ?? "");
  },
  /** Adds every text setting of a deployment. A setting may have several secrets, separated by commas. */
  addSettings(env: object): void {
    for (const value of Object.values(env)) if (typeof value === "string") value.split(",").forEach(leaks.addSecret);
  },
  /** Adds a text that the gateway wrote. */
  addText(text: string): void {
    texts.add(text);
  },
  addLines(lines: Iterable<string>): void {
    for (const line of lines) leaks.addText(line);
  },
  /** Adds an answer of the gateway. The auth token is left out where the caller asked for one. */
  async addAnswer(request: Request, response: Response): Promise<void> {
    const text = await response.text();
    const path = new URL(request.url).pathname;
    const asksForToken = request.method === "POST" && /^\/v1\/(token|users)$/.test(path) && response.ok;
    const written = asksForToken ? text.replace(/"authToken":"[^"]+"/, "") : text;
    leaks.addText(`${request.method} ${path} ${JSON.stringify([...response.headers])} ${written}`);
  },
  /** Returns the texts since the last call that contain a secret, and forgets all texts and secrets. */
  found(): string[] {
    const found = findLeaks(texts, secrets);
    secrets.clear();
    texts.clear();
    return found;
  },
};
