import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { listen } from "../sandbox/server.ts";
import { witness } from "../witness.ts";
import { DIRECT, openBrowser, signIn, type Visit, visit } from "./visit.ts";

let sandbox: Sandbox;
let browser: Browser;
const visits: Visit[] = [];

beforeAll(async () => {
  sandbox = await startSandbox({ tls: true, onMint: witness.keepToken });
  browser = await openBrowser(sandbox);
});

afterAll(async () => {
  await browser?.close();
  await sandbox?.stop();
});

beforeEach(() => sandbox.simulator.reset());

afterEach(async () => {
  for (const open of visits.splice(0)) {
    await expectNothingLeaked(open);
    await open.close();
  }
  witness.keepAll(sandbox.secrets);
  witness.hearAll(sandbox.logs);
  expect(witness.leaks(), "no session, auth token or key in the gateway's log").toEqual([]);
});

async function open(path = DIRECT, options: Parameters<typeof visit>[2] = {}): Promise<Visit> {
  const opened = await visit(browser, `http://localhost:${sandbox.sandbox.port}${path}`, options);
  visits.push(opened);
  return opened;
}

/** Of every visit of every test: no API key in the browser, no session at CometChat, no request to anyone else. */
async function expectNothingLeaked({ requests }: Visit): Promise<void> {
  const { sandbox: own, gateway, app, secrets } = sandbox;
  const known = [`localhost:${own.port}`, own.host, gateway.host, `${app.appId}.apiclient-${app.region}.cometchat.io`];
  for (const request of requests) {
    const { host, protocol } = new URL(request.url());
    const headers = await request.allHeaders();
    if (host === gateway.host) witness.keepPresented(request.url(), new Headers(headers), request.postData());
    if (protocol !== "data:") expect([...known, ...strangers]).toContain(host);
    expect(headers).not.toHaveProperty("apikey");
    if (host !== gateway.host) expect(headers).not.toHaveProperty("authorization");
    expect(JSON.stringify([request.url(), headers, request.postData()])).not.toContain(secrets.COMETCHAT_API_KEY);
  }
}

/** What Chromium itself says of any answer of 400 or more. */
const CHROMIUM_OWN = "Failed to load resource";

const UNAVAILABLE = { status: 503, headers: { "access-control-allow-origin": "*" } };

/** Hosts that a test asks on purpose. */
const strangers: string[] = [];

const loggedIn = (page: Page) =>
  page.evaluate("CometChat.getLoggedinUser().then((user) => user && user.getUid())") as Promise<string | null>;

/** What the SDK's promise comes to: `resolved`, or the code it was rejected with. */
const settle = (page: Page, expression: string) =>
  page.evaluate(`${expression}.then(() => "resolved", (error) => error.code)`) as Promise<string>;

