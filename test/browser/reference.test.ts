import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { launch } from "./chromium.ts";
import { visit } from "./visit.ts";

describe("the API as a page", () => {
  let sandbox: Sandbox;
  let browser: Browser;

  beforeAll(async () => {
    sandbox = await startSandbox();
    browser = await launch(["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"]);
  });

  afterAll(async () => {
    await browser?.close();
    await sandbox?.stop();
  });

  it.each(["light", "dark"] as const)(
    "can be read in the sandbox, in %s, without another host",
    async (colorScheme) => {
      const opened = await visit(browser, new URL("/api", sandbox.sandbox).href, {
        colorScheme,
        viewport: { width: 1280, height: 1400 },
      });
      try {
        const { page, requests, errors } = opened;
        await page.getByRole("heading", { name: "A CometChat auth token for a session" }).waitFor();
        expect(await page.getByRole("heading", { level: 1 }).first().textContent()).toContain("CometChat Edge Gateway");
        for (const summary of [
          "Revokes every token of this user",
          "Provisions a user",
          "OpenID Connect Back-Channel Logout 1.0",
        ])
          expect(await page.getByRole("link", { name: summary }).count(), summary).toBeGreaterThan(0);
        // Its examples go to the gateway.
        expect(await page.getByText(sandbox.gateway.origin).count()).toBeGreaterThan(0);
        if (process.env.SCREENSHOTS)
          await page.screenshot({ path: `${process.env.SCREENSHOTS}/api-${colorScheme}.png` });
        const hosts = new Set(
          requests.map((request) => new URL(request.url())).map(({ host, protocol }) => host || protocol),
        );
        expect([...hosts].filter((host) => ![sandbox.sandbox.host, "data:", "blob:"].includes(host))).toEqual([]);
        expect(errors).toEqual([]);
      } finally {
        await opened.close();
      }
    },
  );
});
