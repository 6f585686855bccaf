import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page, Request } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectLoggedIn, KIT, open, outcome, own, SDK, sandbox, sandboxed, signIn, type Visit } from "./visit.ts";

/** What a user of an app sees in the browser, from the first sign-in to an outage. */

sandboxed({ vars: { TOKENS: { reuse: "session" } } });

/**
 * The user, another one in each test. The gateway limits the sign-ins of one user in a minute, and a test is shorter.
 */
let who = "";
let guests = 0;

beforeEach(() => {
  guests += 1;
  who = `guest-${guests}`;
  sandbox.simulator.reset();
});

afterEach(async () => {
  await outage("none");
});

const outage = (name: string) =>
  fetch(new URL("/idp/_sim/outage", sandbox.sandbox), { method: "PUT", body: JSON.stringify({ outage: name }) });

const signOut = (page: Page, way: "here" | "everywhere" | "at the provider") =>
  page.getByRole("button", { name: `Sign out ${way}` }).click();

const chatOf = (page: Page) => page.locator("section.chat");
const exchanges = (page: Page) => page.locator(".exchanges li").allTextContents();
const mints = () =>
  ["create", "mint"].reduce((sum, call) => sum + sandbox.simulator.journal.calls({ call } as never), 0);
const tokens = () => sandbox.simulator.tokens(who);
const expectTokens = (...expected: unknown[]) => expect.poll(tokens).toEqual(expected);
/** The user comes back to the tab. The page then checks whether its login still works. */
const focus = (page: Page) => page.evaluate(() => window.dispatchEvent(new Event("focus")));

const asksForToken = (request: Request) => request.url().endsWith("/v1/token");
const waiting = (page: Page) => page.locator("section.waiting");

/** The page shows this message with its code, and says that it tries again by itself. */
async function expectWaiting(page: Page, words: string, code: string): Promise<void> {
  await waiting(page).getByText(words).waitFor();
  await waiting(page).getByText(code, { exact: true }).waitFor();
  await waiting(page).getByText("Tries again by itself").waitFor();
}

/** The page signs in by itself. Its clock, which has to be installed, is moved forward over each pause. */
async function expectRecovery(page: Page): Promise<void> {
  const recovered = async () => {
    if (await chatOf(page).isVisible()) return true;
    if (await waiting(page).getByText("Tries again by itself").isVisible()) await page.clock.fastForward(30_000);
    return false;
  };
  await expect.poll(recovered, { interval: 500, timeout: 50_000 }).toBe(true);
  await expectLoggedIn(page, who);
}

// This test comes first: while the gateway has no keys of the provider, it fetches them every 5 seconds, and later only
// every 30.
describe("a sign-in with a key that the provider has not published yet", () => {
  it("is shown as an outage, and succeeds by itself when the key is published", async () => {
    const { page, requests } = await open();
    await outage("unpublished");
    await signIn(page, who);
    await expectWaiting(page, "The identity provider’s keys cannot be fetched right now.", "keys-unavailable");
    await outage("none");
    await chatOf(page).waitFor({ timeout: 50_000 });
    await expectLoggedIn(page, who);
    // The session is the same one that was refused before. Only the gateway's keys have changed.
    const sessions = requests.filter(asksForToken).map((one) => one.headers().authorization);
    expect(sessions.length).toBeGreaterThan(1);
    expect(new Set(sessions).size).toBe(1);
  });
});