describe("a sign-in in a real browser, with CometChat's own SDK", () => {
  it("ends with the SDK logged in as the user, with exactly the token that was minted", async () => {
    const { page, errors } = await open();
    await signIn(page, "alice");
    expect(await page.locator("#uid").textContent()).toBe("alice");
    expect(await loggedIn(page)).toBe("alice");
    const minted = sandbox.simulator.tokens("alice");
    const logins = sandbox.simulator.journal.entries.filter(({ call }) => call === "login");
    expect(minted).toHaveLength(1);
    expect(logins).toMatchObject([
      { method: "PUT", path: "/v3.0/me", host: `${sandbox.app.appId}.apiclient-us.cometchat.io`, authToken: minted[0] },
    ]);
    expect(errors).toEqual([]);
  });

  it("shows a new user the first time, and a known one with a token of its own the second", async () => {
    const { page } = await open();
    await signIn(page, "bob");
    expect(await page.locator("#known").textContent()).toBe("new user");
    await signIn(page, "bob");
    expect(await page.locator("#known").textContent()).toBe("known user");
    expect(sandbox.simulator.journal.calls({ call: "create" })).toBe(1);
    expect(sandbox.simulator.journal.calls({ call: "mint" })).toBe(1);
    expect(new Set(sandbox.simulator.tokens("bob")).size).toBe(2);
  });

  it("draws the stages of the gateway's Server-Timing, which CORS lets the page read", async () => {
    const { page } = await open();
    await signIn(page, "alice");
    const stages = await page.locator(".stage").evaluateAll((rows) => rows.map((row) => row.dataset.stage));
    expect(stages).toEqual(expect.arrayContaining(["session", "directory", "cometchat"]));
  });

  it("takes a subject that CometChat would not, under a uid derived from it", async () => {
    const { page } = await open();
    await signIn(page, "auth0|64f1C0FFEE");
    expect(await loggedIn(page)).toMatch(/^x-[a-z2-7]{52}$/);
  });

  it("can be signed out of and into again, by keyboard alone", async () => {
    const { page, errors } = await open();
    await page.getByRole("radio", { name: "Alice" }).press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Sign out here" }).focus();
    await page.keyboard.press("Enter");
    await page.locator("#ended").getByText("is signed out").waitFor();
    expect(await loggedIn(page)).toBeNull();
    await page.locator("#sign-in:focus").press("Enter");
    await page.getByRole("button", { name: "Sign out here" }).waitFor();
    expect(await loggedIn(page)).toBe("bob");
    expect(errors.filter((error) => !error.startsWith(CHROMIUM_OWN))).toEqual([]);
  });

  it.each(["localhost", "127.0.0.1"])(
    "works from http://%s in a visitor's own browser, without any flag",
    async (host) => {
      const opened = await visit(browser, `http://${host}:${sandbox.sandbox.port}`);
      visits.push(opened);
      await signIn(opened.page, "alice");
      expect(await loggedIn(opened.page)).toBe("alice");
      // Led to the other name of this machine: another origin, so the browser asked first.
      const other = host === "localhost" ? "127.0.0.1" : "localhost";
      const client = sandbox.simulator.journal.entries.filter(({ surface }) => surface === "client");
      expect(client.map(({ call }) => call)).toEqual(["preflight", "login"]);
      expect(client.map((entry) => new URL(`http://${entry.host}`).hostname)).toEqual([other, other]);
      expect(opened.errors).toEqual([]);
    },
  );
});

