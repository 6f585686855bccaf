import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { type Listener, listen } from "../sandbox/server.ts";
import { leaks } from "../support/leaks.ts";
import { expectClean, expectLoggedIn, loggedIn, openBrowser, type Visit, visit } from "./visit.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const SOURCES = ["package.json", "README.md", "LICENSE", "tsconfig.json", "src/client", "src/commands/build.ts"];
const GATEWAY = "https://chat-auth.example.com";

/** A folder inside the project, so that an application in it finds the project's React and CometChat packages. */
let home: string;
let app: string;
let tarball: string;
/** The package's README, and its examples by their headings. */
let readme: string;
const examples = new Map<string, string>();

beforeAll(async () => {
  await mkdir(join(root, ".cache"), { recursive: true });
  home = await mkdtemp(join(root, ".cache/package-"));
  // The package is packed in a copy of the project, because npm's script replaces README.md while it packs.
  const copy = join(home, "repository");
  for (const name of [...SOURCES, "src/commands/readme.ts"])
    await cp(join(root, name), join(copy, name), { recursive: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  const { stdout } = await run("npm", ["pack", "--silent"], { cwd: copy });
  tarball = join(copy, stdout.trim().split("\n").at(-1) ?? "");
  app = join(home, "app");
  await mkdir(app);
  await writeFile(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], { cwd: app });
  readme = await installed("README.md");
  for (const [, heading = "", text = ""] of readme.matchAll(/^## (.+)\n\n```tsx?\n([^`]+)```/gm))
    examples.set(heading, text);
});

afterAll(() => rm(home, { recursive: true, force: true }));

const installed = (name: string) => readFile(join(app, "node_modules/cometchat-edge-gateway", name), "utf8");

describe("the client package as npm packs it", () => {
  it("has the files that its users need, and no others", async () => {
    expect(namesIn(gunzipSync(await readFile(tarball)))).toEqual([
      ...["LICENSE", "README.md", "dist/client/error.d.ts", "dist/client/index.d.ts", "dist/client/index.js"],
      ...["dist/client/react.d.ts", "dist/client/react.js", "dist/client/session.d.ts", "dist/client/types.d.ts"],
      "package.json",
    ]);
  });

  it("has no dependency, and React only as an optional peer dependency", async () => {
    const { dependencies, peerDependencies, peerDependenciesMeta, type } = JSON.parse(await installed("package.json"));
    expect({ dependencies, peerDependencies, peerDependenciesMeta, type }).toEqual({
      dependencies: undefined,
      peerDependencies: { react: ">=18" },
      peerDependenciesMeta: { react: { optional: true } },
      type: "module",
    });
    expect(await readdir(join(app, "node_modules"))).toEqual([".package-lock.json", "cometchat-edge-gateway"]);
  });

  it("has at most 2.5 KiB after gzip", async () => {
    expect(gzipSync(await installed("dist/client/index.js")).length).toBeLessThanOrEqual(2560);
  });

  it("has its own README, and packing does not change the project's", async () => {
    expect(readme).toBe(await readFile(join(root, "src/client/README.md"), "utf8"));
    expect(await readFile(join(home, "repository/README.md"), "utf8")).toBe(
      await readFile(join(root, "README.md"), "utf8"),
    );
  });

  it("signs in from Node", async () => {
    const answer = { authToken: "t", uid: "alice", appId: "1", region: "us", created: false };
    const gateway = await listen(async () => Response.json(answer, { status: 201 }), 0);
    try {
      const script = `
        import { createChatSession } from "cometchat-edge-gateway/client";
        const chat = createChatSession({ gateway: "http://127.0.0.1:${gateway.port}", session: () => "s", login: () => {} });
        console.log(JSON.stringify([await chat.signIn(), chat.state.status]));`;
      await writeFile(join(app, "script.js"), script);
      const { stdout } = await run(process.execPath, ["script.js"], { cwd: app });
      expect(JSON.parse(stdout)).toEqual([answer, "signed-in"]);
    } finally {
      await gateway.close();
    }
  });

  it("has examples that compile", async () => {
    expect([...examples.keys()]).toEqual(["Plain script", "React, with the UI Kit", "Vue", "React Native"]);
    const folder = join(app, "examples");
    await mkdir(folder);
    for (const [heading, text] of examples) await writeFile(join(folder, `${heading.replace(/\W+/g, "-")}.tsx`), text);
    await writeFile(join(folder, "surroundings.d.ts"), SURROUNDINGS);
    const compilerOptions = {
      ...{ target: "es2022", module: "esnext", moduleResolution: "bundler", jsx: "react-jsx", lib: ["es2023", "dom"] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, types: [], skipLibCheck: false },
      // CometChat's declarations have errors in such a strict check, so the SDK and the UI Kit are declared here.
      paths: { "@cometchat/chat-uikit-react": ["./kit.d.ts"], "@cometchat/chat-sdk-javascript": ["./sdk.d.ts"] },
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    await writeFile(join(folder, "sdk.d.ts"), SDK);
    await writeFile(join(folder, "kit.d.ts"), KIT);
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder]).catch(({ stdout }) => {
      throw new Error(stdout);
    });
  });
});

/** Declarations for the examples. Vue and CometChat's package for React Native are not installed here. */
const SURROUNDINGS = `
declare const auth: { getToken(): Promise<string | undefined> };
declare module "vue" {
  export function shallowRef<T>(value: T): { value: T };
  export function onScopeDispose(work: () => void): void;
}
declare module "@cometchat/chat-sdk-react-native" {
  export const CometChat: typeof import("@cometchat/chat-sdk-javascript").CometChat;
}
`;
const SDK = `
interface User { getUid(): string }
export declare namespace CometChat {
  class AppSettingsBuilder { setRegion(region: string): this; build(): object }
  class LoginListener { constructor(on: { logoutSuccess(): void }) }
  function addLoginListener(name: string, listener: LoginListener): void;
  function init(appId: string, settings: object): Promise<boolean>;
  function login(authToken: string): Promise<User>;
  function logout(): Promise<object>;
}
`;
const KIT = `
export declare class UIKitSettingsBuilder { setAppId(id: string): this; setRegion(region: string): this; build(): object }
export declare const CometChatUIKit: {
  init(settings: object): Promise<unknown>;
  loginWithAuthToken(authToken: string): Promise<{ getUid(): string }>;
  logout(): Promise<unknown>;
};
export declare function CometChatConversations(): import("react").JSX.Element;
`;

/** The names of the files in a tar archive, without the folder that npm puts them into. */
function namesIn(archive: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; archive[at]; ) {
    const field = (from: number, to: number) => archive.toString("utf8", at + from, at + to).replace(/\0.*/s, "");
    names.push(field(0, 100).replace(/^package\//, ""));
    at += 512 + Math.ceil(Number.parseInt(field(124, 136), 8) / 512) * 512;
  }
  return names.toSorted();
}

describe("the README's examples in a real browser, with the package as npm packs it", () => {
  let sandbox: Sandbox;
  let site: Listener;
  let browser: Browser;
  let scripts: Map<string, string>;
  const visits: Visit[] = [];

  beforeAll(async () => {
    const html = (name: string) =>
      `<!doctype html><link rel=icon href=data:,><title>${name}</title><div id=root></div><script type=module src=/${name}.js></script>`;
    site = await listen(async (request) => {
      const name = new URL(request.url).pathname.slice(1);
      const script = scripts.get(name);
      if (script === undefined) return new Response(html(name), { headers: { "content-type": "text/html" } });
      return new Response(script, { headers: { "content-type": "text/javascript" } });
    }, 0);
    const origin = `http://localhost:${site.port}`;
    sandbox = await startSandbox({ tls: true, onMint: leaks.addToken, vars: { ALLOWED_ORIGINS: [origin] } });
    const plain = `${examples.get("Plain script")}`.replaceAll(/^await chat\..+$/gm, "");
    const react = `
      import { StrictMode } from "react";
      import { createRoot } from "react-dom/client";
      ${examples.get("React, with the UI Kit")}
      createRoot(document.getElementById("root")).render(<StrictMode><Chat signedIn={true} /></StrictMode>);`;
    const hook = `
      import { StrictMode, useState } from "react";
      import { createRoot } from "react-dom/client";
      import { CometChat } from "@cometchat/chat-sdk-javascript";
      import { createChatSession } from "cometchat-edge-gateway/client";
      import { useChatSession } from "cometchat-edge-gateway/react";
      const chat = createChatSession({ gateway: "${GATEWAY}", session: auth.getToken, login: () => {} });
      function State({ enabled }) {
        return <p>{useChatSession(chat, { enabled }).status}</p>;
      }
      function Switch() {
        const [enabled, enable] = useState(false);
        const [shown, show] = useState(true);
        Object.assign(window, { enable, show });
        return shown && <><State enabled={enabled} /><State enabled={enabled} /></>;
      }
      createRoot(document.getElementById("root")).render(<StrictMode><Switch /></StrictMode>);`;
    scripts = new Map([
      ["hook.js", await bundled(hook)],
      ["plain.js", await bundled(plain)],
      ["react.js", await bundled(react)],
    ]);
    browser = await openBrowser(sandbox);
  });

  afterAll(async () => {
    await browser?.close();
    await sandbox?.stop();
    await site?.close();
  });

  beforeEach(() => sandbox.simulator.reset());

  afterEach(async () => {
    const open = visits.splice(0);
    await expectClean(sandbox, open, [`localhost:${site.port}`]);
    for (const one of open) await one.close();
  });

  /** Bundles an example as an application does, with the package from its own node_modules. */
  async function bundled(example: string): Promise<string> {
    const own = `const auth = window.auth;\n${example.replaceAll(GATEWAY, sandbox.gateway.origin)}
      Object.assign(window, { chat, CometChat });`;
    const { outputFiles, metafile } = await build({
      stdin: { contents: own, resolveDir: app, loader: "tsx" },
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      jsx: "automatic",
      define: { "process.env.NODE_ENV": '"development"' },
      external: ["@cometchat/calls-sdk-javascript"],
      // These tests do not need the UI Kit's styles.
      loader: { ".css": "empty" },
      logLevel: "error",
    });
    expect(Object.keys(metafile.inputs).some((name) => /app\/node_modules\/cometchat-edge-gateway/.test(name))).toBe(
      true,
    );
    expect(Object.keys(metafile.inputs).some((name) => /src\/client/.test(name))).toBe(false);
    return outputFiles[0]?.text ?? "";
  }

  async function open(name: string): Promise<Page> {
    const value = await sandbox.provider.issue({ subject: "alice" });
    leaks.addSecret(value);
    const opened = await visit(browser, "about:blank");
    visits.push(opened);
    await opened.page.addInitScript((session) => {
      Object.assign(window, { auth: { getToken: async () => session } });
    }, value);
    await opened.page.goto(`http://localhost:${site.port}/${name}`);
    await opened.page.waitForFunction("window.chat");
    return opened.page;
  }

  const status = (page: Page, expected: string) => page.waitForFunction(`chat.state.status === "${expected}"`);
  /** The number of requests for a token that the page has sent. */
  const posts = () =>
    visits.at(-1)?.requests.filter((one) => one.method() === "POST" && one.url().endsWith("/v1/token")).length;

  it("sign in to the SDK once for two callers, and sign out of it and of the gateway", async () => {
    const page = await open("plain");
    await page.evaluate("Promise.all([chat.signIn(), chat.signIn()])");
    await expectLoggedIn(page, "alice");
    const [minted, ...more] = sandbox.simulator.tokens("alice");
    expect(more).toEqual([]);
    expect(sandbox.simulator.journal.entries.filter(({ call }) => call === "login")).toMatchObject([
      { authToken: minted },
    ]);
    await page.evaluate("chat.signOut()");
    // There is no wait, since the promise resolves after the logout.
    expect(await loggedIn(page)).toBeNull();
    expect(sandbox.simulator.tokens("alice")).toEqual([]);
    expect(await page.evaluate("chat.state")).toEqual({ status: "signed-out" });
    // The SDK calls its listener for this logout too, which must not cause another login.
    expect(sandbox.simulator.journal.calls({ call: "login" })).toBe(1);
  });

  it("sign in to the SDK again when its token has been revoked elsewhere", async () => {
    const page = await open("plain");
    const { authToken } = (await page.evaluate("chat.signIn()")) as { authToken: string };
    const session = await sandbox.provider.issue({ subject: "alice" });
    leaks.addSecret(session);
    const headers = { Authorization: `Bearer ${session}` };
    expect((await fetch(new URL("/v1/tokens", sandbox.gateway), { method: "DELETE", headers })).status).toBe(204);
    const code = await page.evaluate("CometChat.getUser('alice').then(() => 'works', (error) => error.code)");
    expect(code).toBe("AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    await page.waitForFunction("chat.state.status === 'signed-in'");
    await expectLoggedIn(page, "alice");
    const replaced = [expect.not.stringMatching(`^${authToken}$`)];
    await expect.poll(() => sandbox.simulator.tokens("alice")).toEqual(replaced);
  });

  it("sign in to the UI Kit in React's StrictMode, with one request and one login", async () => {
    const page = await open("react");
    await status(page, "signed-in");
    await expectLoggedIn(page, "alice");
    expect(posts()).toBe(1);
    expect(sandbox.simulator.tokens("alice")).toHaveLength(1);
    expect(sandbox.simulator.journal.calls({ call: "login" })).toBe(1);
    await page.getByText("Launch week").first().waitFor();
    await page.evaluate("chat.signOut()");
    await page.getByText("Signed out").waitFor();
    await expectLoggedIn(page, null);
  });

  it("sign in by the hook when it is enabled, once for two components, and stay signed in without it", async () => {
    const page = await open("hook");
    const shown = (text: string) => page.waitForFunction(`document.body.innerText.trim() === ${JSON.stringify(text)}`);
    await shown("signed-out\n\nsigned-out");
    await page.evaluate("enable(true)");
    await shown("signed-in\n\nsigned-in");
    await page.evaluate("show(false)");
    await shown("");
    await page.evaluate("show(true)");
    await shown("signed-in\n\nsigned-in");
    expect(posts()).toBe(1);
    await page.evaluate("chat.signOut()");
    await shown("signed-out\n\nsigned-out");
    // After a sign-out, the components on screen do not sign in again. A component that is mounted later does.
    await page.evaluate("show(false)");
    await page.evaluate("show(true)");
    await shown("signed-in\n\nsigned-in");
    expect(posts()).toBe(2);
  });

  it("show why a sign-in failed, and let the user try again", async () => {
    sandbox.simulator.faults.add({ match: "any", effect: { kind: "error", status: 400, code: "ERR_BAD_REQUEST" } });
    const page = await open("react");
    const again = page.getByRole("button", { name: "cometchat-rejected: try again" });
    await again.waitFor();
    sandbox.simulator.faults.clear();
    await again.click();
    await status(page, "signed-in");
  });
});
