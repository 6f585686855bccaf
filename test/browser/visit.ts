import type { Browser, BrowserContextOptions, ConsoleMessage, Page, Request } from "playwright-core";
import type { Sandbox } from "../sandbox/index.ts";
import { launch } from "./chromium.ts";

/** The address at which the SDK's requests really go over the wire: `/?wire=direct` leaves them alone. */
export const DIRECT = "/?wire=direct";

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
  requests: Request[];
  /** Errors on the console, and exceptions that nobody caught. */
  errors: string[];
  close(): Promise<void>;
}

export async function visit(browser: Browser, address: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const requests: Request[] = [];
  const errors: string[] = [];
  context.on("request", (request) => requests.push(request));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message: ConsoleMessage) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(address);
  return { page, requests, errors, close: () => context.close() };
}

/** Signs in as a visitor does, and waits for what comes of it. */
export async function signIn(page: Page, subject: string, kind = "Valid"): Promise<void> {
  await page.getByLabel("Someone else’s subject").fill(subject);
  await page.getByRole("radio", { name: kind }).check();
  await page.getByRole("button", { name: "Sign in" }).click();
  // The button is freed when the last step has its verdict.
  await page.locator("#sign-in[aria-disabled=false]").waitFor();
}