describe("a token that was revoked", () => {
  const flush = (uid: string) =>
    fetch(new URL(`/v3/users/${uid}/auth_tokens`, sandbox.sandbox), {
      method: "DELETE",
      headers: { apikey: sandbox.secrets.COMETCHAT_API_KEY },
    });

  it("is refused with the SDK's own error code", async () => {
    const { page } = await open();
    await signIn(page, "alice");
    await page.evaluate("CometChat.logout()");
    const [token] = sandbox.simulator.tokens("alice");
    expect((await flush("alice")).ok).toBe(true);
    expect(await settle(page, `CometChat.login("${token}")`)).toBe("AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    expect(await loggedIn(page)).toBeNull();
  });

  it("ends a login at its next call", async () => {
    const { page } = await open();
    await signIn(page, "alice");
    expect(await settle(page, `CometChat.getUser("alice")`)).toBe("resolved");
    await flush("alice");
    expect(await settle(page, `CometChat.getUser("alice")`)).toBe("AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    expect(await loggedIn(page)).toBeNull();
  });
});

describe("a sign-out", () => {
  /** Alice on two devices; the page that signs out, and the token of each. */
  async function twoDevices() {
    const other = await open();
    await signIn(other.page, "alice");
    const [theirs] = sandbox.simulator.tokens("alice");
    const own = await open();
    await signIn(own.page, "alice");
    const [ours] = sandbox.simulator.tokens("alice");
    expect(ours).not.toBe(theirs);
    return { ...own, other: other.page, theirs };
  }

  /** The page says how the SDK found out, and takes the next sign-in. */
  async function expectSignedOut({ page, errors }: Visit): Promise<void> {
    await page.locator("#ended").getByText("AUTH_ERR_AUTH_TOKEN_NOT_FOUND").waitFor();
    expect(await page.locator("#ended").getAttribute("aria-live")).toBe("polite");
    expect(await page.locator("#trail li").last().textContent()).toMatch(/logoutSuccess.*fired/);
    expect(await loggedIn(page)).toBeNull();
    expect(await page.getByRole("button", { name: "Sign out" }).count()).toBe(0);
    expect(await page.locator("#sign-in:focus").count()).toBe(1);
    expect(errors.filter((error) => !error.startsWith(CHROMIUM_OWN))).toEqual([]);
  }

  it("here ends this session's token and logs the SDK out, and another device stays signed in", async () => {
    const opened = await twoDevices();
    await opened.page.getByRole("button", { name: "Sign out here" }).click();
    await expectSignedOut(opened);
    expect(sandbox.simulator.tokens("alice")).toEqual([opened.theirs]);
    expect(await settle(opened.other, `CometChat.getUser("alice")`)).toBe("resolved");
  });

  it("everywhere ends every token of the user, and the SDK of each device is logged out", async () => {
    const opened = await twoDevices();
    await opened.page.getByRole("button", { name: "Sign out everywhere" }).click();
    await expectSignedOut(opened);
    expect(sandbox.simulator.tokens("alice")).toEqual([]);
    expect(await settle(opened.other, `CometChat.getUser("alice")`)).toBe("AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    expect(await loggedIn(opened.other)).toBeNull();
  });

  it("at the identity provider ends that session's token, without a word from the page to the gateway", async () => {
    const opened = await twoDevices();
    const before = opened.requests.length;
    await opened.page.getByRole("button", { name: "Sign out at the identity provider" }).click();
    await expectSignedOut(opened);
    expect(sandbox.simulator.tokens("alice")).toEqual([opened.theirs]);
    const hosts = opened.requests.slice(before).map((request) => new URL(request.url()).host);
    expect(hosts).not.toContain(sandbox.gateway.host);
  });

  it("that the gateway does not carry out leaves the user signed in, and the page says so", async () => {
    const { page } = await open();
    await signIn(page, "alice");
    const address = new URL("/v1/token", sandbox.gateway).href;
    await page.context().route(address, (route) => route.fulfill(UNAVAILABLE));
    await page.getByRole("button", { name: "Sign out here" }).click();
    await page.locator("#ended").getByText("Not signed out: 503 Unavailable").waitFor();
    expect(await loggedIn(page)).toBe("alice");
    await page.context().unroute(address);
    await page.getByRole("button", { name: "Sign out here" }).click();
    await page.locator("#ended").getByText("AUTH_ERR_AUTH_TOKEN_NOT_FOUND").waitFor();
  });
});

describe("what the gateway keeps", () => {
  it("holds a session's token for the next page load, and no file of it names a token or the API key", async () => {
    const own = await startSandbox({ vars: { TOKENS: { reuse: "session", ttl: 3600 } } });
    try {
      const session = await own.provider.issue({ subject: "alice", sid: "s-1" });
      const ask = async () => {
        const headers = { authorization: `Bearer ${session}` };
        const answer = await fetch(new URL("/v1/token", own.gateway), { method: "POST", headers });
        return { status: answer.status, authToken: ((await answer.json()) as { authToken: string }).authToken };
      };
      const { authToken } = await ask();
      // All of it is written after the answer.
      const within = { timeout: 20_000, interval: 500 };
      await expect.poll(ask, within).toEqual({ status: 200, authToken });
      const count = async (find: (files: Files) => string[]) => find(await contents(own.state)).length;
      await expect.poll(() => count((files) => names(files, "v1:u:alice")), within).toBeGreaterThan(0);
      await expect.poll(() => count(ledgers), within).toBeGreaterThan(0);
      const files = await contents(own.state);
      for (const secret of [authToken, authToken.slice(-16), own.secrets.COMETCHAT_API_KEY, session]) {
        expect(names(files, secret)).toEqual([]);
      }
    } finally {
      await own.stop();
    }
  });

  type Files = Map<string, Buffer>;

  /** Every file below, write-ahead logs included. */
  async function contents(directory: string): Promise<Files> {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(path)] as const)));
  }

  const names = (files: Files, text: string) =>
    [...files].filter(([, bytes]) => bytes.includes(text)).map(([path]) => path);
  /** The Durable Objects' files with a row of this session's. */
  const ledgers = (files: Files) =>
    names(files, createHash("sha256").update("s-1").digest("base64url")).filter((path) => /\/do\/.*Ledger/.test(path));
});

