import axe from "axe-core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { createTotals } from "../sandbox/live/totals.js";
import { openBrowser, type Visit, visit } from "./visit.ts";

let sandbox: Sandbox;
let browser: Browser;

beforeAll(async () => {
  sandbox = await startSandbox({ tls: true, vars: { TOKENS: { reuse: "session" } } });
  browser = await openBrowser(sandbox);
});

afterAll(async () => {
  await browser?.close();
  await sandbox?.stop();
});

async function session(subject: string): Promise<string> {
  const response = await fetch(new URL("/idp/sessions", sandbox.sandbox), {
    method: "POST",
    body: JSON.stringify({ subject, name: subject }),
  });
  return ((await response.json()) as { session: string }).session;
}

const token = (authorization?: string) =>
  fetch(new URL("/v1/token", sandbox.gateway), {
    method: "POST",
    headers: authorization === undefined ? {} : { Authorization: `Bearer ${authorization}` },
  });

const open = (options = {}): Promise<Visit> => visit(browser, new URL("/live", sandbox.sandbox).href, options);

describe("the counts of the live view", () => {
  const line = { event: "request", route: "/v1/token", status: 201, code: "ok", app: "main", total: 90, calls: 1 };

  it("are of tokens, of reused tokens, and of the requests of the last minute", () => {
    const totals = createTotals();
    totals.add({ at: 0, line });
    totals.add({ at: 70_000, line: { ...line, status: 200, reused: true, calls: 0, total: 10 } });
    totals.add({ at: 80_000, line: { ...line, status: 204, total: 30 } });
    const { counters, codes } = totals.read(100_000);
    expect(counters.map(([name, value]) => [name, value])).toEqual([
      ["Requests", "2"],
      ["Median", "30 ms"],
      ["Tokens", "2"],
      ["Calls saved", "1"],
    ]);
    expect(codes).toEqual([["ok", 3, "done"]]);
  });

  it("show whether the circuit breaker of an app is open", () => {
    const totals = createTotals();
    totals.add({ at: 0, line: { ...line, status: 503, code: "cometchat-unavailable", calls: 3 } });
    totals.add({ at: 0, line: { event: "cometchat-breaker", app: "main", state: "open" } });
    expect(totals.read(0).apps).toEqual([{ app: "main", state: "open", calls: 3, failed: 1 }]);
    totals.add({ at: 1, line: { event: "cometchat-breaker", app: "main", state: "closed" } });
    expect(totals.read(1).apps).toMatchObject([{ state: "closed" }]);
  });
});

describe("the live view", () => {
  it("shows each request at once, with its answer and its stages", async () => {
    const { page, errors, close } = await open();
    await page.getByText("Nothing yet").waitFor();
    expect((await token(await session("alice"))).status).toBe(201);
    const row = page.getByRole("row").filter({ hasText: "POST /v1/token" });
    await row.getByText("201").waitFor();
    await row.getByText("created", { exact: true }).waitFor();
    await row.getByRole("img", { name: /^\d+ ms: session \d+, directory \d+, CometChat \d+$/ }).waitFor();
    // A page that is opened later shows the request too.
    const later = await open();
    await later.page.getByRole("row").filter({ hasText: "POST /v1/token" }).first().waitFor();
    expect([...errors, ...later.errors]).toEqual([]);
    await later.close();
    await close();
  });

  it("counts the calls that were saved by reused tokens, and the answers by code", async () => {
    const { page, close } = await open();
    const bob = await session("bob");
    await token(bob);
    await expect.poll(async () => (await token(bob)).status).toBe(200);
    await token();
    const saved = page.locator("#counters div").filter({ hasText: "Calls saved" });
    await expect.poll(() => saved.textContent()).toMatch(/Calls saved[1-9]/);
    await page.getByRole("listitem").filter({ hasText: "session-missing" }).waitFor();
    await close();
  });

  it("shows that the circuit breaker of an app is open", async () => {
    const { page, close } = await open();
    sandbox.simulator.faults.add({ match: "any", effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" } });
    for (let i = 0; i < 4; i += 1) await token(await session(`carol${i}`));
    await page.getByText("Breaker open").waitFor();
    sandbox.simulator.faults.clear();
    await close();
  });

  it("shows the stages, duration and calls of each request on a phone without scrolling sideways", async () => {
    const { page, close } = await open({ viewport: { width: 390, height: 844 } });
    await page.getByRole("row").nth(1).waitFor();
    if (process.env.SCREENSHOTS)
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/live-phone.png`, fullPage: true });
    const overflow = await page.locator(".scroll").evaluate((table) => table.scrollWidth - table.clientWidth);
    expect(overflow).toBe(0);
    expect((await page.locator(".waterfall").first().boundingBox())?.width).toBeGreaterThan(250);
    await close();
  });

  it("contains no token, session or subject", async () => {
    const { page, close } = await open();
    await page.getByRole("row").nth(1).waitFor();
    const text = (await page.content()) + sandbox.logs.join("\n");
    for (const secret of ["alice", "eyJ", ...sandbox.simulator.users().map(({ uid }) => uid)]) {
      expect(text).not.toContain(secret);
    }
    await close();
  });

  it.each(["light", "dark"] as const)("is accessible in %s colours", async (colorScheme) => {
    const { page, close } = await open({ colorScheme });
    await page.getByRole("row").nth(1).waitFor();
    await page.addScriptTag({ content: axe.source });
    const found = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } };
      return (await axe.run()).violations.map(({ id }) => id);
    });
    expect(found).toEqual([]);
    await close();
  });
});
