import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { leaks } from "../support/leaks.ts";
import { expectClean, KIT, loggedIn, openBrowser, outcome, own, SDK, signIn, type Visit, visit } from "./visit.ts";

/** What a user sees of the gateway's and the client package's work, from the first sign-in to the worst day. */

let sandbox: Sandbox;
let browser: Browser;
const visits: Visit[] = [];

beforeAll(async () => {
  sandbox = await startSandbox({ tls: true, onMint: leaks.addToken, vars: { TOKENS: { reuse: "session" } } });
  browser = await openBrowser(sandbox);
});

afterAll(async () => {
  await browser?.close();
  await sandbox?.stop();
});

/** Somebody else in each test: the gateway limits how often one user may ask, and its minute is longer than a test. */
let who = "";
let guests = 0;

beforeEach(() => {
  guests += 1;
  who = `guest-${guests}`;
  sandbox.simulator.reset();
});

afterEach(async () => {
  await outage("none");
  const open = visits.splice(0);
  await expectClean(sandbox, open);
  for (const { close } of open) await close();
});

async function open(path = SDK): Promise<Visit> {
  const opened = await visit(browser, `http://localhost:${sandbox.sandbox.port}${path}`);
  visits.push(opened);
  return opened;
}

const outage = (name: string) =>
  fetch(new URL("/idp/_sim/outage", sandbox.sandbox), { method: "PUT", body: JSON.stringify({ outage: name }) });

const signOut = (page: Page, way: "here" | "everywhere" | "at the provider") =>
  page.getByRole("button", { name: `Sign out ${way}` }).click();

const chatOf = (page: Page) => page.locator("section.chat");
const exchanges = (page: Page) => page.locator(".exchanges li").allTextContents();
const mints = () =>
  ["create", "mint"].reduce((sum, call) => sum + sandbox.simulator.journal.calls({ call } as never), 0);
const tokens = () => sandbox.simulator.tokens(who);
/** Somebody comes back to the tab, and the page looks whether its login still is one. */
const focus = (page: Page) => page.evaluate(() => window.dispatchEvent(new Event("focus")));

describe("a page that is loaded again", () => {
  it.each([
    ["UI Kit", KIT],
    ["SDK alone", SDK],
  ])("has its conversations back, with the token that its session already holds: %s", async (_, path) => {
    const { page, errors } = await open(path);
    await signIn(page, who);
    await page.getByText("Grace Okafor").first().waitFor();
    const [token] = tokens();
    const made = mints();
    await page.reload();
    await page.getByText("Grace Okafor").first().waitFor();
    expect(await exchanges(page)).toEqual([expect.stringContaining("200 OKthis session’s own token")]);
    expect(tokens()).toEqual([token]);
    expect(mints()).toBe(made);
    expect(errors).toEqual([]);
  });

  it("keeps the login when the tab is changed between the UI Kit and the SDK", async () => {
    const { page } = await open(KIT);
    await signIn(page, who);
    await page.getByRole("link", { name: "SDK alone" }).click();
    await page.getByRole("button", { name: "fetchNext" }).waitFor();
    await page.getByText("Grace Okafor").first().waitFor();
    expect(tokens()).toHaveLength(1);
  });
});

describe("a second device", () => {
  /** Alice on two devices; the page that signs out, and the token of the other. */
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
    expect(await page.getByRole("button", { name: "Sign out" }).count()).toBe(0);
    expect(await loggedIn(page)).toBeNull();
    expect(own(errors)).toEqual([]);
  }

  it("stays signed in when the first signs out here", async () => {
    const opened = await twoDevices();
    await signOut(opened.page, "here");
    await opened.page.getByRole("status").getByText(`${who} is signed out.`).waitFor();
    await expectSignedOut(opened);
    expect(tokens()).toEqual([opened.theirs]);
    expect(await outcome(opened.other, `CometChat.getUser("${who}")`)).toBe("resolved");
  });

  it("notices a sign-out everywhere, says so, and comes back by itself while its session is good", async () => {
    const opened = await twoDevices();
    await signOut(opened.page, "everywhere");
    await opened.page.getByText("is signed out on every device").waitFor();
    await expectSignedOut(opened);
    expect(tokens()).toEqual([]);
    await focus(opened.other);
    await opened.other.getByRole("status").getByText("This login was ended elsewhere.").waitFor();
    expect(await loggedIn(opened.other)).toBe(who);
    expect(tokens()).toHaveLength(1);
    expect(tokens()).not.toContain(opened.theirs);
  });

  it("notices a sign-out everywhere, and asks for a sign-in where its session has ended as well", async () => {
    const opened = await twoDevices();
    await opened.other.context().route("**/idp/sessions/refresh", (route) => route.fulfill(LOGIN_REQUIRED));
    await signOut(opened.page, "everywhere");
    await expectSignedOut(opened);
    await opened.other.clock.install({ time: Date.now() + 2 * 3_600_000 });
    await focus(opened.other);
    await opened.other.getByText("This login has ended, and the session with it.").waitFor();
    await opened.other.getByRole("button", { name: "Sign in" }).waitFor();
    expect(await loggedIn(opened.other)).toBeNull();
    expect(tokens()).toEqual([]);
  });

  it("stays signed in when the first signs out at the identity provider, without a word from the page", async () => {
    const opened = await twoDevices();
    const before = opened.requests.length;
    await signOut(opened.page, "at the provider");
    await opened.page.getByText("This login has ended, and the session with it.").waitFor();
    await expectSignedOut(opened);
    expect(tokens()).toEqual([opened.theirs]);
    const hosts = opened.requests.slice(before).map((request) => new URL(request.url()).host);
    expect(hosts).not.toContain(sandbox.gateway.host);
  });
});

