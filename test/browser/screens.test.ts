import axe from "axe-core";
import type { Locator, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { KIT, open, SDK, sandbox, sandboxed, signIn } from "./visit.ts";

/** The look of the pages in each state. `SCREENSHOTS=folder` stores a picture of each. */

sandboxed();

const SCREENS = { desktop: { width: 1280, height: 1400 }, phone: { width: 390, height: 844 } };
const LOOKS = (["desktop", "phone"] as const).flatMap((screen) =>
  (["light", "dark"] as const).map((colorScheme) => ({ screen, colorScheme })),
);

/**
 * Findings in the UI Kit's own markup: an attribute that its element must not have, and a name without the visible
 * text.
 */
const OF_THE_KIT = [
  ["aria-allowed-attr", 'class="cometchat-popover__trigger"'],
  ["label-content-name-mismatch", 'class="cometchat-message-header__content"'],
];

/** A finding in the viewer's own markup: its buttons that copy an example have no name. */
const OF_THE_VIEWER = [["button-name", 'class="group/copy-button']];

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** The serious findings of axe-core, without the excused ones, and whether the page is wider than the screen. */
async function problems(page: Page, excused: readonly string[][]): Promise<string[]> {
  const found: string[] = [];
  const { violations } = (await page.evaluate('axe.run({ resultTypes: ["violations"] })')) as { violations: Finding[] };
  for (const { id, impact, nodes } of violations) {
    if (impact !== "serious" && impact !== "critical") continue;
    for (const { html, failureSummary } of nodes) {
      if (excused.some(([rule, markup = ""]) => rule === id && html.includes(markup))) continue;
      found.push(`${id}: ${html.slice(0, 200)}: ${failureSummary}`);
    }
  }
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (overflow > 0) found.push(`${overflow} px too wide`);
  return found;
}

/** The page has no problems on a phone and a desktop, in light and dark colours. */
async function expectAccessible(page: Page, state: string, excused: readonly string[][] = []): Promise<void> {
  if (!(await page.evaluate("Boolean(globalThis.axe)"))) {
    await page.evaluate(axe.source);
    // Without transitions, axe-core sees the final colours.
    await page.addStyleTag({
      content: "*, ::before, ::after { transition: none !important; animation: none !important }",
    });
  }
  for (const { screen, colorScheme } of LOOKS) {
    const look = `${screen}-${colorScheme}`;
    await page.setViewportSize(SCREENS[screen]);
    await page.emulateMedia({ colorScheme });
    // The UI Kit learns of the other colour scheme by an event, and redraws some time later.
    await expect.poll(() => problems(page, excused), { message: `${state}, ${look}` }).toEqual([]);
    const { SCREENSHOTS } = process.env;
    if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${state.replaceAll(" ", "-")}-${look}.png` });
  }
}

/** Moves the page's clock forward in steps of 5 s until this is visible. */
const passTimeUntil = (page: Page, shown: Locator) =>
  expect
    .poll(
      async () => {
        if (await shown.isVisible()) return true;
        await page.clock.fastForward(5_000);
        return false;
      },
      { interval: 200 },
    )
    .toBe(true);

describe("the demo page is accessible, on phone and desktop, light and dark", () => {
  const address = () => new URL("/v1/token", sandbox.gateway).href;

  it("before a sign-in, after a refused session, while the gateway fails, and after the last attempt", async () => {
    const { page } = await open(KIT);
    // The page's pauses pass at once with this clock.
    await page.clock.install();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await expectAccessible(page, "welcome");
    await signIn(page, "alice", "Expired");
    await page.getByRole("alert").getByText("This session has expired.").waitFor();
    await expectAccessible(page, "refused");
    await page.context().route(address(), (route) => route.fulfill(UNAVAILABLE));
    await signIn(page, "alice");
    await page.getByText("Tries again by itself").waitFor();
    await expectAccessible(page, "waiting");
    await passTimeUntil(page, page.getByRole("heading", { name: "Not signed in yet" }));
    await expectAccessible(page, "failed");
  });

  it("with the UI Kit's list, with an open conversation, and after a sign-out that failed", async () => {
    const { page } = await open(KIT);
    await signIn(page, "alice");
    await page.getByText("Launch week").first().waitFor();
    await expectAccessible(page, "kit", OF_THE_KIT);
    await page.getByText("Launch week").first().click();
    await page.locator("[contenteditable=true]").waitFor();
    await page.getByText("Faster than the page around them.").last().waitFor();
    await expectAccessible(page, "conversation", OF_THE_KIT);
    await page.clock.install();
    await page.context().route(address(), (route) => route.fulfill(UNAVAILABLE));
    await page.getByRole("button", { name: "Sign out here" }).click();
    await passTimeUntil(page, page.getByRole("button", { name: "Try again" }));
    await expectAccessible(page, "not signed out");
  });

  it("with the SDK alone", async () => {
    const { page } = await open(SDK);
    await signIn(page, "alice");
    await page.getByText("Grace Okafor").first().waitFor();
    await expectAccessible(page, "sdk");
  });
});

const UNAVAILABLE = {
  status: 503,
  contentType: "application/problem+json",
  headers: {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "retry-after",
    "retry-after": "5",
  },
  body: JSON.stringify({
    status: 503,
    code: "cometchat-unavailable",
    title: "CometChat does not answer",
    requestId: "r-1",
  }),
};

describe("the page about the API in the sandbox", () => {
  it("is accessible on phone and desktop, light and dark, and calls no other host", async () => {
    const { page, requests, errors } = await open("/api");
    await page.setViewportSize(SCREENS.desktop);
    await page.getByRole("heading", { name: "A CometChat auth token for a session" }).waitFor();
    await page.getByRole("heading", { level: 1 }).getByText("CometChat Edge Gateway").first().waitFor();
    for (const summary of [
      "Revokes every token of this user",
      "Provisions a user",
      "OpenID Connect Back-Channel Logout 1.0",
    ])
      await page.getByRole("link", { name: summary }).first().waitFor();
    // The page's examples are sent to the gateway.
    await page.getByText(sandbox.gateway.origin).first().waitFor();
    await expectAccessible(page, "api", OF_THE_VIEWER);
    const hosts = new Set(
      requests.map((request) => new URL(request.url())).map(({ host, protocol }) => host || protocol),
    );
    const own = [`localhost:${sandbox.sandbox.port}`, "data:", "blob:"];
    expect([...hosts].filter((host) => !own.includes(host))).toEqual([]);
    expect(errors).toEqual([]);
  });
});
