import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Fetch } from "./server.ts";

const PAGE = join(import.meta.dirname, "page");
const LIVE = join(import.meta.dirname, "live");
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

/** Where CometChat's SDK lies, unmodified, as its users have it. Nothing of it is copied. */
const SDK = fileURLToPath(import.meta.resolve("@cometchat/chat-sdk-javascript"));

export interface SiteOptions {
  /** What the page has to know before it can do anything; read at each visit. */
  settings: () => Record<string, unknown>;
  /** Answers under `/idp/`. */
  provider: Fetch;
  /** Answers under `/v3/`, `/v3.0/` and `/_sim/`. */
  simulator: Fetch;
  /** Answers `/live/lines`, what the live view shows. */
  lines: Fetch;
}

/** The demo page, and beside it the identity provider and the simulated CometChat, on one port. */
export function createSite({ settings, provider, simulator, lines }: SiteOptions): Fetch {
  const files = new Map([
    ["/", join(PAGE, "index.html")],
    ["/sdk.js", SDK],
  ]);
  for (const name of readdirSync(PAGE)) files.set(`/page/${name}`, join(PAGE, name));
  files.set("/live", join(LIVE, "index.html"));
  for (const name of readdirSync(LIVE)) if (extname(name) in TYPES) files.set(`/live/${name}`, join(LIVE, name));

  return async (request) => {
    const { pathname } = new URL(request.url);
    const file = files.get(pathname);
    if (file) return serve(file);
    if (pathname === "/live/lines") return lines(request);
    if (pathname === "/settings.json") return Response.json(settings(), { headers: UNCACHED });
    if (pathname.startsWith("/avatars/")) return portrait(pathname);
    if (pathname.startsWith("/idp/")) return provider(request);
    if (/^\/(v\d|_sim\/)/.test(pathname)) return simulator(request);
    return new Response("Not found\n", { status: 404 });
  };
}

const UNCACHED = { "cache-control": "no-store" };

async function serve(file: string): Promise<Response> {
  const type = TYPES[extname(file)] ?? "application/octet-stream";
  return new Response(await readFile(file), { headers: { ...UNCACHED, "content-type": type } });
}

const COLOURS = ["#3b5bdb", "#0f766e", "#b4530a", "#9d2463", "#6d3fc4", "#42681f"];

/** `/avatars/Alice%20Liddell.svg`: initials on a colour of their own, so that a `picture` claim leads somewhere. */
function portrait(pathname: string): Response {
  const name = decodeURIComponent(pathname.slice("/avatars/".length).replace(/\.svg$/, ""));
  const initials = (name.match(/\p{L}+/gu) ?? ["?"]).slice(0, 2).map((word) => word[0]?.toUpperCase());
  const sum = [...name].reduce((total, char) => total + (char.codePointAt(0) ?? 0), 0);
  const colour = COLOURS[sum % COLOURS.length];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80"><rect width="80" height="80" fill="${colour}"/><text x="40" y="51" text-anchor="middle" font-family="system-ui, sans-serif" font-size="30" font-weight="600" fill="#fff">${initials.join("")}</text></svg>`;
  return new Response(svg, { headers: { "content-type": "image/svg+xml" } });
}
