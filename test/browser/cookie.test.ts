import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { listen } from "../sandbox/server.ts";
import { leaks } from "../support/leaks.ts";
import { launch } from "./chromium.ts";

/** What stands in Cookie headers, and nowhere else. */
const COOKIE = "__Host-session";

let own: Sandbox;
let browser: Browser;

beforeAll(async () => {
  own = await startSandbox({
    onMint: leaks.addToken,
    configure: ({ vars }) => {
      for (const issuer of (vars as { SESSION_ISSUERS: { cookie?: string }[] }).SESSION_ISSUERS) issuer.cookie = COOKIE;
    },
  });
  browser = await launch([]);
});

afterAll(async () => {
  await browser?.close();
  await own?.stop();
});

beforeEach(() => own.simulator.reset());

afterEach(() => {
  leaks.addSettings(own.secrets);
  leaks.addLines(own.logs);
  expect(leaks.found(), "no session, auth token or key in the gateway's log").toEqual([]);
});

/** The session as its site sets it. Browsers take the machine itself for as safe as https. */
const cookie = (value: string) => ({
  name: COOKIE,
  value,
  url: `https://${own.gateway.hostname}`,
  httpOnly: true,
  secure: true,
  sameSite: "Lax" as const,
});

describe("a session in a cookie", () => {
  interface Read {
    status: number;
    body: { authToken?: string; code?: string };
    headers: Record<string, string | null>;
  }

  /**
   * What a page at this address is told by its own fetch; the name of the error where it is told nothing. Cookies know no
   * ports: the session is on 127.0.0.1, and travels from every page there.
   */
  async function asked(address: string, credentials: "include" | "omit" = "include"): Promise<Read | string> {
    const context = await browser.newContext();
    try {
      const value = await own.provider.issue({ subject: "alice" });
      const { href } = own.gateway;
      leaks.addRequest(href, new Headers({ cookie: `${COOKIE}=${value}` }), null);
      await context.addCookies([cookie(value)]);
      const page = await context.newPage();
      await page.goto(address);
      return await page.evaluate(
        async ([url, mode]) => {
          try {
            const answer = await fetch(`${url}`, { method: "POST", credentials: mode as RequestCredentials });
            const names = ["Retry-After", "X-Request-Id", "Server-Timing", "Cache-Control", "Vary"];
            const headers = Object.fromEntries(names.map((name) => [name, answer.headers.get(name)]));
            return { status: answer.status, body: await answer.json(), headers };
          } catch (error) {
            return (error as Error).name;
          }
        },
        [new URL("/v1/token", own.gateway).href, credentials],
      );
    } finally {
      await context.close();
    }
  }

  /** A page of an origin that is not listed, on this name of the machine. */
  async function elsewhere<T>(host: string, visiting: (address: string) => Promise<T>): Promise<T> {
    const html = { headers: { "content-type": "text/html" } };
    const server = await listen(async () => new Response("<link rel=icon href=data:,>", html), 0);
    try {
      return await visiting(`http://${host}:${server.port}`);
    } finally {
      await server.close();
    }
  }

  it("gets a page on a listed origin its token, and the page can read the answer", async () => {
    const answer = (await asked(own.sandbox.href)) as Read;
    expect(answer.status).toBe(201);
    expect(own.simulator.tokens("alice")).toEqual([answer.body.authToken]);
    expect(answer.headers["X-Request-Id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers["Server-Timing"]).toMatch(
      /^session;dur=\d+, directory;dur=\d+, cometchat;dur=\d+, total;dur=\d+$/,
    );
    // Not exposed: what a page has no use for.
    expect(answer.headers.Vary).toBeNull();
  });

  it("lets that page read a refusal, and when to try again", async () => {
    // Not a 429 of CometChat's: the gateway would spare the app for a while, in the tests that follow as well.
    own.simulator.faults.add({ match: "any", effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" } });
    const answer = (await asked(own.sandbox.href)) as Read;
    expect([answer.status, answer.body.code]).toEqual([503, "cometchat-unavailable"]);
    expect(Number(answer.headers["Retry-After"])).toBeGreaterThan(0);
    expect(answer.headers["X-Request-Id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("is nobody's where the page does not send it", async () => {
    const answer = (await asked(own.sandbox.href, "omit")) as Read;
    expect([answer.status, answer.body.code]).toEqual([401, "session-missing"]);
  });

  it("gets a page on an origin of another site nothing, and nothing is minted", async () => {
    expect(await elsewhere("localhost", asked)).toBe("TypeError");
    expect(own.simulator.journal.entries).toEqual([]);
  });

  // It is of the same site, so that the cookie travels. A page that cannot read the answer could still have tokens minted
  // until CometChat forgets those of its visitor's devices.
  it("gets a page of its own site on an origin that is not listed nothing, and nothing is minted", async () => {
    expect(await elsewhere("127.0.0.1", asked)).toBe("TypeError");
    expect(own.simulator.journal.entries).toEqual([]);
  });

  it("gets such a page nothing by a form either, which no preflight comes before", async () => {
    const status = await elsewhere("127.0.0.1", async (address) => {
      const context = await browser.newContext();
      try {
        const value = await own.provider.issue({ subject: "alice" });
        await context.addCookies([cookie(value)]);
        const page = await context.newPage();
        await page.goto(address);
        const answered = page.waitForResponse((response) => response.url().endsWith("/v1/token"));
        await page.evaluate((action) => {
          const form = Object.assign(document.createElement("form"), { method: "post", action });
          document.body.append(form);
          form.submit();
        }, new URL("/v1/token", own.gateway).href);
        const request = (await answered).request();
        expect((await request.allHeaders())["sec-fetch-site"]).toBe("same-site");
        expect((await request.allHeaders()).cookie).toContain(`${COOKIE}=`);
        return (await answered).status();
      } finally {
        await context.close();
      }
    });
    expect(status).toBe(403);
    expect(own.simulator.journal.entries).toEqual([]);
  });
});

describe("a session in a cookie whose name begins with __Host-", () => {
  /**
   * Who a listed page's visitor is to the gateway, after another page on the same host has set a cookie of this name
   * (cookies know no ports, so that it stands for a sibling domain's with `Domain=`), and what the browser sent.
   */
  async function afterPlanting(name: string, subject: string | undefined) {
    const context = await browser.newContext();
    const server = await listen(async () => new Response("<p>", { headers: { "content-type": "text/html" } }), 0);
    try {
      const { hostname } = own.gateway;
      if (subject) {
        await context.addCookies([cookie(await own.provider.issue({ subject }))]);
      }
      const planted = await own.provider.issue({ subject: "mallory" });
      const page = await context.newPage();
      await page.goto(`http://${hostname}:${server.port}`);
      await page.evaluate((planting) => {
        // biome-ignore lint/suspicious/noDocumentCookie: what a hostile page does
        document.cookie = `${planting}; path=/`;
        // To read them makes the browser store it first.
        return document.cookie;
      }, `${name}=${planted}`);
      const kept = (await context.cookies()).some(({ value }) => value.includes(planted));

      await page.goto(own.sandbox.href);
      const asked = page.waitForRequest((request) => request.url().endsWith("/v1/token"));
      const told = await page.evaluate(async (url) => {
        const answer = await fetch(url, { method: "POST", credentials: "include" });
        const { uid, code } = await answer.json();
        return (uid ?? code) as string;
      }, new URL("/v1/token", own.gateway).href);
      const sent = ((await (await asked).allHeaders()).cookie ?? "").includes(planted);
      return { told, kept, sent };
    } finally {
      await context.close();
      await server.close();
    }
  }

  it.each([0x2000, 0x3000, 0xfeff, 0xa0, 0x2028].map((code) => [`U+${code.toString(16)}`, code] as const))(
    "is not changed by one whose name begins with %s, which the browser keeps and sends",
    async (_, code) => {
      const character = String.fromCharCode(code);
      const planted = await afterPlanting(`${character}${COOKIE}`, "alice");
      expect(planted).toEqual({ told: "alice", kept: true, sent: true });
      expect(await afterPlanting(`${character}${COOKIE}`, undefined)).toMatchObject({ told: "session-missing" });
      expect(own.simulator.user("mallory")).toBeUndefined();
    },
  );

  // Browsers look for the prefix in any case, and in the value of a cookie without a name.
  it.each(["__Host-session", "__host-session", "__HOST-SESSION", "=__Host-session", "\t __Host-session "])(
    "is not changed by one that is named %j, which the browser refuses without Secure",
    async (name) => {
      expect(await afterPlanting(name, "alice")).toEqual({ told: "alice", kept: false, sent: false });
      expect(await afterPlanting(name, undefined)).toMatchObject({ told: "session-missing" });
    },
  );
});