describe("a session that must not pass", () => {
  it.each([
    ["Expired", "session-expired"],
    ["Forged", "session-invalid"],
    ["For another app", "session-invalid"],
  ])("%s: the page shows %s, and CometChat is never asked", async (kind, code) => {
    const { page } = await open();
    await signIn(page, "alice", kind);
    expect(await page.locator("#problem .code").textContent()).toBe(code);
    expect(await page.locator("#status").textContent()).toBe("401 Unauthorized");
    expect(await page.getByRole("status").textContent()).toBe(`Refused: ${code}`);
    expect(sandbox.simulator.journal.entries).toEqual([]);
  });
});

describe("the browser", () => {
  it("keeps a cross-origin answer from the page unless the answer allows it", async () => {
    // Were web security off, every other assertion about origins here would hold in vain.
    const answers = { "/open": { "access-control-allow-origin": "*" }, "/closed": {} };
    const server = await listen(async ({ url }) => {
      return new Response("seen", { headers: answers[new URL(url).pathname as keyof typeof answers] });
    }, 0);
    strangers.push(`127.0.0.1:${server.port}`);
    const { page } = await open();
    const ask = (path: string) =>
      settle(page, `fetch("http://127.0.0.1:${server.port}${path}").catch((e) => { throw { code: e.name } })`);
    expect(await ask("/open")).toBe("resolved");
    expect(await ask("/closed")).toBe("TypeError");
    await server.close();
  });

  it("keeps a page of an origin that is not listed from any token, and nothing is minted for it", async () => {
    const html = { headers: { "content-type": "text/html" } };
    const server = await listen(async () => new Response("<link rel=icon href=data:,>", html), 0);
    strangers.push(`localhost:${server.port}`);
    const { page, close } = await visit(browser, `http://localhost:${server.port}`);
    const session = await sandbox.provider.issue({ subject: "alice" });
    const outcome = await page.evaluate(
      ([url, bearer]) =>
        fetch(`${url}`, { method: "POST", headers: { authorization: `Bearer ${bearer}` } }).then(
          () => "read",
          (error) => error.name,
        ),
      [new URL("/v1/token", sandbox.gateway).href, session],
    );
    expect(outcome).toBe("TypeError");
    expect(sandbox.simulator.journal.entries).toEqual([]);
    await close();
    await server.close();
  });
});

describe("the demo page", () => {
  it.each([390, 320])("fits a screen %i px wide", async (width) => {
    const { page } = await open(DIRECT, { viewport: { width, height: 800 } });
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(await overflow()).toBe(0);
    await signIn(page, "auth0|a-subject-that-is-longer-than-any-telephone-is-wide");
    expect(await overflow()).toBe(0);
    await signIn(page, "alice", "Expired");
    expect(await overflow()).toBe(0);
  });

  it("shows no token in full", async () => {
    const { page } = await open();
    await signIn(page, "alice");
    const [token] = sandbox.simulator.tokens("alice");
    const html = await page.content();
    expect(html).toContain(`…${token?.slice(-6)}`);
    expect(html).not.toContain(token);
    expect(html).not.toMatch(/eyJ[\w-]{30}/);
  });

  it("says so where a step gets no answer at all", async () => {
    const { page } = await open();
    await page.context().route(new URL("/v1/token", sandbox.gateway).href, (route) => route.abort());
    await signIn(page, "alice");
    await page.locator("#step-gateway").getByText("No answer").waitFor();
    expect(sandbox.simulator.journal.entries).toEqual([]);
  });

  it("switches CometChat's faults on and off", async () => {
    const { page } = await open();
    const toggle = page.getByRole("switch", { name: "Plan exhausted" });
    await toggle.check();
    await expect.poll(() => sandbox.simulator.faults.list().map(({ match }) => match)).toEqual(["create", "mint"]);
    await signIn(page, "carol");
    expect(await page.locator("#problem .code").textContent()).toBe("cometchat-rejected");
    await toggle.uncheck();
    await expect.poll(() => sandbox.simulator.faults.list()).toEqual([]);
    await signIn(page, "carol");
    expect(await loggedIn(page)).toBe("carol");
  });
});
