/** A substring this long of something secret is a leak; shorter ones are found in anything. */
const WINDOW = 16;

/** Of a longer one the beginning is looked for: some tests present megabytes. */
const LOOKED_FOR = 8192;

/** Everything that was said and holds 16 characters in a row of a secret. */
export function leaks(said: Iterable<string>, secrets: Iterable<string>): string[] {
  const windows = new Set<string>();
  for (const secret of secrets) {
    for (let from = 0; from + WINDOW <= Math.min(secret.length, LOOKED_FOR); from += 1) {
      windows.add(secret.slice(from, from + WINDOW));
    }
  }
  return [...said].filter((text) => {
    for (let from = 0; from + WINDOW <= text.length; from += 1) {
      if (windows.has(text.slice(from, from + WINDOW))) return true;
    }
    return false;
  });
}

const secrets = new Set<string>();
const said = new Set<string>();

/**
 * Hears what the gateway says in a test (log lines, the console, answers) and knows what it must not say: every session,
 * auth token, key and secret of that test. `test/support/setup.ts` compares the two after each test of the suite.
 */
export const witness = {
  /** A credential as it was presented, a key, or a secret. */
  keep(secret: string): void {
    // Each segment of a session by itself, since none of them may be told.
    for (const part of secret.slice(0, LOOKED_FOR).split(".")) if (part.length >= WINDOW) secrets.add(part);
  },
  /** An auth token: the user's uid in front of it is no secret. */
  keepToken(authToken: string): void {
    witness.keep(authToken.slice(authToken.lastIndexOf("_") + 1));
  },
  /** Whatever a request presents: headers, cookies, address, and a body that is text. */
  keepPresented(url: string, headers: Headers, body: unknown): void {
    for (const value of new URL(url).searchParams.values()) witness.keep(value);
    for (const credential of (headers.get("Authorization") ?? "").split(/[\s,]+/)) witness.keep(credential);
    for (const cookie of (headers.get("Cookie") ?? "").split(/[=;\s]+/)) witness.keep(cookie);
    if (typeof body !== "string" || body.length > LOOKED_FOR) return;
    for (const [, authToken] of body.matchAll(/"authToken":\s*"([\w-]+)"/g)) witness.keepToken(authToken ?? "");
    for (const [, session] of body.matchAll(/logout_token=([\w.-]+)/g)) witness.keep(session ?? "");
  },
  /** Every secret of a deployment; several in one are comma-separated. */
  keepAll(env: object): void {
    for (const value of Object.values(env)) if (typeof value === "string") value.split(",").forEach(witness.keep);
  },
  hear(text: string): void {
    said.add(text);
  },
  hearAll(lines: Iterable<string>): void {
    for (const line of lines) witness.hear(line);
  },
  /** An answer, but for the auth token where that is what was asked for. */
  async hearAnswer(request: Request, response: Response): Promise<void> {
    const text = await response.text();
    const path = new URL(request.url).pathname;
    const asked = request.method === "POST" && /^\/v1\/(token|users)$/.test(path) && response.ok;
    const told = asked ? text.replace(/"authToken":"[^"]+"/, "") : text;
    witness.hear(`${request.method} ${path} ${JSON.stringify([...response.headers])} ${told}`);
  },
  /** What leaked since it was last asked. */
  leaks(): string[] {
    const found = leaks(said, secrets);
    secrets.clear();
    said.clear();
    return found;
  },
};
