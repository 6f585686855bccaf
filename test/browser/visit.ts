import type { Browser, BrowserContext, BrowserContextOptions, ConsoleMessage, Page, Request } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { leaks } from "../support/leaks.ts";
import { launch } from "./chromium.ts";

/** The pages with `?wire=direct`: the SDK's requests go to CometChat's host names, as in production. */
export const KIT = "/?wire=direct";
export const SDK = "/sdk?wire=direct";

/**
 * Starts a browser that resolves CometChat's host names to the simulator's TLS listener. The SDK and the page are
 * configured as in production. A request to any other host fails.
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

/** A page in a browser context of its own. The SDK stores its login in local storage, which contexts do not share. */
export interface Visit {
  page: Page;
  context: BrowserContext;
  requests: Request[];
  /** Errors on the console, and uncaught exceptions. */
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

/** The sandbox and the browser of this file's tests, once `sandboxed` has started them. */
export let sandbox: Sandbox;
export let browser: Browser;
const visits: Visit[] = [];

/**
 * Starts a sandbox and a browser for the tests of a file. After each test, its visits are checked and closed.
 *
 * @param strangers other hosts that the tests call on purpose
 */
export function sandboxed(options: Parameters<typeof startSandbox>[0] = {}, strangers: string[] = []): void {
  beforeAll(async () => {
    sandbox = await startSandbox({ tls: true, onMint: leaks.addToken, ...options });
    browser = await openBrowser(sandbox);
  });

  afterAll(async () => {
    await browser?.close();
    await sandbox?.stop();
  });

  afterEach(async () => {
    const open = visits.splice(0);
    await expectClean(sandbox, open, strangers);
    for (const { close } of open) await close();
  });
}

/** Visits a page of the sandbox, or a whole address. */
export async function open(path = SDK, options: BrowserContextOptions = {}): Promise<Visit> {
  const opened = await visit(browser, new URL(path, `http://localhost:${sandbox.sandbox.port}`).href, options);
  visits.push(opened);
  return opened;
}

/**
 * Checks the visits: no request has the API key, CometChat gets no session, no request goes to another host, the
 * simulator knows every call, and the gateway's log has no session, token or key.
 *
 * @param strangers other hosts that the test calls on purpose
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
  expect(unknown, "calls that the simulator does not know").toEqual([]);
  leaks.addSettings(secrets);
  leaks.addLines(sandbox.logs);
  expect(leaks.found(), "no session, auth token or key in the gateway's log").toEqual([]);
}

/** Signs in on the demo page, and waits until the chat, a failure or the wait for another attempt is shown. */
export async function signIn(page: Page, subject: string, kind = "Valid"): Promise<void> {
  await page.getByLabel("Someone else’s subject").fill(subject);
  await page.getByRole("radio", { name: kind }).check();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("section.chat, .welcome .failure:not(:empty), section.waiting p code").first().waitFor();
}

/** The uid of the user who is logged in to the SDK, or null. */
export const loggedIn = (page: Page) =>
  page.evaluate("CometChat.getLoggedinUser().then((user) => user && user.getUid())") as Promise<string | null>;

/**
 * Waits until this user is logged in to the SDK. The page may show the new state before the SDK's requests are done.
 */
export const expectLoggedIn = (page: Page, uid: string | null) => expect.poll(() => loggedIn(page)).toBe(uid);

/** The outcome of a promise in the page: `resolved`, or the code of the error that it was rejected with. */
export const outcome = (page: Page, expression: string) =>
  page.evaluate(`${expression}.then(() => "resolved", (error) => error.code)`) as Promise<string>;

/** The errors without those that Chromium logs for every answer with a status of 400 or more. */
export const own = (errors: string[]) => errors.filter((error) => !error.startsWith("Failed to load resource"));
