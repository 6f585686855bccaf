import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { type Listener, listen } from "../sandbox/server.ts";
import { witness } from "../witness.ts";
import { expectClean, loggedIn, openBrowser, type Visit, visit } from "./visit.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const run = promisify(execFile);

/** The two examples of the package's README that run in a browser as they stand. */
const EXAMPLES = { sdk: "## Plain script", kit: "## React, with the UI Kit" };

let folder: string;
let app: string;
let sandbox: Sandbox;
let browser: Browser;
let server: Listener;
let pages: (request: Request) => Promise<Response> = async () => new Response(null, { status: 503 });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "packed-"));
  server = await listen((request) => pages(request), 0);
  const origins = ["localhost", "127.0.0.1"].map((host) => `http://${host}:${server.port}`);
  [app, sandbox] = await Promise.all([
    install(await pack()),
    startSandbox({ tls: true, onMint: witness.keepToken, vars: { ALLOWED_ORIGINS: origins } }),
  ]);
  browser = await openBrowser(sandbox);
  pages = await serve();
});

afterAll(async () => {
  await browser?.close();
  await sandbox?.stop();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

/** `npm pack` of a copy: it changes the folder's README while it works, which other tests read. */
async function pack(): Promise<string> {
  const copy = join(folder, "repository");
  await mkdir(copy);
  for (const name of ["package.json", "README.md", "LICENSE", "tsconfig.json", "src"]) {
    await cp(join(ROOT, name), join(copy, name), { recursive: true });
  }
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: copy });
  return join(folder, stdout.trim());
}

/** A new application with that package, and with what it has from elsewhere: React, the SDK and the UI Kit. */
async function install(tarball: string): Promise<string> {
  const here = join(folder, "app");
  await mkdir(here);
  await writeFile(join(here, "package.json"), `{"name": "app", "private": true, "type": "module"}`);
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--legacy-peer-deps", tarball], { cwd: here });
  for (const name of ["react", "react-dom", "@cometchat"]) {
    await symlink(join(ROOT, "node_modules", name), join(here, "node_modules", name));
  }
  return here;
}

/** The code of a chapter of the README, as the package brings it; the gateway's address is the sandbox's. */
async function example(chapter: string): Promise<string> {
  const readme = await readFile(join(app, "node_modules/cometchat-edge-gateway/README.md"), "utf8");
  const code = /```tsx?\n([\s\S]+?)```/.exec(readme.slice(readme.indexOf(chapter)))?.[1] ?? "";
  expect(code).toContain("https://chat-auth.example.com");
  return code.replace("https://chat-auth.example.com", sandbox.gateway.origin);
}

/** What an application has around the example: its own auth library, and a root to render into. */
const AUTH = `
const auth = { getToken: async () => (await fetch("/session")).text() };
`;
const ROOTED = `
import { createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
createRoot(document.body).render(createElement(StrictMode, {}, createElement(Chat, { signedIn: true })));
Object.assign(window, { CometChat });
`;
/** The example signs out on its last line; here, when it is told to. */
const SIGN_OUT = /^await chat\.signOut\(\);.*$/m;

async function serve() {
  const sdk = await example(EXAMPLES.sdk);
  expect(sdk).toMatch(SIGN_OUT);
  await writeFile(
    join(app, "sdk.ts"),
    `${AUTH}${sdk.replace(SIGN_OUT, "Object.assign(window, { CometChat, leave: () => chat.signOut() });")}`,
  );
  const kit = await example(EXAMPLES.kit);
  await writeFile(join(app, "kit.tsx"), `${AUTH}${kit}${ROOTED}`);
  const { outputFiles } = await build({
    absWorkingDir: app,
    entryPoints: ["sdk.ts", "kit.tsx"],
    outdir: "/",
    write: false,
    bundle: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    loader: { ".woff2": "empty" },
    external: ["@cometchat/calls-sdk-javascript"],
    logLevel: "error",
  });
  const files = new Map(outputFiles.map(({ path, text }) => [path, text]));
  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/session") return new Response(await sandbox.provider.issue({ subject: "alice" }));
    const script = files.get(pathname);
    if (script !== undefined)
      return new Response(script, { headers: { "content-type": TYPES[extname(pathname)] ?? "" } });
    const page = `<!doctype html><link rel=icon href=data:,><body><script type=module src=${pathname}.js></script>`;
    return new Response(page, { headers: { "content-type": "text/html" } });
  };
}

const TYPES: Record<string, string> = { ".js": "text/javascript" };

describe("the package as npm packs it, installed in an application", () => {
  async function open(name: keyof typeof EXAMPLES): Promise<Visit> {
    sandbox.simulator.reset();
    return visit(browser, `http://localhost:${server.port}/${name}`);
  }

  /** One session, one token, one login, with nothing on the console but what the example itself says. */
  async function expectLoggedIn({ page, requests, errors }: Visit): Promise<void> {
    const login = () => page.evaluate("window.CometChat && CometChat.getLoggedinUser().then((user) => user?.getUid())");
    await expect.poll(login).toBe("alice");
    const [minted] = sandbox.simulator.tokens("alice");
    expect(sandbox.simulator.tokens("alice")).toHaveLength(1);
    const logins = sandbox.simulator.journal.entries.filter(({ call }) => call === "login");
    expect(logins).toMatchObject([{ authToken: minted, status: 200 }]);
    expect(requests.filter((request) => request.url().endsWith("/v1/token"))).toHaveLength(1);
    expect(errors).toEqual([]);
  }

  it("logs CometChat's SDK in and out, by the README's own lines", async () => {
    const opened = await open("sdk");
    await expectLoggedIn(opened);
    await opened.page.evaluate("leave()");
    expect(await loggedIn(opened.page)).toBeNull();
    expect(sandbox.simulator.tokens("alice")).toEqual([]);
    await expectClean(sandbox, [opened], [`localhost:${server.port}`]);
    await opened.close();
  });

  it("logs CometChat's UI Kit in by its React hook, once in StrictMode, and the conversations appear", async () => {
    const opened = await open("kit");
    await opened.page.getByText("Launch week").first().waitFor();
    await expectLoggedIn(opened);
    await expectClean(sandbox, [opened], [`localhost:${server.port}`]);
    await opened.close();
  });

  it("comes back by itself when its token is ended", async () => {
    const opened = await open("kit");
    await opened.page.getByText("Launch week").first().waitFor();
    const [old] = sandbox.simulator.tokens("alice");
    await fetch(new URL("/v3/users/alice/auth_tokens", sandbox.sandbox), {
      method: "DELETE",
      headers: { apikey: sandbox.secrets.COMETCHAT_API_KEY },
    });
    await opened.page.evaluate("CometChat.getUser('alice').catch(() => undefined)");
    await expect.poll(() => sandbox.simulator.journal.calls({ call: "login", status: 200 })).toBe(2);
    await opened.page.getByText("Launch week").first().waitFor();
    expect(await loggedIn(opened.page)).toBe("alice");
    expect(sandbox.simulator.tokens("alice")).not.toContain(old);
    await opened.close();
  });
});