describe("the gateway's storage", () => {
  it("has a session's token for the next page load, and no token, session or API key in plain text", async () => {
    const session = await sandbox.provider.issue({ subject: who, sid: `session-of-${who}` });
    const ask = async () => {
      const headers = { authorization: `Bearer ${session}` };
      const answer = await fetch(new URL("/v1/token", sandbox.gateway), { method: "POST", headers });
      return { status: answer.status, authToken: ((await answer.json()) as { authToken: string }).authToken };
    };
    const { authToken } = await ask();
    // The gateway writes to storage after the answer.
    const within = { interval: 500 };
    await expect.poll(ask, within).toEqual({ status: 200, authToken });
    const count = async (find: (files: Files) => string[]) => find(await contents(sandbox.state)).length;
    await expect.poll(() => count((files) => names(files, `v1:u:${who}`)), within).toBeGreaterThan(0);
    await expect.poll(() => count((files) => ledgers(files)), within).toBeGreaterThan(0);
    const files = await contents(sandbox.state);
    for (const secret of [authToken, authToken.slice(-16), sandbox.secrets.COMETCHAT_API_KEY, session]) {
      expect(names(files, secret)).toEqual([]);
    }
  });

  type Files = Map<string, Buffer>;

  /** All files in the folder, with the write-ahead logs. */
  async function contents(directory: string): Promise<Files> {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(path)] as const)));
  }

  const names = (files: Files, text: string) =>
    [...files].filter(([, bytes]) => bytes.includes(text)).map(([path]) => path);
  /** The files of Durable Objects that have a row of this session. */
  const ledgers = (files: Files) => {
    const digest = createHash("sha256").update(`${sandbox.provider.issuer}\nsession-of-${who}`).digest("base64url");
    return names(files, digest).filter((path) => /\/do\/.*Ledger/.test(path));
  };
});

describe("a page that is reloaded", () => {
  it.each([
    ["UI Kit", KIT],
    ["SDK alone", SDK],
  ])("shows its conversations again, with the token that its session already has: %s", async (_, path) => {
    const { page, errors } = await open(path);
    await signIn(page, who);
    await page.getByText("Grace Okafor").first().waitFor();
    const [token] = tokens();
    const made = mints();
    await page.reload();
    await page.getByText("Grace Okafor").first().waitFor();
    await expect.poll(() => exchanges(page)).toEqual([expect.stringContaining("200 OKthis session’s own token")]);
    expect(tokens()).toEqual([token]);
    expect(mints()).toBe(made);
    expect(errors).toEqual([]);
  });

  it("keeps the login when the user switches between the UI Kit and the SDK", async () => {
    const { page } = await open(KIT);
    await signIn(page, who);
    await page.getByRole("link", { name: "SDK alone" }).click();
    await page.getByRole("button", { name: "fetchNext" }).waitFor();
    await page.getByText("Grace Okafor").first().waitFor();
    expect(tokens()).toHaveLength(1);
  });
});

describe("a second device", () => {
  /** A user on two devices. Returns the page that is to sign out, the other page, and the other page's token. */
  async function twoDevices() {
    const other = await open();
    await signIn(other.page, who);
    const [theirs] = tokens();
    const here = await open();
    await signIn(here.page, who);
    expect(tokens()).toHaveLength(2);
    return { ...here, other: other.page, theirs };
  }

  async function expectSignedOut({ page, errors }: Visit): Promise<void> {
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await expect.poll(() => page.getByRole("button", { name: "Sign out" }).count()).toBe(0);
    await expectLoggedIn(page, null);
    expect(own(errors)).toEqual([]);
  }

  it("stays signed in when the user signs out on the first one", async () => {
    const opened = await twoDevices();
    await signOut(opened.page, "here");
    await opened.page.getByRole("status").getByText(`${who} is signed out.`).waitFor();
    await expectSignedOut(opened);
    await expectTokens(opened.theirs);
    expect(await outcome(opened.other, `CometChat.getUser("${who}")`)).toBe("resolved");
  });

  it("notices a sign-out everywhere, says so, and signs in again by itself while its session is valid", async () => {
    const opened = await twoDevices();
    await signOut(opened.page, "everywhere");
    await opened.page.getByText("is signed out on every device").waitFor();
    await expectSignedOut(opened);
    await expectTokens();
    await focus(opened.other);
    await opened.other.getByRole("status").getByText("This login was ended elsewhere.").waitFor();
    await expectLoggedIn(opened.other, who);
    await expectTokens(expect.not.stringMatching(`^${opened.theirs}$`));
  });

  it("notices a sign-out everywhere, and asks for a sign-in if its session has ended too", async () => {
    const opened = await twoDevices();
    await opened.other.context().route("**/idp/sessions/refresh", (route) => route.fulfill(LOGIN_REQUIRED));
    await signOut(opened.page, "everywhere");
    await opened.page.getByText("is signed out on every device").waitFor();
    await expectSignedOut(opened);
    await expectTokens();
    await opened.other.clock.install({ time: Date.now() + 2 * 3_600_000 });
    await focus(opened.other);
    await opened.other.getByText("This login has ended, and the session with it.").waitFor();
    await opened.other.getByRole("button", { name: "Sign in" }).waitFor();
    await expectLoggedIn(opened.other, null);
    expect(tokens()).toEqual([]);
  });

  it("stays signed in when the user signs out on the first one at the provider, which tells the gateway", async () => {
    const opened = await twoDevices();
    const before = opened.requests.length;
    await signOut(opened.page, "at the provider");
    await opened.page.getByText("This login has ended, and the session with it.").waitFor();
    await expectSignedOut(opened);
    await expectTokens(opened.theirs);
    const hosts = opened.requests.slice(before).map((request) => new URL(request.url()).host);
    expect(hosts).not.toContain(sandbox.gateway.host);
  });
});

