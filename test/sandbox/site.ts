import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { bundle, TYPES } from "./bundle.ts";
import type { Fetch } from "./server.ts";

const PAGE = join(import.meta.dirname, "page/index.html");
const LIVE = join(import.meta.dirname, "live");

export interface SiteOptions {
  /** Returns the settings that the page reads first at each visit. */
  settings: () => Record<string, unknown>;
  /** Answers under `/idp/`. */
  provider: Fetch;
  /** Answers under `/v3/`, `/v3.0/` and `/_sim/`. */
  simulator: Fetch;
  /** Answers `/live/lines`, the stream of log lines for the live view. */
  lines: Fetch;
  /** Answers `/api` and the paths below it, the page about the gateway's API. */
  reference: Fetch;
}

/** Answers the paths that it knows. For the others it returns undefined, and the next part is called. */
type Part = (request: Request, pathname: string) => Promise<Response | undefined> | Response | undefined;

/** Serves the demo page, the live view, the identity provider and the simulated CometChat on one port. */
export function createSite({ settings, provider, simulator, lines, reference }: SiteOptions): Fetch {
  const parts: readonly Part[] = [
    demo,
    live(lines),
    (request, pathname) => (/^\/api(\/|$)/.test(pathname) ? reference(request) : undefined),
    (_, pathname) => (pathname === "/settings.json" ? Response.json(settings(), { headers: UNCACHED }) : undefined),
    (_, pathname) => (pathname.startsWith("/avatars/") ? portrait(pathname) : undefined),
    (request, pathname) => (pathname.startsWith("/idp/") ? provider(request) : undefined),
    (request, pathname) => (/^\/(v\d|_sim\/)/.test(pathname) ? simulator(request) : undefined),
  ];
  return async (request) => {
    const { pathname } = new URL(request.url);
    for (const part of parts) {
      const answer = await part(request, pathname);
      if (answer) return answer;
    }
    return new Response("Not found\n", { status: 404 });
  };
}

const UNCACHED = { "cache-control": "no-store" };

/** The script of each page. */
const ENTRIES: Record<string, string> = { "/": "kit", "/sdk": "sdk" };

/**
 * The Content-Security-Policy of the demo page. The page may call this machine only, by its two names. With `direct` it
 * may call CometChat's hosts too, because a test's browser maps their names to this machine.
 */
function policy(direct: boolean): string {
  const here = "http://localhost:* http://127.0.0.1:* ws://localhost:* ws://127.0.0.1:*";
  const hosts = direct ? `${here} https://*.cometchat.io wss://*.cometchat.io` : here;
  return `default-src 'self' ${hosts} data: blob:; script-src 'self'; style-src 'self' 'unsafe-inline'`;
}

/** Serves the demo page, and the scripts and styles that are bundled for it. */
async function demo(request: Request, pathname: string): Promise<Response | undefined> {
  const entry = ENTRIES[pathname];
  if (entry) {
    const html = (await readFile(PAGE, "utf8")).replaceAll("{{entry}}", entry);
    const direct = new URL(request.url).searchParams.get("wire") === "direct";
    const headers = { ...UNCACHED, "content-type": "text/html; charset=utf-8" };
    return new Response(html, { headers: { ...headers, "content-security-policy": policy(direct) } });
  }
  if (!pathname.startsWith("/page/")) return undefined;
  const asset = (await bundle()).get(pathname);
  return asset && new Response(asset.body, { headers: { ...UNCACHED, "content-type": asset.type } });
}

function live(lines: Fetch): Part {
  const files = new Map([["/live", join(LIVE, "index.html")]]);
  for (const name of readdirSync(LIVE)) if (extname(name) in TYPES) files.set(`/live/${name}`, join(LIVE, name));
  return (request, pathname) => {
    if (pathname === "/live/lines") return lines(request);
    const file = files.get(pathname);
    return file === undefined ? undefined : serve(file);
  };
}

async function serve(file: string): Promise<Response> {
  const type = TYPES[extname(file)] ?? "application/octet-stream";
  return new Response(await readFile(file), { headers: { ...UNCACHED, "content-type": type } });
}

const COLOURS = ["#3b5bdb", "#0f766e", "#b4530a", "#9d2463", "#6d3fc4", "#42681f"];

/** `/avatars/Alice%20Liddell.svg`: the initials on a colour that depends on the name. `picture` claims refer to it. */
function portrait(pathname: string): Response {
  const name = decodeURIComponent(pathname.slice("/avatars/".length).replace(/\.svg$/, ""));
  const initials = (name.match(/\p{L}+/gu) ?? ["?"]).slice(0, 2).map((word) => word[0]?.toUpperCase());
  const sum = [...name].reduce((total, char) => total + (char.codePointAt(0) ?? 0), 0);
  const colour = COLOURS[sum % COLOURS.length];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80"><rect width="80" height="80" fill="${colour}"/><text x="40" y="51" text-anchor="middle" font-family="system-ui, sans-serif" font-size="30" font-weight="600" fill="#fff">${initials.join("")}</text></svg>`;
  return new Response(svg, { headers: { "content-type": "image/svg+xml" } });
}
