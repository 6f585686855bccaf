import type { Browser, BrowserContext, BrowserContextOptions, ConsoleMessage, Page, Request } from "playwright-core";
import { expect } from "vitest";
import type { Sandbox } from "../sandbox/index.ts";
import { leaks } from "../support/leaks.ts";
import { launch } from "./chromium.ts";

/** The addresses at which the SDK's requests really go over the wire: `?wire=direct` leaves them alone. */
export const KIT = "/?wire=direct";
export const SDK = "/sdk?wire=direct";

/**
 * A browser that is led from CometChat's host names to the simulator's TLS listener, and nowhere else: the SDK and the
 * page are configured as in production, and a request to any other host fails.
 */
export function openBrowser({ tls }: Sandbox): Promise<Browser> {
  if (!tls) throw new Error("the sandbox needs its TLS listener");
  const rules = [
    `MAP *.cometchat.io 127.0.0.1:${tls.port}`,
    "MAP * ~NOTFOUND",
    "EXCLUDE 127.0.0.1",
    "EXCLUDE localhost",
  ];
  return launch([`--host-resolver-rules=${rules.join(" , ")}`, `--ignore-certificate-errors-spki-list=${tls.spki}`]);
}

/** One visit: a context of its own, since the SDK remembers its login in local storage. */
export interface Visit {
  page: Page;
  context: BrowserContext;
  requests: Request[];
  /** Errors on the console, and exceptions that nobody caught. */
  errors: string[];
  close(): Promise<void>;
}

export async function visit(browser: Browser, address: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(30_000);
  const requests: Request[] = [];
  const errors: string[] = [];
  context.on("request", (request) => requests.push(request));
  context.on("weberror", (error) => errors.push(String(error.error())));
  context.on("console", (message: ConsoleMessage) => {
    if (message.type() === "error") errors.push(message.text());
  });
  const page = await context.newPage();
  await page.goto(address);
  return { page, context, requests, errors, close: () => context.close() };
}

/**
 * Of a visit: no API key in the browser, no session at CometChat, no request to anyone else, none that the simulated
 * CometChat does not know, and no session, token or key in the gateway's log.
 */
export async function expectClean(sandbox: Sandbox, visits: Visit[], strangers: string[] = []): Promise<void> {
  const { sandbox: own, gateway, app, secrets, simulator } = sandbox;
  const cometchat = `${app.appId}.apiclient-${app.region}.cometchat.io`;
  const known = [`localhost:${own.port}`, own.host, gateway.host, cometchat, ...strangers];
  for (const { requests } of visits) {
    const sent = await Promise.all(requests.map(async (request) => [request, await request.allHeaders()] as const));
    for (const [request, headers] of sent) {
      const { host, protocol } = new URL(request.url());
      if (host === gateway.host) leaks.addRequest(request.url(), new Headers(headers), request.postData());
      if (!["data:", "blob:"].includes(protocol)) expect(known).toContain(host);
      expect(headers).not.toHaveProperty("apikey");
      if (host !== gateway.host) expect(headers).not.toHaveProperty("authorization");
      expect(JSON.stringify([request.url(), headers, request.postData()])).not.toContain(secrets.COMETCHAT_API_KEY);
    }
  }
  const unknown = simulator.journal.entries.filter(({ call }) => call === "unknown");
  expect(unknown, "what CometChat was asked and the simulator does not know").toEqual([]);
  leaks.addSettings(secrets);
  leaks.addLines(sandbox.logs);
  expect(leaks.found(), "no session, auth token or key in the gateway's log").toEqual([]);
}

/** Signs in as a visitor does, and waits for what comes of it. */
export async function signIn(page: Page, subject: string, kind = "Valid"): Promise<void> {
  await page.getByLabel("Someone else’s subject").fill(subject);
  await page.getByRole("radio", { name: kind }).check();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("section.chat, .welcome .failure:not(:empty), section.waiting p code").first().waitFor();
}

/** Who the SDK says is logged in. */
export const loggedIn = (page: Page) =>
  page.evaluate("CometChat.getLoggedinUser().then((user) => user && user.getUid())") as Promise<string | null>;

/** That the SDK comes to say so: it is told by requests of its own, and the page may show what is to come before. */
export const expectLoggedIn = (page: Page, uid: string | null) => expect.poll(() => loggedIn(page)).toBe(uid);

/** What the SDK's promise comes to: `resolved`, or the code it was rejected with. */
export const outcome = (page: Page, expression: string) =>
  page.evaluate(`${expression}.then(() => "resolved", (error) => error.code)`) as Promise<string>;

/** What Chromium itself says of any answer of 400 or more. */
export const own = (errors: string[]) => errors.filter((error) => !error.startsWith("Failed to load resource"));