const LOGIN_REQUIRED = { status: 401, headers: { "access-control-allow-origin": "*" }, body: "{}" };

describe("a sign-out that the gateway cannot carry out", () => {
  it("is done on the device, and the page says what has failed and lets the user try again", async () => {
    const { page } = await open();
    await signIn(page, who);
    await page.clock.install();
    const address = new URL("/v1/token", sandbox.gateway).href;
    await page.context().route(address, (route) => route.fulfill(UNAVAILABLE));
    await signOut(page, "here");
    await page.getByRole("status").getByText("Signing out …").waitFor();
    const failureShown = async () => {
      if (await page.getByText("the gateway could not end the tokens").isVisible()) return true;
      await page.clock.fastForward(5_000);
      return false;
    };
    await expect.poll(failureShown, { interval: 200 }).toBe(true);
    await expectLoggedIn(page, null);
    expect(tokens()).toHaveLength(1);
    await page.context().unroute(address);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText(`${who} is signed out.`).waitFor();
    await expectTokens();
  });
});

const UNAVAILABLE = {
  status: 503,
  contentType: "application/problem+json",
  headers: { "access-control-allow-origin": "*" },
  body: JSON.stringify({ status: 503, code: "cometchat-unavailable", requestId: "r-1" }),
};

describe("two tabs of one browser", () => {
  async function twoTabs() {
    const first = await open();
    await signIn(first.page, who);
    const second = await first.context.newPage();
    await second.goto(first.page.url());
    await chatOf(second).waitFor();
    return { ...first, second };
  }

  it("share the login and its token", async () => {
    const { second } = await twoTabs();
    await expectLoggedIn(second, who);
    expect(tokens()).toHaveLength(1);
  });

  it("sign out together", async () => {
    const { page, second } = await twoTabs();
    await signOut(second, "here");
    await second.getByText(`${who} is signed out.`).waitFor();
    await page.getByRole("status").getByText("Signed out in another tab.").waitFor();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await expectLoggedIn(page, null);
    await expectTokens();
  });

  it("change to another user together", async () => {
    const { page, second } = await twoTabs();
    await signOut(second, "here");
    await signIn(second, "bob");
    await page.locator("#uid", { hasText: "bob" }).waitFor();
    await expectLoggedIn(page, "bob");
  });
});

