import { basename, extname, join, resolve } from "node:path";
import { build } from "esbuild";

const PAGE = join(import.meta.dirname, "page");
const ROOT = resolve(import.meta.dirname, "../..");

/** The types of the files that the sandbox serves. */
export const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".woff2": "font/woff2",
};

export interface Asset {
  type: string;
  body: Uint8Array<ArrayBuffer>;
}

let built: Promise<Map<string, Asset>> | undefined;

/**
 * The page's scripts and styles by path. They are bundled into memory at the first call. React, CometChat's SDK and its
 * UI Kit come from this project's node_modules, where npm has installed them under their own licenses. They are not
 * stored or published.
 */
export function bundle(): Promise<Map<string, Asset>> {
  built ??= make().catch((error) => {
    // After a failed build, the next visit builds again.
    built = undefined;
    throw error;
  });
  return built;
}

async function make(): Promise<Map<string, Asset>> {
  const { outputFiles } = await build({
    entryPoints: ["kit.tsx", "sdk.tsx"].map((entry) => join(PAGE, entry)),
    absWorkingDir: ROOT,
    outdir: "/page",
    publicPath: "/page",
    write: false,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    loader: { ".woff2": "file" },
    // An application imports these from the package. Here they come from the source.
    alias: {
      "cometchat-edge-gateway/client": join(ROOT, "src/client/index.ts"),
      "cometchat-edge-gateway/react": join(ROOT, "src/client/react.ts"),
    },
    // The UI Kit needs this package only if calls are enabled.
    external: ["@cometchat/calls-sdk-javascript"],
    logLevel: "error",
  });
  return new Map(
    outputFiles.map(({ path, contents }) => {
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      return [`/page/${basename(path)}`, { type, body: new Uint8Array(contents) }];
    }),
  );
}
