import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { listen } from "../sandbox/server.ts";
import { DIRECT, openBrowser, signIn, type Visit, visit } from "./visit.ts";

let sandbox: Sandbox;
let browser: Browser;
const visits: Visit[] = [];

beforeAll(async () => {
  sandbox = await startSandbox({ tls: true });
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
    if (protocol !== "data:") expect([...known, ...strangers]).toContain(host);
    expect(headers).not.toHaveProperty("apikey");
    if (host !== gateway.host) expect(headers).not.toHaveProperty("authorization");
    expect(JSON.stringify([request.url(), headers, request.postData()])).not.toContain(secrets.COMETCHAT_API_KEY);
  }
}

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
    await page.getByRole("button", { name: "Sign out" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("signed out", { exact: true }).waitFor();
    expect(await loggedIn(page)).toBeNull();
    await page.locator("#sign-in:focus").press("Enter");
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    expect(await loggedIn(page)).toBe("bob");
    expect(errors).toEqual([]);
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
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("signed out", { exact: true }).waitFor();
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