describe("during a failure, the page", () => {
  it("says in plain words that CometChat is down, and signs in by itself when CometChat works again", async () => {
    const { page } = await open();
    await page.clock.install();
    sandbox.simulator.faults.add({ match: "any", effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" } });
    await signIn(page, who);
    await expectWaiting(page, "The chat is not available right now.", "cometchat-unavailable");
    await expectLoggedIn(page, null);
    sandbox.simulator.faults.clear();
    await expectRecovery(page);
  });

  it("tries again by itself after the client's five attempts", async () => {
    const { page } = await open();
    await page.clock.install();
    const address = new URL("/v1/token", sandbox.gateway).href;
    let asked = 0;
    await page.context().route(address, (route) => {
      asked += 1;
      return route.abort();
    });
    await signIn(page, who);
    await expectWaiting(page, "The gateway or the identity provider cannot be reached.", "network");
    const pause = async () => {
      if (asked < 5) await page.clock.fastForward(5_000);
      return asked;
    };
    await expect.poll(pause).toBe(5);
    await page.getByRole("heading", { name: "Not signed in yet" }).waitFor();
    await page.clock.fastForward(15_000);
    await expect.poll(() => asked).toBeGreaterThan(5);
    await page.context().unroute(address);
    await expectRecovery(page);
  });

  it("waits for the time in Retry-After if CometChat's rate limit is reached", async () => {
    const { page } = await open();
    const headers = { "retry-after": "1" };
    const effect = { kind: "error", status: 429, code: "ERR_TOO_MANY_REQUESTS", headers } as const;
    for (const match of ["create", "mint"] as const) sandbox.simulator.faults.add({ match, times: 1, effect });
    await signIn(page, who);
    await expectWaiting(page, "The chat is very busy right now.", "cometchat-rate-limited");
    sandbox.simulator.faults.clear();
    await chatOf(page).waitFor();
    const lines = [expect.stringContaining("waits 1.0 s"), expect.stringContaining("201")];
    await expect.poll(() => exchanges(page)).toEqual(lines);
  });

  /**
   * Signs a user in until the gateway answers 429 for the rest of the minute. Returns the user's Authorization header.
   */
  async function limited(subject: string): Promise<string> {
    const authorization = `Bearer ${await sandbox.provider.issue({ subject })}`;
    const ask = () => fetch(new URL("/v1/token", sandbox.gateway), { method: "POST", headers: { authorization } });
    let status = 0;
    for (let calls = 0; calls < 100 && status !== 429; calls += 1) ({ status } = await ask());
    expect(status).toBe(429);
    return authorization;
  }

  it("says that there were too many sign-ins of the user, and not that something is down", async () => {
    const { page } = await open();
    await limited(who);
    await signIn(page, who);
    await expectWaiting(page, "There were too many sign-ins.", "rate-limited");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
  });

  it("signs in by itself after too many sign-ins of the user, when the gateway's limit allows it", async () => {
    const { page, requests } = await open();
    await page.clock.install();
    // The page's clock can be moved, but the gateway's cannot. So the page first signs in as a user who has reached the
    // limit, which the gateway refuses, and then as its own user, who has not.
    const authorization = await limited(`${who}-over-the-limit`);
    const address = new URL("/v1/token", sandbox.gateway).href;
    await page
      .context()
      .route(address, (route) => route.continue({ headers: { ...route.request().headers(), authorization } }));
    await signIn(page, who);
    await expectWaiting(page, "There were too many sign-ins.", "rate-limited");
    const asked = () => requests.filter(asksForToken).length;
    // The client waits for the time in Retry-After, of at most 30 s, and sends nothing before.
    await waiting(page)
      .getByText(/in (30|29|28|27|26|25) s/)
      .waitFor();
    expect(asked()).toBe(1);
    await page.context().unroute(address);
    await expectRecovery(page);
    expect(asked()).toBe(2);
  });

  it("keeps a login while the provider is down, and signs in after a reload when it works again", async () => {
    const { page } = await open();
    await signIn(page, who);
    await outage("down");
    await focus(page);
    expect(await outcome(page, `CometChat.getUser("${who}")`)).toBe("resolved");
    await page.clock.install();
    await page.reload();
    await expectWaiting(page, "The gateway or the identity provider cannot be reached.", "network");
    await outage("none");
    await expectRecovery(page);
  });

  it("says at a sign-in that the provider is down", async () => {
    const { page } = await open();
    await outage("down");
    await signIn(page, who);
    await page.getByRole("alert").getByText("The identity provider answers 503.", { exact: true }).waitFor();
    await outage("none");
    await page.getByRole("button", { name: "Sign in" }).click();
    await chatOf(page).waitFor();
  });

  it("gets a new session if the old one has expired, and signs in with it without the user", async () => {
    const { page } = await open();
    await signIn(page, who);
    const session = await page.locator(".token").textContent();
    await page.clock.install({ time: Date.now() + 2 * 3_600_000 });
    await fetch(new URL(`/v3/users/${who}/auth_tokens`, sandbox.sandbox), {
      method: "DELETE",
      headers: { apikey: sandbox.secrets.COMETCHAT_API_KEY },
    });
    await focus(page);
    await page.getByText("so you are signed in again").waitFor();
    await expectLoggedIn(page, who);
    await expect.poll(() => page.locator(".token").textContent()).not.toBe(session);
  });

  it("shows new keys that cannot be fetched as an outage, and never as an invalid session", async () => {
    const { page } = await open();
    await page.clock.install();
    await outage("unpublished");
    await signIn(page, who);
    await expectWaiting(page, "The identity provider’s keys cannot be fetched right now.", "keys-unavailable");
    await outage("none");
  });
});
