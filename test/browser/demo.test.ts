import type { Page } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import { listen } from "../sandbox/server.ts";
import {
  browser,
  expectLoggedIn,
  KIT,
  loggedIn,
  open,
  outcome,
  own,
  SDK,
  sandbox,
  sandboxed,
  signIn,
  visit,
} from "./visit.ts";

/** The other hosts that a test calls on purpose. */
const strangers: string[] = [];

sandboxed({}, strangers);
beforeEach(() => sandbox.simulator.reset());

const signOut = (page: Page, way: "here" | "everywhere" | "at the provider") =>
  page.getByRole("button", { name: `Sign out ${way}` });

describe("a sign-in in a real browser", () => {
  it.each([
    ["UI Kit", KIT],
    ["SDK alone", SDK],
  ])("logs the user in to CometChat’s %s, with exactly the token that was minted", async (_, path) => {
    const { page, errors } = await open(path);
    await signIn(page, "alice");
    await page.locator("#uid").getByText("alice", { exact: true }).waitFor();
    await expectLoggedIn(page, "alice");
    const minted = sandbox.simulator.tokens("alice");
    const logins = sandbox.simulator.journal.entries.filter(({ call }) => call === "login");
    expect(minted).toHaveLength(1);
    expect(logins).toMatchObject([
      { method: "PUT", path: "/v3.0/me", host: `${sandbox.app.appId}.apiclient-us.cometchat.io`, authToken: minted[0] },
    ]);
    expect(errors).toEqual([]);
  });

  it("creates the user the first time, and mints a second token for a second device", async () => {
    const first = await open();
    await signIn(first.page, "bob");
    await first.page.locator(".exchanges").getByText("new user").waitFor();
    expect(sandbox.simulator.journal.calls({ call: "create" })).toBe(1);
    sandbox.simulator.journal.clear();
    const second = await open();
    await signIn(second.page, "bob");
    await second.page.locator(".exchanges").getByText("new token").waitFor();
    const fromGateway = sandbox.simulator.journal.entries.filter(({ surface }) => surface === "rest");
    expect(fromGateway.map(({ call }) => call)).toEqual(["mint"]);
    expect(new Set(sandbox.simulator.tokens("bob")).size).toBe(2);
  });

  it("shows the stages in the gateway's Server-Timing, which the page can read", async () => {
    const { page } = await open();
    await signIn(page, "alice");
    const stages = () => page.locator(".stage").evaluateAll((rows) => rows.map((row) => row.dataset.stage));
    await expect.poll(stages).toEqual(expect.arrayContaining(["session", "directory", "cometchat"]));
  });

  it("works for a subject that CometChat does not accept as a uid, with a uid derived from it", async () => {
    const { page } = await open();
    await signIn(page, "auth0|64f1C0FFEE");
    await expect.poll(() => loggedIn(page)).toMatch(/^x-[a-z2-7]{52}$/);
  });

  it("works with the keyboard alone, as do a sign-out and another sign-in", async () => {
    const { page, errors } = await open();
    const tabTo = async (name: string, role: "radio" | "button") => {
      const there = page.getByRole(role, { name });
      for (let presses = 0; presses < 30; presses += 1) {
        if (await there.evaluate((element) => element === document.activeElement)) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`${name} is not reached by Tab`);
    };
    await tabTo("Alice", "radio");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.locator("section.chat").waitFor();
    await expectLoggedIn(page, "bob");
    await tabTo("Sign out here", "button");
    await page.keyboard.press("Enter");
    await page.getByText("Bob Moran is signed out.").waitFor();
    await expectLoggedIn(page, null);
    await tabTo("Sign in", "button");
    await page.keyboard.press("Enter");
    await page.locator("section.chat").waitFor();
    expect(own(errors)).toEqual([]);
  });

  it.each(["localhost", "127.0.0.1"])("works on http://%s in a browser without any flag", async (host) => {
    const opened = await open(`http://${host}:${sandbox.sandbox.port}/sdk`);
    await signIn(opened.page, "alice");
    await opened.page.getByText("Grace Okafor").waitFor();
    // The simulator is on the other name of this machine. That is another origin, so the browser sends a preflight.
    const other = host === "localhost" ? "127.0.0.1" : "localhost";
    const client = sandbox.simulator.journal.entries.filter(({ surface }) => surface === "client");
    expect(client.slice(0, 2).map(({ call }) => call)).toEqual(["preflight", "login"]);
    expect(new Set(client.map((entry) => new URL(`http://${entry.host}`).hostname))).toEqual(new Set([other]));
    expect(opened.errors).toEqual([]);
  });
});