const LOGIN_REQUIRED = { status: 401, headers: { "access-control-allow-origin": "*" }, body: "{}" };

describe("a sign-out that the gateway cannot carry out", () => {
  it("is done on the device, and the page says what is left to do", async () => {
    const { page } = await open();
    await signIn(page, who);
    await page.clock.install();
    const address = new URL("/v1/token", sandbox.gateway).href;
    await page.context().route(address, (route) => route.fulfill(UNAVAILABLE));
    await signOut(page, "here");
    const told = page.getByText("the gateway could not end the tokens");
    while (!(await told.isVisible())) await page.clock.fastForward(10_000);
    expect(await loggedIn(page)).toBeNull();
    expect(tokens()).toHaveLength(1);
    await page.context().unroute(address);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText(`${who} is signed out.`).waitFor();
    expect(tokens()).toEqual([]);
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
    expect(await loggedIn(second)).toBe(who);
    expect(tokens()).toHaveLength(1);
  });

  it("sign out together", async () => {
    const { page, second } = await twoTabs();
    await signOut(second, "here");
    await second.getByText(`${who} is signed out.`).waitFor();
    await page.getByRole("status").getByText("Signed out in another tab.").waitFor();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    expect(await loggedIn(page)).toBeNull();
    expect(tokens()).toEqual([]);
  });

  it("change the user together: no tab goes on as somebody else", async () => {
    const { page, second } = await twoTabs();
    await signOut(second, "here");
    await signIn(second, "bob");
    await page.locator("#uid", { hasText: "bob" }).waitFor();
    expect(await loggedIn(page)).toBe("bob");
  });
});

describe("a bad day", () => {
  const waiting = (page: Page) => page.locator("section.waiting");

  /** What the user reads, with the code for whoever builds on this page, and that nothing has to be done. */
  async function expectWaiting(page: Page, words: string, code: string): Promise<void> {
    await waiting(page).getByText(words).waitFor();
    await waiting(page).getByText(code, { exact: true }).waitFor();
    await waiting(page).getByText("Tries again by itself").waitFor();
  }

  it("with CometChat down is told in plain words, and is over by itself when CometChat is back", async () => {
    const { page } = await open();
    await page.clock.install();
    sandbox.simulator.faults.add({ match: "any", effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" } });
    await signIn(page, who);
    await expectWaiting(page, "The chat is not available right now.", "cometchat-unavailable");
    expect(await loggedIn(page)).toBeNull();
    sandbox.simulator.faults.clear();
    await page.clock.fastForward(30_000);
    await chatOf(page).waitFor();
    expect(await loggedIn(page)).toBe(who);
  });

  it("goes on after the client has given up: five attempts, then again by itself, or at once when asked", async () => {
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
    while (asked < 5) await page.clock.fastForward(5_000);
    await page.getByRole("heading", { name: "Not signed in yet" }).waitFor();
    await page.clock.fastForward(15_000);
    await expect.poll(() => asked).toBeGreaterThan(5);
    await page.context().unroute(address);
    await page.clock.fastForward(30_000);
    await chatOf(page).waitFor();
  });

  it("with CometChat's rate limit reached waits as long as it is told", async () => {
    const { page } = await open();
    const headers = { "retry-after": "1" };
    const effect = { kind: "error", status: 429, code: "ERR_TOO_MANY_REQUESTS", headers } as const;
    for (const match of ["create", "mint"] as const) sandbox.simulator.faults.add({ match, times: 1, effect });
    await signIn(page, who);
    await expectWaiting(page, "The chat is very busy right now.", "cometchat-rate-limited");
    sandbox.simulator.faults.clear();
    await chatOf(page).waitFor();
    expect(await exchanges(page)).toEqual([expect.stringContaining("waits 1.0 s"), expect.stringContaining("201")]);
  });

  it("with too many sign-ins of one user is told from an outage", async () => {
    const { page } = await open();
    const session = await sandbox.provider.issue({ subject: who });
    const address = new URL("/v1/token", sandbox.gateway);
    const ask = () => fetch(address, { method: "POST", headers: { authorization: `Bearer ${session}` } });
    let status = 0;
    for (let calls = 0; calls < 100 && status !== 429; calls += 1) ({ status } = await ask());
    expect(status).toBe(429);
    await signIn(page, who);
    await expectWaiting(page, "There were too many sign-ins.", "rate-limited");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
  });

  it("with the identity provider down keeps who is signed in, and lets who reloads back in when it is up", async () => {
    const { page } = await open();
    await signIn(page, who);
    await outage("down");
    await focus(page);
    expect(await outcome(page, `CometChat.getUser("${who}")`)).toBe("resolved");
    await page.clock.install();
    await page.reload();
    await expectWaiting(page, "The gateway or the identity provider cannot be reached.", "network");
    await outage("none");
    await page.clock.fastForward(30_000);
    await chatOf(page).waitFor();
    expect(await loggedIn(page)).toBe(who);
  });

  it("with the identity provider down says so to who signs in", async () => {
    const { page } = await open();
    await outage("down");
    await signIn(page, who);
    expect(await page.getByRole("alert").textContent()).toBe("The identity provider answers 503.");
    await outage("none");
    await page.getByRole("button", { name: "Sign in" }).click();
    await chatOf(page).waitFor();
  });

  it("with a session that has expired meanwhile renews it, and the user notices nothing", async () => {
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
    expect(await loggedIn(page)).toBe(who);
    expect(await page.locator(".token").textContent()).not.toBe(session);
  });

  it("with new keys that nobody can fetch is told as an outage, never as a session that is no good", async () => {
    const { page } = await open();
    await page.clock.install();
    await outage("unpublished");
    await signIn(page, who);
    await expectWaiting(page, "The identity provider’s keys cannot be fetched right now.", "keys-unavailable");
    await outage("none");
  });
});
