import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { listen } from "../sandbox/server.ts";
import { leaks } from "../support/leaks.ts";
import { launch } from "./chromium.ts";

/** The name of the session's cookie. */
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

/** The cookie as the session's site sets it. A browser accepts Secure cookies from the machine itself without https. */
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
   * The answer that a page at this address can read of its sign-in, or the name of the error if it can read none. A
   * cookie belongs to a host and all of its ports, so every page on 127.0.0.1 sends the session.
   */
  async function signInFrom(address: string, credentials: "include" | "omit" = "include"): Promise<Read | string> {
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

  /** Serves a page at an origin on this host that is not listed, and calls `visiting` with its address. */
  async function onOtherOrigin<T>(host: string, visiting: (address: string) => Promise<T>): Promise<T> {
    const html = { headers: { "content-type": "text/html" } };
    const server = await listen(async () => new Response("<link rel=icon href=data:,>", html), 0);
    try {
      return await visiting(`http://${host}:${server.port}`);
    } finally {
      await server.close();
    }
  }

  it("gives a page on a listed origin a token, and the page can read the answer", async () => {
    const answer = (await signInFrom(own.sandbox.href)) as Read;
    expect(answer.status).toBe(201);
    expect(own.simulator.tokens("alice")).toEqual([answer.body.authToken]);
    expect(answer.headers["X-Request-Id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers["Server-Timing"]).toMatch(
      /^session;dur=\d+, directory;dur=\d+, cometchat;dur=\d+, total;dur=\d+$/,
    );
    // A page has no use for this header, so it is not exposed.
    expect(answer.headers.Vary).toBeNull();
  });

  it("lets a page on a listed origin read a refusal and its Retry-After", async () => {
    // After a 429 of CometChat the gateway would not call it for a while, also in the next tests, so this is a 500.
    own.simulator.faults.add({ match: "any", effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" } });
    const answer = (await signInFrom(own.sandbox.href)) as Read;
    expect([answer.status, answer.body.code]).toEqual([503, "cometchat-unavailable"]);
    expect(Number(answer.headers["Retry-After"])).toBeGreaterThan(0);
    expect(answer.headers["X-Request-Id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("is missing if the page does not send its cookies", async () => {
    const answer = (await signInFrom(own.sandbox.href, "omit")) as Read;
    expect([answer.status, answer.body.code]).toEqual([401, "session-missing"]);
  });

  it("does not give a page of another site a token, and none is minted", async () => {
    expect(await onOtherOrigin("localhost", signInFrom)).toBe("TypeError");
    expect(own.simulator.journal.entries).toEqual([]);
  });

  // The browser sends the cookie, because the page is of the same site. Although such a page cannot read the answer, it
  // could have so many tokens minted that CometChat ends those of the user's devices.
  it("does not give a page of the same site a token if its origin is not listed, and none is minted", async () => {
    expect(await onOtherOrigin("127.0.0.1", signInFrom)).toBe("TypeError");
    expect(own.simulator.journal.entries).toEqual([]);
  });

  it("does not give such a page a token by a form, for which the browser sends no preflight", async () => {
    const status = await onOtherOrigin("127.0.0.1", async (address) => {
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
   * Another page on the same host sets a cookie of this name with mallory's session. It stands for a page of a sibling
   * domain that sets a cookie with `Domain=`, since a cookie belongs to all ports of a host. Then a listed page signs
   * in. Returns the uid or code in the answer, and whether the browser kept and sent mallory's cookie.
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
        // biome-ignore lint/suspicious/noDocumentCookie: a hostile page does this
        document.cookie = `${planting}; path=/`;
        // The browser stores the cookie before it returns the list.
        return document.cookie;
      }, `${name}=${planted}`);
      const kept = (await context.cookies()).some(({ value }) => value.includes(planted));

      await page.goto(own.sandbox.href);
      const asked = page.waitForRequest((request) => request.url().endsWith("/v1/token"));
      const answer = await page.evaluate(async (url) => {
        const answer = await fetch(url, { method: "POST", credentials: "include" });
        const { uid, code } = await answer.json();
        return (uid ?? code) as string;
      }, new URL("/v1/token", own.gateway).href);
      const sent = ((await (await asked).allHeaders()).cookie ?? "").includes(planted);
      return { answer, kept, sent };
    } finally {
      await context.close();
      await server.close();
    }
  }

  it.each([0x2000, 0x3000, 0xfeff, 0xa0, 0x2028].map((code) => [`U+${code.toString(16)}`, code] as const))(
    "is not replaced by a cookie whose name begins with %s, although the browser stores and sends that one",
    async (_, code) => {
      const character = String.fromCharCode(code);
      const planted = await afterPlanting(`${character}${COOKIE}`, "alice");
      expect(planted).toEqual({ answer: "alice", kept: true, sent: true });
      expect(await afterPlanting(`${character}${COOKIE}`, undefined)).toMatchObject({ answer: "session-missing" });
      expect(own.simulator.user("mallory")).toBeUndefined();
    },
  );

  // Browsers compare the prefix without its case, and also find it in the value of a cookie without a name.
  it.each(["__Host-session", "__host-session", "__HOST-SESSION", "=__Host-session", "\t __Host-session "])(
    "is not replaced by a cookie named %j, which the browser refuses because it lacks Secure",
    async (name) => {
      expect(await afterPlanting(name, "alice")).toEqual({ answer: "alice", kept: false, sent: false });
      expect(await afterPlanting(name, undefined)).toMatchObject({ answer: "session-missing" });
    },
  );
});
