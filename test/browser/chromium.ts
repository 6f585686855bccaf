import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { inflate } from "@sparticuz/chromium";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";

const CACHE = resolve(import.meta.dirname, "../../.cache");

/**
 * A headless Chromium. `npm ci` brings one for Linux on x64; elsewhere an installed Chrome is used, or the one that
 * CHROME_PATH names. The flags that the package suggests are left out on purpose: they switch web security off, and
 * every assertion about CORS would hold whatever the gateway does.
 */
export async function launch(args: string[] = []): Promise<Browser> {
  const { CHROME_PATH } = process.env;
  const flags = { args: ["--no-sandbox", "--no-zygote", ...args], headless: true };
  if (CHROME_PATH) return chromium.launch({ ...flags, executablePath: CHROME_PATH });
  if (process.platform === "linux" && process.arch === "x64")
    return chromium.launch({ ...flags, ...(await bundled()) });
  return chromium.launch({ ...flags, channel: "chrome" }).catch((cause) => {
    const platform = `${process.platform}-${process.arch}`;
    throw new Error(
      `The browser tests found no Chrome on ${platform}. Name one: CHROME_PATH=/path/to/chrome npm test`,
      {
        cause,
      },
    );
  });
}

/** The package's Chromium with its libraries and fonts, unpacked once for each version. */
async function bundled(): Promise<LaunchOptions> {
  const root = resolve(dirname(fileURLToPath(import.meta.resolve("@sparticuz/chromium"))), "..");
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const home = join(CACHE, `chromium-${version}`);
  if (!existsSync(home)) await unpack(join(root, "bin"), home);
  return {
    executablePath: join(home, "chromium"),
    // For the browser alone: libnss3 and its like, which a bare machine does not have, and a font.
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(home, "al2023/lib"),
      FONTCONFIG_FILE: join(home, "fonts.conf"),
    },
  };
}

/** The system's fonts where there are any, and the package's own: a page without a single font ends the renderer. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="relative">fonts-cache</cachedir>
</fontconfig>
`;

/** Beside its place and then moved there at once: what an interrupted run leaves behind is never taken for a browser. */
async function unpack(archives: string, home: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const partial = await mkdtemp(`${home}-`);
  // `inflate` knows no other way to be told where to.
  const { TMPDIR } = process.env;
  process.env.TMPDIR = partial;
  try {
    const names = ["chromium.br", "al2023.tar.br", "fonts.tar.br", "swiftshader.tar.br"];
    await Promise.all(names.map((name) => inflate(join(archives, name))));
    await writeFile(join(partial, "fonts.conf"), FONTS);
    await rename(partial, home);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Another process may have been first.
    if (!existsSync(home)) throw error;
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
}
