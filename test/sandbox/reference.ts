/** The part of Fastify that the viewer needs. The viewer is published as a Fastify plugin only. */
interface Route {
  readonly url: string;
  readonly handler: (request: object, reply: object) => unknown;
}

const PREFIX = "/api";
/** The viewer's own colours have less contrast than WCAG 2.2 §1.4.3 asks for. */
const COLOURS = `
.light-mode {
  --scalar-color-2: #565656; --scalar-color-3: #636363;
  --scalar-color-green: #006b43; --scalar-color-red: #b80000; --scalar-color-blue: #0b57a8;
  --scalar-color-yellow: #7a5200; --scalar-color-orange: #963f00; --scalar-color-purple: #5b2fb0;
}
.dark-mode { --scalar-color-2: #b5b5b5; --scalar-color-3: #a8a8a8; --scalar-color-red: #ff8f8f; }
`;
const CONFIGURATION = {
  url: `${PREFIX}/openapi.json`,
  withDefaultFonts: false,
  customCss: COLOURS,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
};
/** The page may call this machine only. Without this, its script would load fonts and a proxy from elsewhere. */
const POLICY =
  "default-src 'self' http://localhost:* http://127.0.0.1:* data: blob: 'unsafe-inline' 'unsafe-eval'; frame-src 'none'; object-src 'none'";

/** Loads the viewer at the first visit, because its script is four megabytes large. */
async function routesOf(): Promise<ReadonlyMap<string, Route["handler"]>> {
  const { default: viewer } = await import("@scalar/fastify-api-reference");
  const routes = new Map<string, Route["handler"]>();
  const fastify = {
    route: ({ url, handler }: Route) => routes.set(url, handler),
    hasPlugin: () => false,
    initialConfig: {},
  };
  viewer(fastify as never, { routePrefix: PREFIX, configuration: CONFIGURATION } as never, () => undefined);
  return routes;
}

/** Serves a page about the gateway's API under `/api/`. It is made from the gateway's /openapi.json. */
export function createReference(gateway: () => URL | undefined): (request: Request) => Promise<Response> {
  let loading: ReturnType<typeof routesOf> | undefined;
  return async (request) => {
    const { pathname, host, protocol } = new URL(request.url);
    if (pathname === CONFIGURATION.url) return document(gateway());
    loading ??= routesOf();
    const handler = (await loading).get(pathname);
    if (!handler) return new Response("Not found\n", { status: 404 });
    return new Promise((resolve) => {
      const headers = new Headers({ "Content-Security-Policy": POLICY });
      const reply = {
        header: (name: string, value: string) => {
          headers.set(name, value);
          return reply;
        },
        redirect: (location: string, status: number) =>
          resolve(new Response(null, { status, headers: { Location: location } })),
        send: (body: string) => {
          const html = headers.get("Content-Type")?.startsWith("text/html");
          // A screen reader has to know the language (WCAG 2.2 §3.1.1), and the viewer does not set it.
          resolve(new Response(html ? body.replace("<html>", '<html lang="en">') : body, { headers }));
        },
      };
      handler({ url: pathname, protocol: protocol.slice(0, -1), hostname: host }, reply);
    });
  };
}

/** The API's document with the gateway's address, to which the page sends its examples. */
async function document(gateway: URL | undefined): Promise<Response> {
  if (!gateway) return new Response(null, { status: 503 });
  const answer = await fetch(new URL("/openapi.json", gateway));
  return Response.json({ ...((await answer.json()) as object), servers: [{ url: gateway.origin }] });
}