describe("CometChat's UI Kit", () => {
  it("shows the user's conversations, opens one, and sends a message", async () => {
    const { page, errors } = await open(KIT);
    await signIn(page, "alice");
    // The UI Kit shows "OOPS!" after a failed request. Without waiting for it, the test would only time out.
    await page.getByText("Grace Okafor").or(page.getByText("OOPS!")).first().waitFor();
    expect(await page.locator(".kit-list").textContent()).not.toContain("OOPS!");
    for (const name of ["Mateo Rossi", "Launch week"]) await page.getByText(name).first().waitFor();
    await page.getByText("Launch week").first().click();
    await page.getByText("Faster than the page around them.").last().waitFor();
    await page.locator("[contenteditable=true]").fill("Good morning");
    await page.keyboard.press("Enter");
    const written = () => sandbox.simulator.chats.between("alice", { type: "group", id: "launch" }).at(-1);
    await expect.poll(written).toMatchObject({ sender: "alice", text: "Good morning" });
    await page.locator(".kit-talk").getByText("Good morning").waitFor();
    expect(errors).toEqual([]);
  });

  // The UI Kit recognizes its calls by the millisecond. With 0, both calls come in the same one.
  it.each([0, 1])(
    "shows the conversations if the WebSocket opens %i ms before the list asks for its next page",
    async (gap) => {
      const { page, errors } = await open(KIT);
      await page.addInitScript((gap) => {
        const socket = Promise.withResolvers<() => void>();
        window.WebSocket = class extends WebSocket {
          override set onopen(handle: (event: Event) => void) {
            this.addEventListener("open", (event) => socket.resolve(() => handle.call(this, event)));
          }
        };
        // The list observes its end. The SDK learns that its WebSocket is open just before the list learns what it sees.
        window.IntersectionObserver = class extends IntersectionObserver {
          constructor(tell: IntersectionObserverCallback, options?: IntersectionObserverInit) {
            super(async (entries, observer) => {
              const atEnd = entries.some(({ target }) => target.matches(".cometchat-conversations__sentinel"));
              if (!atEnd) return tell(entries, observer);
              const opened = await socket.promise;
              const clock = Date.now;
              const now = clock();
              Date.now = () => now;
              opened();
              Date.now = () => now + gap;
              tell(entries, observer);
              Date.now = clock;
              document.body.dataset.met = "";
            }, options);
          }
        };
      }, gap);
      await page.reload();
      await signIn(page, "alice");
      await page.locator("[data-met]").waitFor();
      // The list has its two pages: the first one is asked for twice, and the second one once.
      await expect.poll(() => sandbox.simulator.journal.calls({ call: "conversations" })).toBe(3);
      for (const name of ["Grace Okafor", "Mateo Rossi", "Launch week"]) {
        await page.locator(".kit-list").getByText(name, { exact: true }).waitFor();
      }
      expect(errors).toEqual([]);
    },
  );

  it("opens a conversation and sends a message by the keyboard alone", async () => {
    const { page } = await open(KIT);
    await signIn(page, "alice");
    await page.getByText("Launch week").first().waitFor();
    const tabTo = async (selector: string) => {
      const there = page.locator(selector);
      for (let presses = 0; presses < 60; presses += 1) {
        if ((await there.count()) > 0 && (await there.first().evaluate((one) => one === document.activeElement)))
          return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`${selector} is not reached by Tab`);
    };
    await tabTo(".cometchat-conversations__item:has-text('Launch week')");
    await page.keyboard.press("Enter");
    await page.locator("[contenteditable=true]").waitFor();
    await tabTo("[contenteditable=true]");
    await page.keyboard.type("No mouse");
    await page.keyboard.press("Enter");
    await page.locator(".kit-talk").getByText("No mouse").waitFor();
  });

  it("shows a message of another user at once, by CometChat's WebSocket", async () => {
    const alice = await open(KIT);
    await signIn(alice.page, "alice");
    await alice.page.getByText("Launch week").first().click();
    // Without `?wire=direct`, the page connects the SDK's socket to the simulator.
    const bob = await open("/");
    await signIn(bob.page, "bob");
    await bob.page.getByText("Launch week").first().click();
    await bob.page.locator("[contenteditable=true]").fill("Good morning, Alice");
    await bob.page.keyboard.press("Enter");
    await alice.page.locator(".kit-talk").getByText("Good morning, Alice").waitFor();
    await alice.page.locator("[contenteditable=true]").fill("Good morning, Bob");
    await alice.page.keyboard.press("Enter");
    await bob.page.locator(".kit-talk").getByText("Good morning, Bob").waitFor();
    expect([...alice.errors, ...bob.errors]).toEqual([]);
  });

  it("follows the system's colour scheme", async () => {
    const { page } = await open(KIT, { colorScheme: "dark" });
    await signIn(page, "alice");
    const background = () =>
      page
        .locator(".cometchat-conversations")
        .first()
        .evaluate((list) => getComputedStyle(list).backgroundColor);
    const light = /^rgb\(2[0-9]{2}/;
    await expect.poll(background).not.toMatch(light);
    await page.emulateMedia({ colorScheme: "light" });
    await expect.poll(background).toMatch(light);
  });

  it("makes no call that the simulator does not know, since such a call is answered 404 and recorded", async () => {
    const { page } = await open(KIT);
    await signIn(page, "alice");
    const ask = `fetch("https://${sandbox.app.appId}.apiclient-us.cometchat.io/v3.0/nothing", { headers: { appid: "${sandbox.app.appId}" } })`;
    expect(await page.evaluate(`${ask}.then((answer) => answer.status)`)).toBe(404);
    expect(sandbox.simulator.journal.calls({ call: "unknown" })).toBe(1);
    sandbox.simulator.journal.clear();
  });
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
    const [token] = sandbox.simulator.tokens("alice");
    await signOut(page, "here").click();
    await page.getByText("Alice Liddell is signed out.").waitFor();
    expect(await outcome(page, `CometChat.login("${token}")`)).toBe("AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    await expectLoggedIn(page, null);
  });

  it("ends the SDK's login at its next call, and the page logs in again by itself with a new token", async () => {
    const { page } = await open();
    await signIn(page, "alice");
    const [old] = sandbox.simulator.tokens("alice");
    expect(await outcome(page, `CometChat.getUser("alice")`)).toBe("resolved");
    await flush("alice");
    expect(await outcome(page, `CometChat.getUser("alice")`)).toBe("AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    await page.getByText("so you are signed in again").waitFor();
    await expectLoggedIn(page, "alice");
    const replaced = [expect.not.stringMatching(`^${old}$`)];
    await expect.poll(() => sandbox.simulator.tokens("alice")).toEqual(replaced);
  });
});

describe("a session that the gateway does not accept", () => {
  it.each([
    ["Expired", "session-expired", "This session has expired."],
    ["Forged", "session-invalid", "This session is not valid here."],
    ["For another app", "session-invalid", "This session is not valid here."],
  ])("(%s) is refused with %s, which the page shows, and CometChat is not called", async (kind, code, words) => {
    const { page } = await open();
    await signIn(page, "alice", kind);
    await expect.poll(() => page.getByRole("alert").textContent()).toBe(`${words} ${code}`);
    await page.locator(".problem .code").getByText(code, { exact: true }).waitFor();
    await page.locator(".exchanges li").last().getByText("401 Unauthorized").waitFor();
    expect(sandbox.simulator.journal.entries).toEqual([]);
  });
});

describe("the browser", () => {
  it("lets a page read the answer of another origin only if the answer allows it", async () => {
    // If web security were off, no other assertion about origins in this file would show anything.
    const answers = { "/open": { "access-control-allow-origin": "*" }, "/closed": {} };
    const server = await listen(async ({ url }) => {
      return new Response("seen", { headers: answers[new URL(url).pathname as keyof typeof answers] });
    }, 0);
    strangers.push(`127.0.0.1:${server.port}`);
    const { page } = await open();
    const ask = (path: string) =>
      outcome(page, `fetch("http://127.0.0.1:${server.port}${path}").catch((e) => { throw { code: e.name } })`);
    expect(await ask("/open")).toBe("resolved");
    expect(await ask("/closed")).toBe("TypeError");
    await server.close();
  });

  it("sends no sign-in for a page whose origin is not listed, and no token is minted", async () => {
    const html = { headers: { "content-type": "text/html" } };
    const server = await listen(async () => new Response("<link rel=icon href=data:,>", html), 0);
    strangers.push(`localhost:${server.port}`);
    const { page, close } = await visit(browser, `http://localhost:${server.port}`);
    const session = await sandbox.provider.issue({ subject: "alice" });
    const result = await page.evaluate(
      ([url, bearer]) =>
        fetch(`${url}`, { method: "POST", headers: { authorization: `Bearer ${bearer}` } }).then(
          () => "read",
          (error) => error.name,
        ),
      [new URL("/v1/token", sandbox.gateway).href, session],
    );
    expect(result).toBe("TypeError");
    expect(sandbox.simulator.journal.entries).toEqual([]);
    await close();
    await server.close();
  });
});

describe("the demo page", () => {
  it.each([390, 320])("fits on a screen that is %i px wide", async (width) => {
    const { page } = await open(KIT, { viewport: { width, height: 800 } });
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await expect.poll(overflow).toBe(0);
    await signIn(page, "auth0|a-subject-that-is-longer-than-any-telephone-is-wide");
    await page.getByText("Launch week").first().click();
    await page.getByText("Faster than the page around them.").last().waitFor();
    await expect.poll(overflow).toBe(0);
    await signOut(page, "here").click();
    await signIn(page, "alice", "Expired");
    await expect.poll(overflow).toBe(0);
  });

  it("never shows a whole token, and stores no session", async () => {
    const { page } = await open();
    await signIn(page, "alice");
    const [token] = sandbox.simulator.tokens("alice");
    const html = await page.content();
    expect(html).toContain(`…${token?.slice(-6)}`);
    expect(html).not.toContain(token);
    expect(html).not.toMatch(/eyJ[\w-]{30}/);
    // CometChat's SDK stores its token there. The page and the client package store no secret.
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    expect(stored).not.toMatch(/eyJ[\w-]{30}/);
  });

  it.each(["/", "/sdk"])("prevents requests to other machines: %s", async (path) => {
    const { page } = await open(path);
    const stopped = await page.evaluate(async () => {
      const violation = new Promise<string>((resolve) => {
        document.addEventListener("securitypolicyviolation", ({ blockedURI }) => resolve(blockedURI), { once: true });
      });
      const failed = await fetch("https://elsewhere.example/").then(
        () => "answered",
        () => "refused",
      );
      return [failed, await violation];
    });
    expect(stopped).toEqual(["refused", "https://elsewhere.example/"]);
  });

  it("switches CometChat's faults on and off", async () => {
    const { page } = await open();
    const toggle = page.getByRole("switch", { name: "Plan exhausted" });
    await toggle.click();
    await expect
      .poll(() =>
        sandbox.simulator.faults
          .list()
          .map(({ match }) => match)
          .sort(),
      )
      .toEqual(["create", "mint"]);
    await signIn(page, "carol");
    await page.locator(".problem .code").getByText("cometchat-rejected", { exact: true }).waitFor();
    await toggle.click();
    await expect.poll(() => sandbox.simulator.faults.list()).toEqual([]);
    await signIn(page, "carol");
    await expectLoggedIn(page, "carol");
  });
});
